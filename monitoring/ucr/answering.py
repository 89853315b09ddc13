"""What a team, and the ward, do with a referral, from the acceptance to its end. Each answer is one transaction.

Whoever answers locks the alert's row, then the referral's: of two who answer at once, one is told what the other did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.alarms import ENDED
from alert_rules.alarms import State as AlertState
from alert_rules.severity import Severity
from monitoring.acts import Act
from monitoring.alerts.answers import act_for_visit, take_for_visit
from monitoring.alerts.tables import Alert
from monitoring.escalation.climbing import resume
from monitoring.events import NewEvent, emit
from monitoring.fields import Instant, Reason, Text, Version
from monitoring.flow.spells import when
from monitoring.refusals import Conflict
from monitoring.ucr import states
from monitoring.ucr.marking import mark, owe
from monitoring.ucr.placing import send_again, send_on
from monitoring.ucr.states import Move, NotNow, Outcome, State
from monitoring.ucr.tables import UcrReferral, UcrTeam
from monitoring.ucr.telling import event, note, tell_team, tell_ward
from monitoring.ucr.views import UcrReferralDetail, no_such, referral, seen_by, shown_of, view

SAID_NOTHING: Final = "no reason given"


class UcrActBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every answer may say: when, where it is told late."""

    note: Text | None = None
    at: Instant | None = None
    version: Version | None = None


class UcrPlaceBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Look again, now."""

    version: Version | None = None


class UcrDeclineBody(UcrActBody, kw_only=True):
    """Not taken, or handed back, and why."""

    reason: Reason


class UcrCancelBody(UcrActBody, kw_only=True):
    """No longer asked for, and why."""

    reason: Reason | None = None


class UcrCompleteBody(UcrActBody, kw_only=True):
    """How it ended."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """A referral that may change: its alert's row and its own are locked."""

    referral: UcrReferral
    alert: Alert | None
    team: UcrTeam | None

    @property
    def by(self) -> str:
        """Whose it is, for the alert's history."""
        return "no team" if self.team is None else self.team.code


def accept(act: Act, referral_id: UUID, body: UcrActBody) -> UcrReferralDetail:
    """The team takes the patient, and its caller the alert, unless it is critical. Raises NotFound, Conflict."""
    held = _hold(act, referral_id)
    at = _answer(act, held, states.accept, Move.ACCEPT, body)
    held.referral.accepted_at, held.referral.accepted_by = at, act.who.id
    return _done(act, held, Move.ACCEPT, body.note, _take(act, held, body.note))


def decline(act: Act, referral_id: UUID, body: UcrDeclineBody) -> UcrReferralDetail:
    """The team does not take the patient, or hands them back: on to the next. Raises NotFound, Conflict."""
    held = _hold(act, referral_id)
    at = _answer(act, held, states.decline, Move.DECLINE, body, body.reason)
    events, _ = go_on(act.session, held, at, body.reason, act.now, act.who.id)
    found = referral(act, referral_id)
    emit(act.session, events)
    return found


def dispatch(act: Act, referral_id: UUID, body: UcrActBody) -> UcrReferralDetail:
    """Somebody is on the way. Raises NotFound, Conflict."""
    held = _hold(act, referral_id)
    held.referral.dispatched_at = _answer(act, held, states.dispatch, Move.DISPATCH, body)
    return _done(act, held, Move.DISPATCH, body.note, _note(act, held, Move.DISPATCH, body.note))


def arrive(act: Act, referral_id: UUID, body: UcrActBody) -> UcrReferralDetail:
    """Somebody is with the patient, face to face: the clock stops. Raises NotFound, Unacceptable, Conflict."""
    held = _hold(act, referral_id)
    held.referral.arrived_at = _answer(act, held, states.arrive, Move.ARRIVE, body)
    return _done(act, held, Move.ARRIVE, body.note, _act_on(act, held, Move.ARRIVE, body.note))


def complete(act: Act, referral_id: UUID, body: UcrCompleteBody) -> UcrReferralDetail:
    """Say how it ended. The alert stays until a clinician resolves it; where nobody let the team in, it climbs on.

    Raises NotFound, Unacceptable, Conflict.
    """
    held = _hold(act, referral_id)
    move = Move.COMPLETE if held.referral.state == State.ARRIVED else Move.COMPLETE_UNSEEN
    at = _answer(act, held, lambda state: states.complete(state, body.outcome), move, body, body.outcome)
    held.referral.ended_at, held.referral.outcome = at, body.outcome
    what = f"completed: {body.outcome}"
    if body.outcome is Outcome.NO_ACCESS:
        told = _go_on_climbing(act.session, held, f"ucr_{what}: {held.by}", act.now)
    else:
        told = _act_on(act, held, what, body.note)
    return _done(act, held, what, body.note, told)


