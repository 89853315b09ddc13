"""Who is on duty, and how each of them can be told now."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select
from sqlmodel import Session, col

from alert_rules.duty import union
from alert_rules.staffed import Shift
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.delivery.outbox import Way
from monitoring.duty.contacts import valid_secrets
from monitoring.duty.roster import Duty, load
from monitoring.escalation.tables import By, Contact
from monitoring.wards.beds import ward_in_path

ON_DUTY_ROLES: Final = (Role.CLINICIAN, Role.SUPPORT, Role.COORDINATOR)
"""Who works on a ward. Others are on duty there only where a rota names them."""

INSTANT: Final = timedelta(microseconds=1)
LOOKED_AHEAD: Final = timedelta(hours=48)
"""Within it, the end of somebody's duty is told. Whose duty does not end within it has no end of a shift."""

_STAFF = bindparam("staff", type_=ARRAY(BigInteger))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on duty, and how they can be told, in their own order of preference; `ways` is empty where they cannot.

    What fails at present is tried last. Quiet hours never apply on duty.
    """

    staff_id: int
    public_id: UUID
    name: str
    ways: tuple[Way, ...]


def on_duty(session: Session, asked: Collection[tuple[int, str]], now: datetime) -> dict[tuple[int, str], list[Person]]:
    """Who is on duty for each ward and what its ladder tells (a role, or `rota:<code>`): four queries in all."""
    roster = load(session, {ward for ward, _ in asked}, {tell for _, tell in asked})
    found = {one: _once(roster.told(*one, now, now + INSTANT)) if one[0] in roster.wards else [] for one in set(asked)}
    ways = ways_of(session, {duty.who.id for duties in found.values() for duty in duties}, now)
    return {
        one: [Person(duty.who.id, duty.who.public_id, duty.who.name, ways.get(duty.who.id, ())) for duty in duties]
        for one, duties in found.items()
    }


def ways_of(session: Session, staff: Collection[int], now: datetime) -> dict[int, tuple[Way, ...]]:
    """How each of them can be told: those who cannot are left out."""
    found: dict[int, list[tuple[bool, Way]]] = {}
    for contact in session.execute(_CONTACTS, {"staff": list(staff)}).scalars() if staff else ():
        way = Way(By(contact.by), contact.to, tuple(valid_secrets(contact, now)))
        found.setdefault(contact.staff_id, []).append((contact.failing_since is not None, way))
    return {one: tuple(way for _, way in sorted(ways, key=_works_first)) for one, ways in found.items()}


def duty_of(session: Session, ward_id: int, who: Staff, now: datetime) -> Shift | None:
    """The rest of somebody's duty on a ward, by whatever rota; None where they are not on duty."""
    roles = {*ON_DUTY_ROLES, who.role}
    roster = load(session, [ward_id], roles)
    duties = roster.of_ward(ward_id, roles | roster.roles_of(ward_id), now, now + LOOKED_AHEAD)
    spans = union(span for one in duties if one.who.id == who.id for span in one.spans)
    return spans[0] if spans and spans[0][0] <= now else None


def works_at_present(session: Session, staff: Collection[int]) -> set[int]:
    """Which of them have a contact that does not fail."""
    query = select(col(Contact.staff_id)).where(
        col(Contact.staff_id) == any_(_STAFF), col(Contact.failing_since).is_(None)
    )
    return set(session.execute(query, {"staff": list(staff)}).scalars())


class OnDutyView(msgspec.Struct, kw_only=True):
    """Somebody on duty: in which role, by which rota (none: in staffed hours), until when, and how they can be told."""

    staff: UUID
    name: str
    role: Role
    rota: str | None
    until: datetime | None  # None: not within the next two days
    by: list[By]


class DutyView(msgspec.Struct, kw_only=True):
    """Who is on duty on a ward at an instant."""

    ward: str
    at: datetime
    items: list[OnDutyView]
    next: str | None = None


def who_is_on_duty(act: Act, code: str, at: datetime) -> DutyView:
    """Everybody on duty, by role and name. Raises Forbidden, NotFound."""
    ward = ward_in_path(act, code)
    roster = load(act.session, [ward.id], ON_DUTY_ROLES)
    end = at + LOOKED_AHEAD
    duties = roster.of_ward(ward.id, {*ON_DUTY_ROLES, *roster.roles_of(ward.id)}, at, end)
    there = sorted((one for one in duties if one.spans[0][0] <= at), key=lambda one: (one.role, one.who.name))
    ways = ways_of(act.session, {one.who.id for one in there}, act.now)
    return DutyView(ward=ward.code, at=at, items=[_view(one, end, ways.get(one.who.id, ())) for one in there])


def _view(one: Duty, end: datetime, ways: Iterable[Way]) -> OnDutyView:
    until = one.spans[0][1]
    return OnDutyView(
        staff=one.who.public_id, name=one.who.name, role=one.role, rota=one.rota,
        until=until if until < end else None, by=[way.by for way in ways],
    )  # fmt: skip


def _once(duties: Iterable[Duty]) -> list[Duty]:
    """Each person once, however many rotas they are on, in a fixed order."""
    return sorted({one.who.id: one for one in duties}.values(), key=lambda one: one.who.id)


def _works_first(way: tuple[bool, Way]) -> bool:
    return way[0]


_CONTACTS: Final = (
    select(Contact).where(col(Contact.staff_id) == any_(_STAFF)).order_by(col(Contact.staff_id), col(Contact.place))
)
