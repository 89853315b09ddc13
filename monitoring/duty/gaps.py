"""Gaps: when nobody is on duty whom a ward's ladders tell, and who is on duty and cannot be told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules import duty
from alert_rules.staffed import Shift
from monitoring.acts import Act
from monitoring.duty.on_duty import works_at_present
from monitoring.duty.roster import Duty, Roster, load
from monitoring.duty.told import Told, told_by_ladders
from monitoring.wards.beds import ward_in_path
from monitoring.wards.tables import Ward


class Gap(msgspec.Struct, kw_only=True):
    """When nobody is on duty whom a ladder tells."""

    tell: str
    from_: datetime = msgspec.field(name="from")
    to: datetime


class Unreachable(msgspec.Struct, kw_only=True):
    """Somebody who is or comes on duty, and has no contact that works."""

    staff: UUID
    name: str
    from_: datetime = msgspec.field(name="from")  # when first


class GapsView(msgspec.Struct, kw_only=True):
    """What is amiss with a ward's duty in the next 14 days."""

    ward: str
    from_: datetime = msgspec.field(name="from")
    to: datetime
    items: list[Gap]
    unreachable: list[Unreachable]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Shortage:
    """The same, as one looks at many wards. `nobody`: when none of all that are told could be reached."""

    ward: str
    gaps: list[Gap]
    unreachable: list[Unreachable]
    nobody: list[Shift]
    has_rota: bool


def gaps(act: Act, code: str) -> GapsView:
    """A ward's gaps, in order of time. Raises Forbidden, NotFound."""
    ward = ward_in_path(act, code)
    until = act.now + duty.GAPS_LOOKED_FOR
    found = shortages(act.session, [ward.id], act.now, until)[0]
    return GapsView(ward=ward.code, from_=act.now, to=until, items=found.gaps, unreachable=found.unreachable)


def shortages_of_open_wards(session: Session, now: datetime) -> list[Shortage]:
    """Every open ward's, in order of their codes."""
    wards = select(col(Ward.id)).where(col(Ward.closed_at).is_(None)).order_by(col(Ward.code))
    return shortages(session, list(session.execute(wards).scalars()), now, now + duty.GAPS_LOOKED_FOR)


def shortages(session: Session, wards: Sequence[int], since: datetime, until: datetime) -> list[Shortage]:
    """What is amiss with the duty of wards between two instants: a few queries, whatever their number."""
    if not wards:
        return []
    told = told_by_ladders(session, wards, since)
    roster = load(session, wards, {one.tell for some in told.values() for one in some})
    reachable = works_at_present(session, {who.id for who in roster.staff.values()})
    return [_shortage(roster, ward, told[ward], reachable, (since, until)) for ward in wards]


def _shortage(roster: Roster, ward: int, told: Sequence[Told], reachable: Collection[int], span: Shift) -> Shortage:
    by_tell = {one: roster.told(ward, one.tell, *span) for one in told}
    hours = duty.staffed(roster.wards[ward].staffed_hours, *span)
    found = [
        Gap(tell=one.tell, from_=start, to=end)
        for one, duties in by_tell.items()
        for start, end in duty.without(hours if one.in_hours_only else [span], _covered(duties))
    ]
    every = [one for duties in by_tell.values() for one in duties]
    can = [one for one in every if one.who.id in reachable]
    return Shortage(
        ward=roster.wards[ward].code,
        gaps=sorted(found, key=lambda gap: (gap.from_, gap.tell)),
        unreachable=_unreachable([one for one in every if one.who.id not in reachable]),
        nobody=duty.gaps(_covered(can), *span),
        has_rota=bool(roster.roles_of(ward)),
    )


def _covered(duties: Sequence[Duty]) -> list[Shift]:
    return duty.union(span for one in duties for span in one.spans)


def _unreachable(duties: Sequence[Duty]) -> list[Unreachable]:
    """Each once, who is on duty soonest first."""
    first: dict[int, Unreachable] = {}
    for one in sorted(duties, key=lambda one: (one.spans[0][0], one.who.name)):
        view = Unreachable(staff=one.who.public_id, name=one.who.name, from_=one.spans[0][0])
        first.setdefault(one.who.id, view)
    return list(first.values())