def cancel(act: Act, referral_id: UUID, body: UcrCancelBody) -> UcrReferralDetail:
    """No visit is asked for any more: the ladder of an alert that has not ended goes on. Raises NotFound, Conflict."""
    held = _hold(act, referral_id)
    why = body.reason or SAID_NOTHING
    at = _answer(act, held, states.cancel, Move.CANCEL, body, why)
    return _done(act, held, Move.CANCEL, why, call_off(act.session, held, at, why, act.now))


def review(act: Act, referral_id: UUID, body: UcrActBody) -> UcrReferralDetail:
    """A clinician has looked at what a ladder or a coordinator asked for. Raises NotFound, Conflict where one did."""
    held = _hold(act, referral_id)
    _refuse_stale(act, held, body.version)
    if held.referral.reviewed_at is not None:
        raise Conflict("The referral was reviewed before.", current=_current(act.session, held, act.now))
    at = when(act, body.at, held.referral.received_at, "the referral")
    held.referral.reviewed_at, held.referral.reviewed_by = at, act.who.id
    held.referral.version += 1
    mark(act.session, held.referral, "reviewed", State(held.referral.state), act.now, at=at, by=act.who.id,
         note=body.note)  # fmt: skip
    return _done(act, held, "reviewed", body.note, _note(act, held, "reviewed", body.note))


def update(act: Act, referral_id: UUID, said: str) -> UcrReferralDetail:
    """Whoever asked says more: the team, and the ward, hear of it. Raises NotFound, Conflict where it has ended."""
    held = _hold(act, referral_id)
    if held.referral.state not in states.LIVE:
        raise Conflict(f"The referral is {held.referral.state}.", current=_current(act.session, held, act.now))
    held.referral.version += 1
    mark(act.session, held.referral, "updated", State(held.referral.state), act.now, by=act.who.id, note=said)
    if held.team is not None:
        tell_team(act.session, held.referral, held.team, "updated", act.now)
    tell_ward(act.session, held.referral, "updated", act.now)
    return _done(act, held, "updated", said, _note(act, held, "updated", said))


def place_again(act: Act, referral_id: UUID, body: UcrPlaceBody) -> UcrReferralDetail:
    """Look for a team, now, for one that is unplaced. Raises NotFound, Conflict where it is not, or none is found."""
    held = _hold(act, referral_id)
    _refuse_stale(act, held, body.version)
    if held.referral.state != State.UNPLACED:
        current = _current(act.session, held, act.now)
        raise Conflict(f"The referral is {held.referral.state}.", current=current)
    events = send_again(act.session, held.referral, held.alert, act.now)
    if not events:
        raise Conflict(f"No team: {held.referral.placing['why']}", current=_current(act.session, held, act.now))
    held.referral.version += 1
    found = referral(act, referral_id)
    emit(act.session, events)
    return found


def go_on(
    session: Session, held: Held, at: datetime, why: str, now: datetime, by: int | None = None
) -> tuple[list[NewEvent], Held]:
    """After a decline, a hand-back or silence: the next team or, with none left, the ladder's next step, at once.

    Returns what to emit, and the chain's next referral.

    Whoever had accepted had taken the alert: where they hand it back nobody has it, and the ladder goes on, too.
    """
    declined, alert = held.referral, held.alert
    was_taken = declined.accepted_at is not None
    declined.ended_at, declined.end_reason, declined.due_at = at, why, None
    note(session, alert, f"ucr_declined: {held.by}", by, why, now)
    events = [event(session, declined, Move.DECLINE, why, now)]
    following, told = send_on(session, declined, alert, now)
    if alert is not None and following.state == State.UNPLACED:
        told += resume(session, alert, f"ucr_unplaced: {held.by} declined, and no team is left", now, since=at)
    elif alert is not None and was_taken:
        told += resume(session, alert, f"ucr_handed_back: {held.by}; sent on", now)
    team = None if following.team_id is None else session.get_one(UcrTeam, following.team_id)
    return events + told, Held(following, alert, team)


def call_off(
    session: Session, held: Held, at: datetime, why: str, now: datetime, *, climbs: bool = True
) -> list[NewEvent]:
    """Nobody comes: the team is told, and the alert's ladder goes on (`climbs`). Returns what to emit of the alert.

    Where the team has no webhook the ward is told instead: somebody has to ring it.
    """
    held.referral.ended_at, held.referral.end_reason, held.referral.due_at = at, why, None
    if held.team is not None:
        tell_team(session, held.referral, held.team, Move.CANCEL, now)
        if held.team.webhook is None:
            tell_ward(session, held.referral, Move.CANCEL, now)
    return _go_on_climbing(session, held, f"ucr_cancelled: {held.by}: {why}", now, climbs=climbs)


