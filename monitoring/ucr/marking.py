"""The two things that every change of a referral leaves: its next deadline, and a line of its history."""

from datetime import datetime

from sqlmodel import Session

from monitoring.ucr.clock import Timed, owed
from monitoring.ucr.states import State
from monitoring.ucr.tables import UcrHistory, UcrReferral


def timed(of: UcrReferral) -> Timed:
    """A referral as its clock sees it."""
    return Timed(State(of.state), of.starts_at, of.breach_at, of.answer_by, of.told, of.told_at)


def owe(changed: UcrReferral) -> None:
    """Store what the clock owes next."""
    following = owed(timed(changed))
    changed.due_at = None if following is None else following[0]


def mark(  # noqa: PLR0913 - what a line of the history holds
    session: Session, changed: UcrReferral, what: str, was: State | None, now: datetime, *, at: datetime | None = None,
    by: int | None = None, reason: str | None = None, note: str | None = None,
) -> None:  # fmt: skip
    """Write down what happened."""
    session.add(
        UcrHistory(
            referral_id=changed.id, at=at or now, what=what, from_state=was, to_state=changed.state, by=by,
            reason=reason, note=note, recorded_at=now,
        )
    )  # fmt: skip
