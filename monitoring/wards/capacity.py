"""Beds funded and staffed from an instant on: decided, decided again, and every decision kept.

A decision holds until the next one begins; one for an instant that was decided before stands in its place. Lowering
below what is occupied is allowed: the ward shows as over capacity, and nobody is moved. Staffing more beds than are
funded is surge, and needs a reason.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.database import AnyRow
from monitoring.fields import Instant, Reason, in_utc
from monitoring.paging import Page, before, page
from monitoring.refusals import unacceptable
from monitoring.wards.beds import beds_now, refuse_closed, ward_in_path
from monitoring.wards.occupancy_events import tell_beds
from monitoring.wards.tables import Ward, WardCapacity

BedCount = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class CapacityBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Beds from an instant on, as sent."""

    funded: BedCount
    staffed: BedCount
    from_: Instant | None = msgspec.field(default=None, name="from")
    reason: Reason | None = None  # required to staff more beds than are funded


class CapacityView(msgspec.Struct, kw_only=True):
    """Beds from an instant on, and who decided it."""

    ward: str
    funded: int
    staffed: int
    from_: datetime = msgspec.field(name="from")
    surge: bool  # more beds are staffed than are funded
    reason: str | None
    decided_by: UUID | None
    decided_by_name: str | None
    recorded_at: datetime | None
    superseded: bool  # a later decision for the same instant stands in its place


def set_capacity(act: Act, code: str, body: CapacityBody) -> CapacityView:
    """Decide the beds of a ward from an instant on. Raises Forbidden, NotFound, Unacceptable, Conflict where closed."""
    ward = ward_in_path(act, code, lock=True)
    refuse_closed(ward)
    from_at = act.now if body.from_ is None else in_utc("from", body.from_)
    standing = _standing(act, ward, from_at)
    asked = (body.funded, body.staffed, body.reason)
    if standing is not None and (standing.funded, standing.staffed, standing.reason) == asked:
        return _shown(act, standing)
    decided = decide(act, ward, from_at, funded=body.funded, staffed=body.staffed, reason=body.reason)
    view = _shown(act, decided)
    if from_at <= act.now:
        tell_beds(act.session, act.now, ward)
    return view


def decide(act: Act, ward: Ward, from_at: datetime, *, funded: int, staffed: int, reason: str | None) -> WardCapacity:
    """Write down a ward's beds from an instant on, its row locked or new; the timekeeper tells of one to come.

    Raises Unacceptable for unexplained surge.
    """
    if staffed > funded and reason is None:
        raise unacceptable("reason", f"required: {staffed} beds staffed are more than the {funded} funded (surge)")
    decided = WardCapacity(
        ward_id=ward.id, from_at=from_at, funded=funded, staffed=staffed, reason=reason, decided_by=act.who.id,
        recorded_at=act.now,
    )  # fmt: skip
    act.session.add(decided)
    if from_at > act.now:
        ward.beds_change_at = min(from_at, ward.beds_change_at or from_at)
    act.session.flush()
    return decided


def next_change(session: Session, ward: Ward, now: datetime) -> datetime | None:
    """The first instant to come for which beds of a ward are decided."""
    query = select(func.min(col(WardCapacity.from_at))).where(
        col(WardCapacity.ward_id) == ward.id, col(WardCapacity.from_at) > now
    )
    found: datetime | None = session.execute(query).scalar_one()
    return found


def leave_unstaffed(act: Act, ward: Ward, reason: str) -> None:
    """Nothing is staffed from now on, nor at any instant for which something else was planned. The row is locked."""
    funded_now = beds_now(act.session, [ward.id], act.now)[ward.id].funded
    planned = _planned(act, ward)
    decide(act, ward, act.now, funded=funded_now, staffed=0, reason=reason)
    for one in planned:
        decide(act, ward, one.from_at, funded=one.funded, staffed=0, reason=reason)
    ward.beds_change_at = None  # nothing to tell


def staff_again(act: Act, ward: Ward, *, funded: int, staffed: int, reason: str) -> None:
    """These beds from now on, in place of what closing the ward left for instants to come. The row is locked."""
    for from_at in (act.now, *(one.from_at for one in _planned(act, ward))):
        decide(act, ward, from_at, funded=funded, staffed=staffed, reason=reason)
    ward.beds_change_at = None  # they are the same ones then


def capacity_history(act: Act, code: str, limit: int, cursor: str | None) -> Page[CapacityView]:
    """Every decision on a ward's beds, the latest first; those to come among them. Raises Forbidden, NotFound."""
    ward = ward_in_path(act, code)
    later = aliased(WardCapacity)
    superseded = exists().where(
        col(later.ward_id) == col(WardCapacity.ward_id),
        col(later.from_at) == col(WardCapacity.from_at),
        col(later.id) > col(WardCapacity.id),
    )
    query = (
        select(WardCapacity, Staff, superseded.label("superseded"))
        .outerjoin(Staff, col(Staff.id) == col(WardCapacity.decided_by))
        .where(col(WardCapacity.ward_id) == ward.id, col(WardCapacity.id) < before(cursor))
        .order_by(col(WardCapacity.id).desc())
    )

    def show(row: AnyRow) -> CapacityView:
        return _view(ward.code, row[0], row[1], superseded=row.superseded)

    return page(act.session, query, limit, key=lambda row: row[0].id, show=show)


def _planned(act: Act, ward: Ward) -> list[WardCapacity]:
    """What stands decided for each instant to come."""
    query = (
        select(WardCapacity)
        .where(col(WardCapacity.ward_id) == ward.id, col(WardCapacity.from_at) > act.now)
        .order_by(col(WardCapacity.from_at), col(WardCapacity.id))
    )
    standing = {one.from_at: one for one in act.session.execute(query).scalars()}
    return list(standing.values())


def _standing(act: Act, ward: Ward, from_at: datetime) -> WardCapacity | None:
    """What was decided last for this very instant."""
    query = (
        select(WardCapacity)
        .where(col(WardCapacity.ward_id) == ward.id, col(WardCapacity.from_at) == from_at)
        .order_by(col(WardCapacity.id).desc())
        .limit(1)
    )
    found: WardCapacity | None = act.session.execute(query).scalar_one_or_none()
    return found


def _shown(act: Act, standing: WardCapacity) -> CapacityView:
    ward = act.session.get_one(Ward, standing.ward_id)
    by = None if standing.decided_by is None else act.session.get_one(Staff, standing.decided_by)
    return _view(ward.code, standing, by, superseded=False)


def _view(code: str, one: WardCapacity, by: Staff | None, *, superseded: bool) -> CapacityView:
    return CapacityView(
        ward=code,
        funded=one.funded,
        staffed=one.staffed,
        from_=one.from_at,
        surge=one.staffed > one.funded,
        reason=one.reason,
        decided_by=None if by is None else by.public_id,
        decided_by_name=None if by is None else by.name,
        recorded_at=one.recorded_at,
        superseded=superseded,
    )