def _go_on_climbing(session: Session, held: Held, why: str, now: datetime, *, climbs: bool = True) -> list[NewEvent]:
    """Nobody sees the patient: the ladder's next step. Of an alert that has ended it is only noted."""
    if held.alert is not None and (held.alert.state in ENDED or not climbs):
        note(session, held.alert, why, None, None, now)
        return []
    return [] if held.alert is None else resume(session, held.alert, why, now)


def hold(session: Session, referral_id: int, alert_id: int | None, *, skip_locked: bool = False) -> Held | None:
    """A referral with its alert, locked in that order; None where somebody else holds one of them."""
    alert: Alert | None = None
    if alert_id is not None:
        alert = session.get(Alert, alert_id, with_for_update={"skip_locked": skip_locked}, populate_existing=True)
        if alert is None:
            return None
    found = session.get(
        UcrReferral, referral_id, with_for_update={"skip_locked": skip_locked, "of": UcrReferral},
        populate_existing=True,
    )  # fmt: skip
    if found is None:
        return None
    team = None if found.team_id is None else session.get_one(UcrTeam, found.team_id)
    return Held(found, alert, team)


def _hold(act: Act, referral_id: UUID) -> Held:
    """The caller's referral, locked. Raises NotFound."""
    query = select(UcrReferral).where(col(UcrReferral.public_id) == referral_id, *seen_by(act.who))
    ids = query.with_only_columns(col(UcrReferral.id), col(UcrReferral.alert_id))
    if (row := act.session.execute(ids).one_or_none()) is None:
        raise no_such(referral_id)
    held = hold(act.session, row.id, row.alert_id)
    assert held is not None  # nothing is ever deleted
    return held


def _answer(
    act: Act, held: Held, verb: Callable[[State], State], what: str, body: UcrActBody, reason: str | None = None
) -> datetime:
    """Move the referral, write it down, store what is owed next. Returns when it was. Raises Conflict, Unacceptable."""
    changed = held.referral
    _refuse_stale(act, held, body.version)
    was = State(changed.state)
    try:
        to = verb(was)
    except NotNow as error:
        raise Conflict(str(error), current=_current(act.session, held, act.now)) from None
    at = when(act, body.at, changed.acted_at, "the last entry")
    changed.state, changed.acted_at = to, at
    changed.version += 1
    owe(changed)
    mark(act.session, changed, what, was, act.now, at=at, by=act.who.id, reason=reason, note=body.note)
    act.session.add(changed)
    return at


def _take(act: Act, held: Held, said: str | None) -> list[NewEvent]:
    """The accepting member of staff has the alert. Critical is never answered by UCR alone: that stays open."""
    alert, owed_at = held.alert, held.referral.breach_at
    if alert is None or max(held.referral.severity, alert.severity) >= Severity.CRITICAL:
        return _note(act, held, Move.ACCEPT, said)
    told = take_for_visit(act, alert, f"ucr_{Move.ACCEPT}: {held.by}", said, owed_at)
    return _note(act, held, Move.ACCEPT, said) if told is None else [told]


def _act_on(act: Act, held: Held, what: str, said: str | None) -> list[NewEvent]:
    """What the acceptance promised is done, where its team still has the alert."""
    alert, promised_by = held.alert, held.referral.accepted_by
    if alert is None or alert.state != AlertState.ACKNOWLEDGED or alert.acknowledged_by != promised_by:
        return _note(act, held, what, said)
    return [act_for_visit(act, alert, f"ucr_{what}: {held.by}", said)]


def _note(act: Act, held: Held, what: str, said: str | None) -> list[NewEvent]:
    """The alert stays as it is; its history says what happened."""
    note(act.session, held.alert, f"ucr_{what}: {held.by}", act.who.id, said, act.now)
    return []


def _done(act: Act, held: Held, what: str, said: str | None, of_alert: list[NewEvent]) -> UcrReferralDetail:
    """The referral as it now is; who watches is told, of the alert first."""
    events = [*of_alert, event(act.session, held.referral, what, said, act.now)]
    found = referral(act, held.referral.public_id)
    emit(act.session, events)
    return found


def _refuse_stale(act: Act, held: Held, version: int | None) -> None:
    if version is not None and version != held.referral.version:
        current = _current(act.session, held, act.now)
        raise Conflict(f"The referral changed since version {version}.", current=current)


def _current(session: Session, held: Held, now: datetime) -> object:
    session.flush()
    return view(shown_of(session, held.referral.id), now)
