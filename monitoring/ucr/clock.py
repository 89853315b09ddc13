"""The clock of a referral: by when somebody must be at the door, by which rule, and what is owed until then.

Rules are named and versioned, and the name of the one that was used is kept with the referral: a rule that changes gets
a new number. NHS England's community health services guidance is the standard's source (two hours, 70 %); its words on
the clock's start could not be verified here. Pure; local times are Europe/London.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from alert_rules.silence import LOCAL
from alert_rules.staffed import StaffedHours, opens_at
from monitoring.ucr.states import WAITING, State


class Response(StrEnum):
    """How soon. Only the two-hour response is in scope of the national standard."""

    TWO_HOUR = "2_hour"
    SAME_DAY = "same_day"
    TWO_DAY = "2_day"


IN_SCOPE: Final = Response.TWO_HOUR
STANDARD: Final = 0.7
"""The share to be seen within two hours. Source: NHS England, from December 2022."""
TWO_HOURS: Final = timedelta(hours=2)

ANSWER_WITHIN: Final = timedelta(minutes=15)
"""A referral unanswered for so long counts as declined. The design's own."""
TELL_AGAIN_EVERY: Final = timedelta(hours=1)
"""Breached, and still nobody there: the ward is told again so often. The design's own."""
WARN_AT: Final = (0.50, 0.75)
"""Parts of the window after which a warning goes out."""


def _end_of_day(start: datetime) -> datetime:
    """Midnight in London after an instant."""
    day = start.astimezone(LOCAL).date() + timedelta(days=1)
    return datetime.combine(day, time(0), LOCAL).astimezone(UTC)


_RULES: Final[Mapping[Response, tuple[str, Callable[[datetime], datetime]]]] = {
    Response.TWO_HOUR: ("two_hours", lambda start: start + TWO_HOURS),
    Response.SAME_DAY: ("same_day", _end_of_day),
    Response.TWO_DAY: ("two_days", lambda start: start + timedelta(days=2)),
}
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Clock:
    """When a clock began to count, by when it says that somebody must be there, and which rule says so."""

    rule: str
    starts_at: datetime
    breach_at: datetime


def start(response: Response, received_at: datetime, hours: StaffedHours | None) -> Clock:
    """The clock of a referral received at an instant by a team with these hours (None: at any hour, or no team).

    The out-of-hours start, `…_from_opening`: received while the team is not at work, it counts from its opening.
    """
    name, breach = _RULES[response]
    opening = received_at if hours is None else opens_at(received_at, hours)
    starts_at = received_at if opening is None else opening
    late = "" if starts_at == received_at else "_from_opening"
    return Clock(f"{name}{late}/{VERSION}", starts_at, breach(starts_at))


class Owed(StrEnum):
    """What a referral's clock asks for next."""

    DECLINE = "unanswered"
    WARN_50 = "warning_50"
    WARN_75 = "warning_75"
    BREACH = "breach"
    STILL = "still_waiting"


_STAGES: Final = (Owed.WARN_50, Owed.WARN_75, Owed.BREACH, Owed.STILL)
BREACH_TOLD: Final = _STAGES.index(Owed.STILL)
"""`told` of a referral whose breach has been said."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A referral as its clock sees it. `told`: how many of the warnings and the breach have been said, at `told_at`."""

    state: State
    starts_at: datetime
    breach_at: datetime
    answer_by: datetime
    told: int
    told_at: datetime | None


def owed(of: Timed) -> tuple[datetime, Owed] | None:
    """What is owed next, and when; nothing once somebody is there or it has ended.

    Where nobody is asked, warnings would tell nobody anything new: an unplaced one owes its breach.
    """
    if of.state not in WAITING:
        return None
    told = max(of.told, _STAGES.index(Owed.BREACH)) if of.state is State.UNPLACED else of.told
    stage = _STAGES[min(told, BREACH_TOLD)]
    following = _at(of, stage), stage
    if of.state is State.SENT and of.answer_by <= following[0]:
        return of.answer_by, Owed.DECLINE
    return following


def after(stage: Owed) -> int:
    """`told` once a stage has been said."""
    return min(_STAGES.index(stage) + 1, BREACH_TOLD)


def _at(of: Timed, stage: Owed) -> datetime:
    window = of.breach_at - of.starts_at
    match stage:
        case Owed.WARN_50 | Owed.WARN_75:
            return of.starts_at + window * WARN_AT[_STAGES.index(stage)]
        case Owed.BREACH:
            return of.breach_at
        case _:
            return (of.told_at or of.breach_at) + TELL_AGAIN_EVERY
