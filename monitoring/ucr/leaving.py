"""A patient for whom a UCR team is asked dies, leaves or comes to another ward, or the alert ends: the referral hears.

A team that is with the patient already makes its visit whatever happens, and says itself how it ended.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select
from sqlmodel import Session, col

from alert_rules.alarms import HELD
from monitoring.alerts.tables import Alert
from monitoring.bars.sending import reply
from monitoring.bars.tables import BarsMessage
from monitoring.events import NewEvent
from monitoring.ucr import states
from monitoring.ucr.by_ward import call_off
from monitoring.ucr.holding import Held
from monitoring.ucr.marking import mark
from monitoring.ucr.states import LIVE, WAITING, Move, State
from monitoring.ucr.tables import UcrReferral, UcrTeam
from monitoring.ucr.telling import event
from monitoring.wards.tables import Ward

DIED: Final = "the patient died"
CAUSE_ENDED: Final = "what the alert was about has ended by itself"


def call_off_all(
    session: Session, patient_id: int, why: str, now: datetime, by: int, *, at_home: bool = False
) -> list[NewEvent]:
    """Nobody goes to see this patient any more. The rows of their open alerts are locked. Returns what to emit.

    `at_home`: only the stay has ended. What 111 or 999 asked for had nothing to do with it, and still holds.
    """
    events: list[NewEvent] = []
    waiting = _of(session, patient_id, WAITING)
    kept = _from_outside(session, waiting) if at_home else set()
    for referral in waiting:
        if referral.id in kept:
            continue
        alert = None if referral.alert_id is None else session.get_one(Alert, referral.alert_id)
        team = None if referral.team_id is None else session.get_one(UcrTeam, referral.team_id)
        events += call_off_one(session, Held(referral, alert, team), why, now, by)
    return events


def call_off_one(session: Session, held: Held, why: str, now: datetime, by: int | None = None) -> list[NewEvent]:
    """Cancel a referral that is locked, by itself. Returns what to emit.

    Where the team had taken the alert nobody has it now, and it climbs; who else has it keeps it.
    """
    ended, alert = held.referral, held.alert
    is_elses = alert is not None and alert.state in HELD and alert.acknowledged_by != ended.accepted_by
    was, ended.state = State(ended.state), states.cancel(State(ended.state))
    ended.version += 1
    ended.acted_at = now
    told = call_off(session, held, now, why, now, climbs=not is_elses)
    mark(session, ended, Move.CANCEL, was, now, by=by, reason=why)
    reply(session, ended, Move.CANCEL, now)
    return [event(session, ended, Move.CANCEL, why, now), *told]


def end_unplaced(session: Session, alert: Alert, why: str, now: datetime, by: int) -> list[NewEvent]:
    """What no team takes ends with the alert that asked for it. Its row is locked. Returns what to emit.

    A visit that a team may still make does not, nor does one that is declined later: the patient was promised it.
    """
    query = (
        select(UcrReferral)
        .where(col(UcrReferral.alert_id) == alert.id, col(UcrReferral.state) == State.UNPLACED)
        .order_by(col(UcrReferral.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    events: list[NewEvent] = []
    for referral in session.execute(query).scalars().all():
        events += call_off_one(session, Held(referral, alert, None), why, now, by)
    return events


def move_all(session: Session, patient_id: int, to: Ward, now: datetime, by: int) -> list[NewEvent]:
    """The ward that the patient came to is told of their referrals from now on. Returns what to emit."""
    events: list[NewEvent] = []
    for referral in _of(session, patient_id, LIVE):
        referral.ward_id = to.id
        referral.version += 1
        what = f"came to ward {to.code}"
        mark(session, referral, what, State(referral.state), now, by=by)
        events.append(event(session, referral, what, None, now))
    return events


def _from_outside(session: Session, referrals: Collection[UcrReferral]) -> set[int]:
    """Those that came as messages from outside."""
    came = exists().where(col(BarsMessage.chain) == col(UcrReferral.chain))
    ids = [one.id for one in referrals]
    query = select(col(UcrReferral.id)).where(col(UcrReferral.id).in_(ids), came)
    return set(session.execute(query).scalars()) if ids else set()


def _of(session: Session, patient_id: int, which: Collection[State]) -> Sequence[UcrReferral]:
    query = (
        select(UcrReferral)
        .where(col(UcrReferral.patient_id) == patient_id, col(UcrReferral.state).in_(which))
        .order_by(col(UcrReferral.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.execute(query).scalars().all()
