"""What UCR asks of the rest of escalation, in one place: the ladder's next step, who is on duty, the outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict
from uuid import UUID

import msgspec
from sqlalchemy import any_, select
from sqlmodel import Session, col

from alert_rules.alarms import ENDED, State
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.database import driver
from monitoring.escalation.tables import By, Contact, Escalation, Message
from monitoring.wards.tables import Ward

CHANNEL: Final = "message"


class Way(TypedDict):
    """How somebody is told, and where."""

    by: str
    to: str
    secrets: list[str]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on duty, and the ways in which they may be told now."""

    staff_id: int
    public_id: UUID
    name: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to write: by the first way, then the others."""

    ways: Sequence[Way]
    body: dict[str, Any]
    severity: int
    give_up_at: datetime
    alert_id: int | None = None
    ladder_step_id: int | None = None
    ward_id: int | None = None
    staff_id: int | None = None


def resume(session: Session, alert: Alert, why: str, now: datetime) -> None:
    """The alert's ladder goes on with its next step at once, and says why. The alert's row is locked.

    Whoever took it, took it for a visit that does not come: it is open again.
    """
    if State(alert.state) in ENDED:
        return
    was = State(alert.state)
    if was in {State.ACKNOWLEDGED, State.ACTIONED}:
        alert.state, alert.due_at = State.OPEN, now
        alert.version += 1
    session.add(alert)
    session.add(
        AlertHistory(alert_id=alert.id, at=now, from_state=was, to_state=alert.state, severity=alert.severity, what=why)
    )
    if (standing := session.get(Escalation, alert.id)) is not None:
        standing.due_at = now
        session.add(standing)


def put(session: Session, messages: Sequence[NewMessage], now: datetime) -> None:
    """Write messages into the outbox; whoever delivers is woken at the commit."""
    told = [one for one in messages if one.ways]
    session.add_all(
        Message(
            alert_id=one.alert_id, ladder_step_id=one.ladder_step_id, ward_id=one.ward_id, staff_id=one.staff_id,
            severity=one.severity, by=By(one.ways[0]["by"]), address=one.ways[0]["to"],
            ways=[dict(way) for way in one.ways], body=msgspec.to_builtins(one.body), next_at=now,
            give_up_at=one.give_up_at, created_at=now,
        )
        for one in told
    )  # fmt: skip
    if told:
        session.flush()
        driver(session).execute(f"NOTIFY {CHANNEL}")


def clinicians_of(session: Session, ward_id: int) -> list[Person]:
    """The ward's clinicians and how they are told."""
    code = select(col(Ward.code)).where(col(Ward.id) == ward_id).scalar_subquery()
    theirs = col(Staff.wards).is_(None) | (code == any_(col(Staff.wards)))
    query = (
        select(Staff, Contact)
        .join(Contact, col(Contact.staff_id) == col(Staff.id))
        .where(col(Staff.role) == Role.CLINICIAN, theirs)
        .order_by(col(Staff.id), col(Contact.place))
    )
    people: dict[int, tuple[Staff, list[Way]]] = {}
    for staff, contact in session.execute(query):
        way = Way(by=contact.by, to=contact.to, secrets=contact.secrets)
        people.setdefault(staff.id, (staff, []))[1].append(way)
    return [Person(one.id, one.public_id, one.name, tuple(ways)) for one, ways in people.values()]
