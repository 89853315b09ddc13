"""Who waits for a bed on a ward, in which order and why, and who is offered one that is free.

The most urgent first, in the NHS's order of clinical priority; among equals, who was referred first. A free bed is
offered to the first in the list: that is told and shown, never stored, and a coordinator accepts it or not.
"""

import msgspec
from sqlalchemy import ColumnElement, func, select, tuple_
from sqlmodel import Session, col

from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.database import AnyRow
from monitoring.flow.referral_views import ReferralView, as_view, shown
from monitoring.flow.states import State
from monitoring.flow.tables import Referral
from monitoring.paging import Page, before, page
from monitoring.refusals import NotFound
from monitoring.wards.beds import beds_now
from monitoring.wards.tables import Ward

# `monitoring.wards.occupancy_events` offers in the same order.
_ORDER = (col(Referral.urgency), col(Referral.received_at), col(Referral.id))


class WaitingView(ReferralView, kw_only=True):
    """A referral that waits for a bed, and why it stands where it stands."""

    place: int
    why: str
    waited_s: int
    offered: bool  # a bed is free for this one now


def waiting(act: Act, code: str, limit: int, cursor: str | None) -> Page[WaitingView]:
    """A ward's waiting list, the first first; a page begins after the place where the last one ended.

    Raises Forbidden, NotFound.
    """
    see_ward(act.who, code)
    ward: int | None = act.session.execute(select(col(Ward.id)).where(col(Ward.code) == code)).scalar_one_or_none()
    if ward is None:
        raise NotFound(f"There is no ward {code}.")
    free = beds_now(act.session, [ward], act.now)[ward].available
    listed = (
        select(
            col(Referral.id),
            func.row_number().over(order_by=_ORDER).label("place"),
            (func.rank().over(order_by=col(Referral.urgency)) - 1).label("more_urgent"),
        )
        .where(_waits_for(ward))
        .subquery()
    )
    query = (
        shown(Referral)
        .add_columns(listed.c.place, listed.c.more_urgent)
        .join(listed, listed.c.id == col(Referral.id))
        .where(listed.c.place > (0 if cursor is None else before(cursor)))
        .order_by(listed.c.place)
    )
    return page(act.session, query, limit, key=lambda row: row.place, show=lambda row: _view(act, row, free))


def place(session: Session, referral: Referral) -> int:
    """Where somebody who waits stands in their ward's list; the first is 1."""
    here = tuple_(referral.urgency, referral.received_at, referral.id)
    query = select(func.count()).where(_waits_for(referral.ward_id), tuple_(*_ORDER) <= here)
    found: int = session.execute(query).scalar_one()
    return found


def why(more_urgent: int, longer: int) -> str:
    """The reason for a place: how many stand before, of a higher priority, and of the same one since longer."""
    if not more_urgent + longer:
        return "First: nobody waits with a higher priority, nor longer with the same."
    return f"Before: {more_urgent} with a higher priority, {longer} with the same who waited longer."


def _waits_for(ward: int) -> ColumnElement[bool]:
    return (col(Referral.ward_id) == ward) & (col(Referral.state) == State.WAITING)


def _view(act: Act, row: AnyRow, free: int) -> WaitingView:
    one = as_view(row)
    return WaitingView(
        **msgspec.structs.asdict(one),
        place=row.place,
        why=why(row.more_urgent, row.place - 1 - row.more_urgent),
        waited_s=int((act.now - one.received_at).total_seconds()),
        offered=row.place <= free,
    )
