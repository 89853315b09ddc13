"""A ward is closed once nobody is in it or wants to come, and opened again with beds."""

from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.fields import Reason
from monitoring.flow.states import LIVE
from monitoring.flow.tables import Referral
from monitoring.refusals import Conflict
from monitoring.wards.beds import beds_now, refuse_closed, ward_in_path
from monitoring.wards.capacity import BedCount, leave_unstaffed, staff_again
from monitoring.wards.occupancy_events import tell_beds
from monitoring.wards.tables import Ward
from monitoring.wards.wards import WardView, ward


class CloseBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why a ward closes."""

    reason: Reason


class ReopenBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Why a ward opens again, and its beds from now on."""

    reason: Reason
    funded: BedCount
    staffed: BedCount


def close_ward(act: Act, code: str, body: CloseBody) -> WardView:
    """Close a ward that nobody needs any more. Raises Forbidden, NotFound; Conflict with who is in it or waits."""
    closing = ward_in_path(act, code, lock=True)
    refuse_closed(closing)
    _refuse_needed(act, closing)
    leave_unstaffed(act, closing, body.reason)
    closing.closed_at = act.now
    return _told(act, closing)


def reopen_ward(act: Act, code: str, body: ReopenBody) -> WardView:
    """Open a closed ward again. Raises Forbidden, NotFound, Unacceptable, Conflict where it is open."""
    opening = ward_in_path(act, code, lock=True)
    if opening.closed_at is None:
        raise Conflict("The ward is open.", current={"ward": code, "closed_at": None})
    staff_again(act, opening, funded=body.funded, staffed=body.staffed, reason=body.reason)
    opening.closed_at = None
    return _told(act, opening)


def _refuse_needed(act: Act, closing: Ward) -> None:
    """Raise Conflict where somebody is in the ward, a bed is held, or a referral to it is not answered."""
    now = beds_now(act.session, [closing.id], act.now)[closing.id]
    referrals = (
        select(func.count()).select_from(Referral).where(
            col(Referral.ward_id) == closing.id, col(Referral.state).in_(LIVE)
        )
    )  # fmt: skip
    needed: dict[str, Any] = {
        "occupied": now.occupied,
        "reserved": now.reserved,
        "referrals": act.session.execute(referrals).scalar_one(),
    }
    if any(needed.values()):
        raise Conflict("The ward is still needed.", current={"ward": closing.code, **needed})


def _told(act: Act, changed: Ward) -> WardView:
    act.session.add(changed)
    act.session.flush()
    view = ward(act, changed.code)
    tell_beds(act.session, act.now, changed)
    return view
