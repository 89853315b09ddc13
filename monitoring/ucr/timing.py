"""What the clock does to a referral by itself: silence is a decline, half the window a warning, its end a breach.

Whatever is owed by now is done in order, so that a timekeeper that was away catches up; only the last of it is paged.
"""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from alert_rules.alarms import State as AlertState
from alert_rules.silence import LOCAL
from monitoring.escalation.climbing import resume
from monitoring.events import NewEvent
from monitoring.patients.tables import Patient
from monitoring.ucr import states
from monitoring.ucr.answering import go_on
from monitoring.ucr.clock import ANSWER_WITHIN, Owed, after, owed
from monitoring.ucr.holding import Held
from monitoring.ucr.leaving import CAUSE_ENDED, DIED, call_off_one
from monitoring.ucr.marking import mark, owe, timed
from monitoring.ucr.states import Move, State
from monitoring.ucr.telling import event, note, tell_team, tell_ward

UNANSWERED: Final = f"unanswered for {ANSWER_WITHIN.total_seconds() / 60:.0f} min"


def pass_time(session: Session, held: Held, now: datetime) -> list[NewEvent]:
    """Do all that a referral's clock owes by now. Returns what to emit. Its alert's row and its own are locked."""
    if session.get_one(Patient, held.referral.patient_id).died_at is not None:
        return call_off_one(session, held, DIED, now)
    expired = held.alert is not None and held.alert.state == AlertState.EXPIRED
    if expired and held.referral.state == State.UNPLACED:
        return call_off_one(session, held, CAUSE_ENDED, now)
    events: list[NewEvent] = []
    page: Owed | None = None
    while (following := owed(timed(held.referral))) is not None and following[0] <= now:
        at, what = following
        if what is Owed.DECLINE:
            told, held = _decline(session, held, at, now)
            events += told
        else:
            events += _say(session, held, what, now)
            page = what
    if page is not None:
        _page(session, held, page, now)
    owe(held.referral)
    session.add(held.referral)
    return events


def _decline(session: Session, held: Held, at: datetime, now: datetime) -> tuple[list[NewEvent], Held]:
    """Nobody answered: the team is told that it is too late, and the next one is asked. Returns that one, too."""
    silent = held.referral
    was, silent.state = State(silent.state), states.decline(State(silent.state))
    silent.unanswered, silent.acted_at, silent.due_at = True, at, None
    silent.version += 1
    mark(session, silent, Move.DECLINE, was, now, at=at, reason=UNANSWERED)
    if held.team is not None:
        tell_team(session, silent, held.team, "withdrawn", now)
    return go_on(session, held, at, UNANSWERED, now)


def _say(session: Session, held: Held, what: Owed, now: datetime) -> list[NewEvent]:
    """A warning, the breach, or that nobody is there yet. At the breach the ward's ladder goes on at once."""
    late = held.referral
    by = f"{late.breach_at.astimezone(LOCAL):%H:%M}"
    why = {
        Owed.WARN_50: f"half of the time has passed: to be seen by {by}",
        Owed.WARN_75: f"three quarters of the time have passed: to be seen by {by}",
        Owed.BREACH: f"not seen by {by}: the clock runs on",
        Owed.STILL: f"still not seen, due by {by}",
    }[what]
    late.told, late.told_at = after(what), now
    late.version += 1
    mark(session, late, what, State(late.state), now, reason=why)
    if what is Owed.BREACH and held.alert is not None:
        told = resume(session, held.alert, f"ucr_breach: {held.by} {why}", now, since=late.breach_at)
    else:
        told = []
        note(session, held.alert, f"ucr_{what}: {held.by}", None, why, now)
    return [event(session, late, what, why, now), *told]


def _page(session: Session, held: Held, what: Owed, now: datetime) -> None:
    """The ward's people, and the team that is on its way."""
    tell_ward(session, held.referral, what, now)
    if held.team is not None:
        tell_team(session, held.referral, held.team, what, now)
