"""Events: what `/v1/live` tells. Durable ones are rows, numbered in the order in which they were committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlmodel import Session

from monitoring.database import driver

ORDER_LOCK: Final = 7_701
"""Held from the insert to the commit: without it a reader of `id > last` misses rows that commit later."""

CHANNEL: Final = "event"
"""NOTIFY only wakes whoever waits; the rows are the truth."""

TRANSIENT_CHANNEL: Final = "live"
"""The queue's channel for `reading` and `score`, which are no rows and may be lost."""


KEPT_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, to tell whoever watches that ward."""

    kind: str  # alert, escalation, occupancy, ucr, system; reading and score are told, and never written
    at: datetime
    ward: str | None
    patient: UUID | None
    shown: Mapping[str, object] | msgspec.Struct

    @property
    def data(self) -> dict[str, object]:
        """What is sent: one envelope for every kind, and in it what is shown, under the kind's name."""
        whose = {} if self.patient is None else {"patient": self.patient}
        return {"at": self.at, "ward": self.ward, **whose, self.kind: self.shown}


def emit(session: Session, events: Sequence[NewEvent]) -> None:
    """Write events. Call it last in a transaction: everybody else's events wait until it commits."""
    if not events:
        return
    connection = driver(session)
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (ORDER_LOCK,))
    connection.execute(
        "INSERT INTO event (at, kind, ward, patient, data)"
        " SELECT * FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::uuid[], %s::jsonb[])",
        (
            [event.at for event in events],
            [event.kind for event in events],
            [event.ward for event in events],
            [event.patient for event in events],
            [msgspec.json.encode(event.data).decode() for event in events],
        ),
    )
    connection.execute(f"NOTIFY {CHANNEL}")
