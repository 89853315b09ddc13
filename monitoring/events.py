"""Events: what `/v1/live` tells. Durable ones are rows, numbered in the order in which they were committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlmodel import Session

from monitoring.bulk import as_rows, insert_into, row_of
from monitoring.database import driver

ORDER_LOCK: Final = 7_701
"""Held from the insert to the commit: without it a reader of `id > last` misses rows that commit later."""

CHANNEL: Final = "event"
"""NOTIFY only wakes whoever waits; the rows are the truth."""

TRANSIENT_CHANNEL: Final = "live"
"""The queue's channel for `reading` and `score`, which are no rows and may be lost."""

NEWS_CHANNEL: Final = "news"
"""The one for pages: which wards have new scores, and nothing of them. Nobody has to read anything to say so."""

KEPT_FOR: Final = timedelta(days=7)

_COLUMNS: Final = {"at": "timestamptz", "kind": "text", "ward": "text", "patient": "uuid", "data": "jsonb"}
_Row: Final = row_of("Row", _COLUMNS)
_INSERT: Final = insert_into("event", _COLUMNS)


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
    rows = [_Row(event.at, event.kind, event.ward, event.patient, event.data) for event in events]
    connection.execute(_INSERT, (as_rows(rows),))
    connection.execute(f"NOTIFY {CHANNEL}")
