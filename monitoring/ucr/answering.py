"""What a team does with a referral, from the acceptance to its end. Each answer is one transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlmodel import Session, col

from alert_rules.alarms import ENDED
from alert_rules.alarms import State as AlertState
from alert_rules.sepsis import Answer
from alert_rules.severity import Severity
from monitoring.acts import Act
from monitoring.alerts.answers import act_for_visit, take_for_visit
from monitoring.alerts.tables import Alert
from monitoring.bars.sending import reply
from monitoring.escalation.climbing import resume
from monitoring.escalation.tables import LadderStep, Taken
from monitoring.events import NewEvent, emit
from monitoring.fields import Reason
from monitoring.ucr import states
from monitoring.ucr.holding import Held, UcrActBody, answer, done, go_on_climbing, held_by_caller, note_in_alert
from monitoring.ucr.placing import is_alone, send_on
from monitoring.ucr.states import Move, Outcome, State
from monitoring.ucr.tables import UcrTeam
from monitoring.ucr.telling import event, note
from monitoring.ucr.views import UcrReferralDetail, referral


class UcrDeclineBody(UcrActBody, kw_only=True):
    """Not taken, or handed back, and why."""

    reason: Reason


class UcrCompleteBody(UcrActBody, kw_only=True):
    """How it ended."""

    outcome: Outcome


def accept(act: Act, referral_id: UUID, body: UcrActBody) -> UcrReferralDetail:
    """The team takes the patient, and its caller the alert, unless it is critical. Raises NotFound, Conflict."""
    held = held_by_caller(act, referral_id)
    at = answer(act, held, states.accept, Move.ACCEPT, body)
    held.referral.accepted_at, held.referral.accepted_by = at, act.who.id
    reply(act.session, held.referral, Move.ACCEPT, act.now)
    return done(act, held, Move.ACCEPT, body.note, _take(act, held, body.note))


def decline(act: Act, referral_id: UUID, body: UcrDeclineBody) -> UcrReferralDetail:
    """The team does not take the patient, or hands them back: on to the next. Raises NotFound, Conflict."""
    held = held_by_caller(act, referral_id)
    at = answer(act, held, states.decline, Move.DECLINE, body, body.reason)
    events, _ = go_on(act.session, held, at, body.reason, act.now, act.who.id)
    found = referral(act, referral_id)
    emit(act.session, events)
    return found


def dispatch(act: Act, referral_id: UUID, body: UcrActBody) -> UcrReferralDetail:
    """Somebody is on the way. Raises NotFound, Conflict."""
    held = held_by_caller(act, referral_id)
    held.referral.dispatched_at = answer(act, held, states.dispatch, Move.DISPATCH, body)
    return done(act, held, Move.DISPATCH, body.note, note_in_alert(act, held, Move.DISPATCH, body.note))


def arrive(act: Act, referral_id: UUID, body: UcrActBody) -> UcrReferralDetail:
    """Somebody is with the patient, face to face: the clock stops. Raises NotFound, Unacceptable, Conflict."""
    held = held_by_caller(act, referral_id)
    held.referral.arrived_at = answer(act, held, states.arrive, Move.ARRIVE, body)
    reply(act.session, held.referral, Move.ARRIVE, act.now)
    return done(act, held, Move.ARRIVE, body.note, _act_on(act, held, Move.ARRIVE, body.note))


def complete(act: Act, referral_id: UUID, body: UcrCompleteBody) -> UcrReferralDetail:
    """Say how it ended. The alert stays until a clinician resolves it; where nobody let the team in, it climbs on.

    Raises NotFound, Unacceptable, Conflict.
    """
    held = held_by_caller(act, referral_id)
    move = Move.COMPLETE if held.referral.state == State.ARRIVED else Move.COMPLETE_UNSEEN
    at = answer(act, held, lambda state: states.complete(state, body.outcome), move, body, body.outcome)
    held.referral.ended_at, held.referral.outcome = at, body.outcome
    reply(act.session, held.referral, Move.COMPLETE, act.now)
    what = f"completed: {body.outcome}"
    if body.outcome is Outcome.NO_ACCESS:
        told = go_on_climbing(act.session, held, f"ucr_{what}: {held.by}", act.now)
    else:
        told = _act_on(act, held, what, body.note)
    return done(act, held, what, body.note, told)


def go_on(
    session: Session, held: Held, at: datetime, why: str, now: datetime, by: int | None = None
) -> tuple[list[NewEvent], Held]:
    """After a decline, a hand-back or silence: the next team or, with none left, the ladder's next step, at once.

    Returns what to emit, and the chain's next referral.

    Whoever had accepted had taken the alert: where they hand it back nobody has it, and the ladder goes on, too.
    """
    declined, alert = held.referral, _waiting(session, held)
    was_taken = declined.accepted_at is not None
    declined.ended_at, declined.end_reason, declined.due_at = at, why, None
    note(session, alert, f"ucr_declined: {held.by}", by, why, now)
    events = [event(session, declined, Move.DECLINE, why, now)]
    following, told = send_on(session, declined, alert, now)
    if alert is not None and following.state == State.UNPLACED:
        told += resume(session, alert, f"ucr_unplaced: {held.by} declined, and no team is left", now, since=at)
    elif alert is not None and was_taken:
        told += resume(session, alert, f"ucr_handed_back: {held.by}; sent on", now)
    elif alert is not None and alert.state == AlertState.OPEN and is_alone(session, following, now):
        told += resume(session, alert, "ucr_alone: it may be sepsis, and no clinician of the ward can be told", now)
    if following.state == State.UNPLACED:
        reply(session, following, "unplaced", now)
    team = None if following.team_id is None else session.get_one(UcrTeam, following.team_id)
    return events + told, Held(following, alert, team)


def _waiting(session: Session, held: Held) -> Alert | None:
    """The alert that waits for the visit, locked: where the referral's own has ended, the gravest of the patient's that
    asked for the same team since.
    """
    own = held.alert
    if own is None or own.state not in ENDED:
        return own
    asked = exists().where(
        col(LadderStep.alert_id) == col(Alert.id), col(LadderStep.tell) == "ucr", col(LadderStep.taken) == Taken.TOLD
    )
    query = select(Alert).where(
        col(Alert.patient_id) == held.referral.patient_id, col(Alert.state).not_in(ENDED), asked
    )  # fmt: skip
    gravest = query.order_by(col(Alert.severity).desc(), col(Alert.id)).limit(1).with_for_update()
    other: Alert | None = session.execute(gravest.execution_options(populate_existing=True)).scalar_one_or_none()
    return other or own


def _take(act: Act, held: Held, said: str | None) -> list[NewEvent]:
    """The accepting member of staff has the alert. UCR alone answers nothing critical, nor sepsis: that stays open."""
    alert, owed_at = held.alert, held.referral.breach_at
    is_emergency = max(held.referral.severity, alert.severity if alert else 0) >= Severity.CRITICAL
    if alert is None or is_emergency or held.referral.sepsis == Answer.SUSPECTED:
        return note_in_alert(act, held, Move.ACCEPT, said)
    told = take_for_visit(act, alert, f"ucr_{Move.ACCEPT}: {held.by}", said, owed_at)
    return note_in_alert(act, held, Move.ACCEPT, said) if told is None else [told]


def _act_on(act: Act, held: Held, what: str, said: str | None) -> list[NewEvent]:
    """What the acceptance promised is done, where its team still has the alert."""
    alert, promised_by = held.alert, held.referral.accepted_by
    if alert is None or alert.state != AlertState.ACKNOWLEDGED or alert.acknowledged_by != promised_by:
        return note_in_alert(act, held, what, said)
    return [act_for_visit(act, alert, f"ucr_{what}: {held.by}", said)]
