"""TEMPORARY until merged."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from monitoring.access.tables import Staff
from monitoring.escalation.outbox import Way
from monitoring.escalation.tables import Contact
from monitoring.wards.tables import Ward


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody."""

    staff_id: int
    public_id: UUID
    name: str
    ways: tuple[Way, ...]


def people(session: Session, ids: Collection[int]) -> dict[int, Person]:
    """By id."""
    ways: dict[int, list[Way]] = {}
    for one in session.execute(
        select(Contact).where(col(Contact.staff_id).in_(ids)).order_by(col(Contact.place))
    ).scalars():
        ways.setdefault(one.staff_id, []).append(Way(one.by, one.to, tuple(one.secrets)))
    found = session.execute(select(Staff).where(col(Staff.id).in_(ids))).scalars()
    return {one.id: Person(one.id, one.public_id, one.name, tuple(ways.get(one.id, ()))) for one in found}


def on_duty(session: Session, asked: Collection[tuple[int, str]], now: datetime) -> dict[tuple[int, str], list[Person]]:
    """All."""
    out = {}
    for ward, tell in asked:
        code = session.execute(select(col(Ward.code)).where(col(Ward.id) == ward)).scalar_one()
        ids = [
            one.id
            for one in session.execute(select(Staff).where(col(Staff.role) == tell)).scalars()
            if one.wards is None or code in one.wards
        ]
        out[ward, tell] = list(people(session, ids).values())
    return out
