"""A patient for whom a UCR team is asked dies, or comes to another ward: the referral hears of it in that moment."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from monitoring.alerts.tables import Alert
from monitoring.events import NewEvent
from monitoring.ucr import states
from monitoring.ucr.answering import Held, call_off
from monitoring.ucr.marking import mark
from monitoring.ucr.states import LIVE, WAITING, Move, State
from monitoring.ucr.tables import UcrReferral, UcrTeam
from monitoring.ucr.telling import event
from monitoring.wards.tables import Ward

DIED: Final = "the patient died"


def call_off_all(session: Session, patient_id: int, why: str, now: datetime, by: int) -> list[NewEvent]:
    """Nobody goes to see this patient any more. The rows of their open alerts are locked. Returns what to emit."""
    events: list[NewEvent] = []
    for referral in _of(session, patient_id, WAITING):
        alert = None if referral.alert_id is None else session.get_one(Alert, referral.alert_id)
        team = None if referral.team_id is None else session.get_one(UcrTeam, referral.team_id)
        events += call_off_one(session, Held(referral, alert, team), why, now, by)
    return events


def call_off_one(session: Session, held: Held, why: str, now: datetime, by: int | None = None) -> list[NewEvent]:
    """Cancel a referral that is locked, by itself. Returns what to emit."""
    ended = held.referral
    was, ended.state = State(ended.state), states.cancel(State(ended.state))
    ended.version += 1
    ended.acted_at = now
    told = call_off(session, held, now, why, now)
    mark(session, ended, Move.CANCEL, was, now, by=by, reason=why)
    return [event(session, ended, Move.CANCEL, why, now), *told]


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


def _of(session: Session, patient_id: int, which: Collection[State]) -> Sequence[UcrReferral]:
    query = (
        select(UcrReferral)
        .where(col(UcrReferral.patient_id) == patient_id, col(UcrReferral.state).in_(which))
        .order_by(col(UcrReferral.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.execute(query).scalars().all()
