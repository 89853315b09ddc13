"""The kinds of rules that a pathway can have beside those of `severity`, as data. `engine` holds sets against them.

A rule of a pathway adds to what alerts everywhere and takes nothing away: NEWS2 and the single thresholds are the
floor of every pathway. Bounds are whole numbers, at the resolution of limits (`limits.DECIMALS`); times microseconds.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from alert_rules.limits import LIMITED
from alert_rules.severity import Severity, Wellness

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US

NEWS2: Final = "news2"
NEWS2_MAX: Final = 20
USUAL: Final = (*LIMITED, NEWS2)
"""What a patient can have a usual value of: rows of `engine.Beside.usual`."""
QUALITY: Final = "quality"
WELLNESS: Final = "wellness"
SOFT_SIGNS: Final = "soft_signs"

EARLIER_MAX: Final = 12
"""How many earlier readings of a vital sign a rule looks back on at most: three days of four sets. The design's own."""
WITHIN_MAX_US: Final = 7 * DAY_US
"""How far a rule looks back at most: a late set scores again all that it may change. The design's own."""


@dataclass(frozen=True, slots=True)
class Value:
    """A vital sign as it is known is at a bound or beyond it."""

    vital: str
    bound: int
    high: bool  # at or above; else at or below


@dataclass(frozen=True, slots=True)
class Total:
    """NEWS2, as far as it is certain, is so high or higher."""

    bound: int


@dataclass(frozen=True, slots=True)
class Points:
    """One parameter of NEWS2 scores so much by itself or more."""

    vital: str  # of PARAMETERS
    bound: int


@dataclass(frozen=True, slots=True)
class FromUsual:
    """A vital sign, or NEWS2, is so far from the patient's own usual value; never where none is known."""

    vital: str  # of USUAL
    bound: int
    high: bool  # above the usual value; else below


@dataclass(frozen=True, slots=True)
class Trend:
    """What was measured rose or fell by so much within a time.

    Robust: by the Theil-Sen line through all readings of that time, from the first to this one, so that one wrong
    reading makes no trend; and this one must itself be so far beyond the lowest (highest) of them.
    """

    vital: str
    bound: int
    high: bool  # rose; else fell
    within_us: int
    readings: int  # at least so many, with this one


@dataclass(frozen=True, slots=True)
class Slope:
    """What was measured rises or falls by so much a day, over a time that is long enough to say so."""

    vital: str
    bound: int  # a day
    high: bool
    within_us: int
    span_us: int  # from the first reading to this one at least
    readings: int


@dataclass(frozen=True, slots=True)
class Persists:
    """A vital sign is beyond a bound again and again: now, and in so many of the last readings.

    Or for a time: now and in every reading back to one that is so old; where all the readings that a rule looks back
    on are beyond it and none is so old, it lasts too: such a patient is measured by the minute.
    """

    vital: str
    bound: int
    high: bool
    within_us: int
    readings: int = 0
    of: int = 0
    for_us: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the patient answers to the daily question is so bad or worse."""

    bound: Wellness


@dataclass(frozen=True, slots=True)
class Noticed:
    """Soft signs were told lately: one by name, or so many, whichever they are."""

    sign: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Absent:
    """A set came, and a vital sign was not measured for so long; nor is the patient newer than that."""

    vital: str
    for_us: int


@dataclass(frozen=True, slots=True)
class Poor:
    """This set is of low quality or improbable, and so were so many of the last ones."""

    within_us: int
    readings: int
    of: int


Condition = Value | Total | Points | FromUsual | Trend | Slope | Persists | Answer | Noticed | Absent | Poor
OverTime = Trend | Slope | Persists


@dataclass(frozen=True, slots=True)
class PathwayRule:
    """A rule of a pathway: all its conditions hold in one set, or it does not fire."""

    name: str
    severity: Severity
    conditions: tuple[Condition, ...]
    prompt: str = ""  # what to do, told with it
    unless: tuple[str, ...] = ()  # as of `severity.Rule`

    @property
    def of(self) -> frozenset[str]:
        """The vital signs that it looks at; none where it looks at points only."""
        return frozenset(name for one in self.conditions if (name := looked_at(one)) is not None)

    @property
    def is_technical(self) -> bool:
        """Whether it tells of the kit and not of the patient."""
        return all(isinstance(one, Poor) for one in self.conditions)

    def blames(self, points: Mapping[str, int]) -> frozenset[str]:
        """The vital signs that make it fire. `points`: of NEWS2, by parameter."""
        return self.of or frozenset(name for name, scored in points.items() if scored)


def noticed(condition: Noticed, signs: Collection[str]) -> bool:
    """Whether these signs are what a condition asks for."""
    return len(signs) >= condition.count if condition.sign is None else condition.sign in signs


def looked_at(condition: Condition) -> str | None:
    """The one vital sign (or answer) that a condition looks at; None where that is NEWS2 as a whole."""
    match condition:
        case Total():
            return None
        case Answer():
            return WELLNESS
        case Noticed():
            return SOFT_SIGNS
        case Poor():
            return QUALITY
        case _:
            return None if condition.vital == NEWS2 else condition.vital


class Reach(NamedTuple):
    """How far before a set rules look at what a vital sign was."""

    within_us: int
    earlier: int  # readings


def windows(rules: Iterable[PathwayRule]) -> dict[str, Reach]:
    """By vital sign, how far before a set that measures it these rules look."""
    reach: dict[str, Reach] = {}
    for condition in (one for rule in rules for one in rule.conditions):
        if isinstance(condition, Trend | Slope | Persists | Poor):
            vital = QUALITY if isinstance(condition, Poor) else condition.vital
            counts = isinstance(condition, Poor) or (isinstance(condition, Persists) and not condition.for_us)
            earlier = condition.of - 1 if counts and isinstance(condition, Poor | Persists) else EARLIER_MAX
            before = reach.get(vital, Reach(0, 0))
            reach[vital] = Reach(max(before.within_us, condition.within_us), max(before.earlier, earlier))
    return reach


def missed_us(rules: Iterable[PathwayRule]) -> dict[str, int]:
    """By vital sign that these rules miss where it is not measured, how far before a set they look."""
    reach: dict[str, int] = {}
    for condition in (one for rule in rules for one in rule.conditions):
        if isinstance(condition, Absent):
            reach[condition.vital] = max(reach.get(condition.vital, 0), condition.for_us)
    return reach
