"""The outbox: what is to be told to whom, written in the transaction of what it tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from sqlmodel import Session

from monitoring.database import driver
from monitoring.escalation.tables import By, Message

CHANNEL = "message"


class Way(TypedDict, total=False):
    """How somebody is told."""

    by: str
    to: str
    secrets: list[str]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """Something to tell somebody."""

    ways: Sequence[Way]
    body: dict[str, Any]
    severity: int
    give_up_at: datetime
    alert_id: int | None = None
    ladder_step_id: int | None = None
    ward_id: int | None = None
    staff_id: int | None = None


def put(session: Session, messages: Sequence[NewMessage], now: datetime) -> None:
    """Write messages, and wake who sends them once this is committed."""
    session.add_all(
        Message(
            ways=[dict(way) for way in one.ways],
            by=By(one.ways[0]["by"]),
            address=one.ways[0]["to"],
            body=one.body,
            severity=one.severity,
            give_up_at=one.give_up_at,
            alert_id=one.alert_id,
            ladder_step_id=one.ladder_step_id,
            ward_id=one.ward_id,
            staff_id=one.staff_id,
            next_at=now,
            created_at=now,
        )
        for one in messages
    )
    session.flush()
    driver(session).execute(f"NOTIFY {CHANNEL}")


def cancel(session: Session, alert_id: int, now: datetime) -> None:
    """Send nothing more of an alert."""
    driver(session).execute(
        "UPDATE message SET state = 'cancelled', done_at = %s, ways = '[]' WHERE alert_id = %s AND state = 'pending'",
        (now, alert_id),
    )
