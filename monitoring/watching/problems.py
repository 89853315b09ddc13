"""What can go wrong with the system itself, and when that is told: a table and arithmetic, no I/O.

Times are of the monotonic clock, in seconds: the wall's may be what goes wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

CALM_S: Final = 30.0
"""Well for so long, and a problem has ended: what comes and goes is told once. The design's own."""

STARTS_WITHIN_S: Final = 60.0
"""Until all was well once, or for so long, a new process tells nothing: the other parts are only starting."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: what is said of it in a line, and for how long it has to last before anybody is told."""

    said: str
    patience_s: float


# How long each lasts already before it is found is said beside it. The patience is the design's own.
KINDS: Final[Mapping[str, Kind]] = {
    "database": Kind("the database does not answer", 10),
    "schema": Kind("the database has another version's schema", 60),
    "queue": Kind("the queue does not answer, and readings are refused", 10),
    "workers": Kind("a worker died, or none is there: readings are not scored", 5),  # after 10 s, or 20 s
    "timekeeper": Kind("a timekeeper died, or none is there: nobody is paged", 5),  # likewise
    "api": Kind("an API process died, or none is there", 5),  # likewise
    "stream": Kind("readings are stuck in the queue", 0),  # STUCK_S
    "unscored": Kind("readings wait too long to be scored", 0),  # health.UNSCORED_WARNING_S
    "ladders": Kind("ladders are not climbed: alerts stay with who does not answer", 5),  # late.STEP_LATE
    "outbox": Kind("messages are not sent: nobody is paged", 5),  # late.MESSAGE_LATE
    "rules": Kind("approved rules cannot be used", 60),
    "clock": Kind("the clock jumped", 0),
}


class State(StrEnum):
    """What is told of a problem."""

    BEGAN = "began"
    STILL = "still"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem as this process sees it."""

    detail: str
    since_s: float
    is_open: bool = False  # it lasted long enough to be told
    well_since_s: float | None = None


Found = Mapping[str, str | None]
"""By problem what is wrong, None where nothing is. What is not in it could not be looked at."""


def after_look(
    known: Mapping[str, Trouble], found: Found, now_s: float, *, may_open: bool
) -> tuple[dict[str, Trouble], list[str]]:
    """The troubles after a look, and which of those that were open have ended."""
    after, ended = dict(known), []
    for problem, detail in found.items():
        before = known.get(problem)
        if detail is not None:
            after[problem] = _unwell(problem, before, detail, now_s, may_open=may_open)
        elif before is not None and not before.is_open:
            del after[problem]
        elif before is not None:
            well_since_s = now_s if before.well_since_s is None else before.well_since_s
            after[problem] = replace(before, well_since_s=well_since_s)
            if now_s - well_since_s >= CALM_S:
                del after[problem]
                ended.append(problem)
    for problem in known.keys() - found.keys():  # nobody knows: it is neither over nor calm
        after[problem] = replace(known[problem], well_since_s=None)
    return after, ended


def _unwell(problem: str, before: Trouble | None, detail: str, now_s: float, *, may_open: bool) -> Trouble:
    since_s = now_s if before is None else before.since_s
    was_open = before is not None and before.is_open
    lasted = now_s - since_s >= KINDS[problem].patience_s
    return Trouble(detail, since_s, was_open or (may_open and lasted))
