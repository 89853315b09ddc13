"""The handover of a shift: who goes off duty passes what they answer for to a colleague by name, who has to take it."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules import duty
from alert_rules.alarms import HELD, State
from alert_rules.staffed import Shift
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts.answers import AcknowledgeBody, may_answer
from monitoring.alerts.holding import lock_held, record, shown, take
from monitoring.alerts.tables import Alert
from monitoring.alerts.views import AlertDetail, event
from monitoring.duty.on_duty import LOOKED_AHEAD, duty_of
from monitoring.escalation.climbing import restart
from monitoring.escalation.tables import Handover, HandoverEnd
from monitoring.events import emit
from monitoring.fields import Text, Version
from monitoring.refusals import Conflict, unacceptable
from monitoring.wards.tables import Ward

ANSWERS: Final = frozenset({Role.CLINICIAN, Role.SUPPORT, Role.ADMIN})
"""Roles that answer alerts: those that the table of permissions lets."""

UNTAKEN: Final = "handover not taken by the end of the shift"


class HandOverBody(msgspec.Struct, forbid_unknown_fields=True):
    """To whom an alert is handed over."""

    to: UUID
    note: Text | None = None
    version: Version | None = None


def hand_over(act: Act, alert_id: UUID, body: HandOverBody) -> AlertDetail:
    """Offer a held alert to a colleague, who has to take it; until then who held it still does.

    By who holds it, or an admin; once they have gone off duty, by any who may answer it. Raises NotFound, Forbidden,
    Unacceptable, Conflict.
    """
    found = lock_held(act, alert_id, body.version)
    giver = act.session.get_one(Staff, found.acknowledged_by)
    ends = duty_of(act.session, found.ward_id, giver, act.now)
    if giver.id != act.who.id and ends is not None and act.who.role is not Role.ADMIN:
        raise Conflict(f"{giver.name} holds it, and is on duty.", current=shown(act.session, found, act.now))
    to = _receiver(act, found, body.to)
    if pending := _pending(act.session, found.id):
        pending.ended, pending.ended_at = HandoverEnd.REPLACED, act.now
        act.session.flush()  # before the next one: an alert is offered to one at a time
    act.session.add(
        Handover(
            alert_id=found.id, giver_id=giver.id, to_id=to.id, offered_by=act.who.id, note=body.note,
            offered_at=act.now, due_at=_take_by(ends, act.now),
        )
    )  # fmt: skip
    what = f"handed over to {to.name}, who has to take it"
    said = record(act.session, found, State(found.state), what, act.now, by=act.who.id, note=body.note)
    emit(act.session, [event(said, act.now)])
    return said


def take_over(act: Act, alert_id: UUID, body: AcknowledgeBody) -> AlertDetail:
    """Take what was handed over to the caller. Raises NotFound, Forbidden, Conflict."""
    found = lock_held(act, alert_id, body.version)
    pending = _pending(act.session, found.id)
    if pending is None or pending.to_id != act.who.id or pending.giver_id != found.acknowledged_by:
        raise Conflict("It is not handed over to you.", current=shown(act.session, found, act.now))
    pending.ended, pending.ended_at = HandoverEnd.TAKEN, act.now
    said = take(act, found, act.session.get_one(Staff, pending.giver_id).name, body.note)
    emit(act.session, [event(said, act.now)])
    return said


def lapse(session: Session, alert_id: int, now: datetime) -> bool:
    """End a handover that nobody took in time: the alert is open again, and climbs. False where it is not due (now).

    An alert that somebody is at work on is passed over, and looked at again soon.
    """
    lock = select(Alert).where(col(Alert.id) == alert_id).with_for_update(skip_locked=True)
    found: Alert | None = session.execute(lock).scalar_one_or_none()
    pending = None if found is None else _pending(session, alert_id)
    if found is None or pending is None or pending.due_at is None or pending.due_at > now:
        return False
    is_held = found.state in HELD and found.acknowledged_by == pending.giver_id
    pending.ended, pending.ended_at = HandoverEnd.LAPSED if is_held else HandoverEnd.MOOT, now
    session.flush()
    if is_held:
        emit(session, restart(session, found, UNTAKEN, now))
    return True


def _pending(session: Session, alert_id: int) -> Handover | None:
    query = select(Handover).where(col(Handover.alert_id) == alert_id, col(Handover.ended).is_(None))
    found: Handover | None = session.execute(query).scalar_one_or_none()
    return found


def _receiver(act: Act, found: Alert, public_id: UUID) -> Staff:
    """Who is to take it. Raises Unacceptable where they could not."""
    to: Staff | None = act.session.execute(select(Staff).where(col(Staff.public_id) == public_id)).scalar_one_or_none()
    ward = act.session.get_one(Ward, found.ward_id).code
    if to is None or (to.wards is not None and ward not in to.wards):
        raise unacceptable("to", f"nobody of that id works on ward {ward}")
    if to.role not in ANSWERS or not may_answer(Role(to.role), found):
        raise unacceptable("to", f"is {to.role}, who may not answer this alert")
    if to.id == found.acknowledged_by:
        raise unacceptable("to", "holds it already")
    return to


def _take_by(giver_on_duty: Shift | None, now: datetime) -> datetime | None:
    """By when it has to be taken: the end of the giver's shift, where there is one."""
    if giver_on_duty is None:
        return now + duty.TAKEN_WITHIN
    end = giver_on_duty[1]
    return end if end < now + LOOKED_AHEAD else None
