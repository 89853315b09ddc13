"""The rules of pathways as one would first write them: set by set, in plain Python. The arrays are held against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from alert_rules.kinds import (
    DAY_US,
    EARLIER_MAX,
    Absent,
    Answer,
    Condition,
    FromUsual,
    Noticed,
    PathwayRule,
    Persists,
    Points,
    Poor,
    Slope,
    Total,
    Trend,
    Value,
)
from alert_rules.news2 import RED
from alert_rules.severity import Severity, Wellness
from alert_rules.windows import TOLERANCE

Reading = tuple[int, int]  # when, in microseconds, and the value in whole units


@dataclass(frozen=True, slots=True)
class PlainSet:
    """One set, and what is known of its patient."""

    now_us: int
    known: Mapping[str, int] = field(default_factory=dict)  # of LIMITED, as composed
    measured: Mapping[str, int] = field(default_factory=dict)  # of LIMITED, in the set itself
    score: int = 0
    points: Mapping[str, int] = field(default_factory=dict)
    scorable: bool = True
    adult: bool = True
    wellness: int = 0
    signs: frozenset[str] = frozenset()
    poor: bool = False
    usual: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, Sequence[Reading]] = field(default_factory=dict)  # oldest first
    poor_before: Sequence[tuple[int, bool]] = ()
    since_us: int = 0  # when the patient came
    lines: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def fires(rule: PathwayRule, one: PlainSet) -> bool:
    """Whether a rule fires on a set."""
    return all(holds(condition, one) for condition in rule.conditions)


def holds(condition: Condition, one: PlainSet) -> bool:
    match condition:
        case Value():
            value = one.known.get(condition.vital)
            return one.adult and value is not None and _beyond(value, condition)
        case Total():
            return one.scorable and one.score >= condition.bound
        case Points():
            return one.scorable and one.points.get(condition.vital, 0) >= condition.bound
        case FromUsual():
            return _from_usual(condition, one)
        case Answer():
            return one.wellness >= condition.bound
        case Noticed():
            return len(one.signs) >= condition.count if condition.sign is None else condition.sign in one.signs
        case Absent():
            if condition.vital in one.measured:
                return False
            last_us = max([one.since_us, *(at_us for at_us, _ in one.before.get(condition.vital, ()))])
            return one.now_us - last_us >= condition.for_us
        case Poor():
            if not one.poor:
                return False
            lately = [
                poor for at_us, poor in one.poor_before[-EARLIER_MAX:] if one.now_us - at_us <= condition.within_us
            ]
            return 1 + sum(lately[::-1][: condition.of - 1]) >= condition.readings
        case Trend() | Slope():
            return condition.vital in one.measured and _moves(condition, one)
        case Persists():
            return one.adult and condition.vital in one.measured and _persists(condition, one)


def floor(one: PlainSet) -> Severity:
    """How bad a set is on every pathway, by totals, single values, limits and the daily question, on scale 1."""
    worst = [severity for at, severity in TOTALS if one.scorable and one.score >= at]
    if one.scorable and RED in one.points.values():
        worst.append(Severity.AMBER_PLUS)
    for vital, value in one.known.items():
        for bound, high, severity in SINGLE.get(vital, ()):
            if (one.scorable or vital == "glucose") and (value >= bound if high else value <= bound):
                worst.append(severity)
        for line, bound in one.lines.get(vital, {}).items():
            if value <= bound if line.endswith("low") else value >= bound:
                worst.append(Severity.RED if line.startswith("red") else Severity.AMBER)
    worst += [severity for answer, severity in ANSWERS if one.wellness == answer]
    return max(worst, default=Severity.NONE)


TOTALS: Final = ((7, Severity.CRITICAL), (5, Severity.RED), (3, Severity.AMBER))
ANSWERS: Final = ((Wellness.MUCH_WORSE, Severity.RED), (Wellness.WORSE, Severity.AMBER))
SINGLE: Final = {
    "respiratory_rate": ((8, False, Severity.CRITICAL), (25, True, Severity.RED)),
    "spo2": ((88, False, Severity.CRITICAL),),
    "systolic": ((90, False, Severity.RED),),
    "pulse": ((131, True, Severity.RED), (40, False, Severity.RED)),
    "glucose": ((29, False, Severity.CRITICAL), (39, False, Severity.RED), (201, True, Severity.AMBER)),
}


def _beyond(value: int, condition: Value | Persists) -> bool:
    return value >= condition.bound if condition.high else value <= condition.bound


def _from_usual(condition: FromUsual, one: PlainSet) -> bool:
    usual = one.usual.get(condition.vital)
    value = (one.score if one.scorable else None) if condition.vital == "news2" else one.known.get(condition.vital)
    if usual is None or value is None:
        return False
    return (value - usual if condition.high else usual - value) >= condition.bound


def _window(vital: str, within_us: int, one: PlainSet) -> list[Reading]:
    """Newest first, this one included."""
    before = [reading for reading in one.before.get(vital, ())[-EARLIER_MAX:] if one.now_us - reading[0] <= within_us]
    return [(one.now_us, one.measured[vital]), *before[::-1]]


def _moves(condition: Trend | Slope, one: PlainSet) -> bool:
    readings = _window(condition.vital, condition.within_us, one)
    sign = 1 if condition.high else -1
    if len(readings) < max(2, condition.readings):
        return False
    moved = max(sign * (readings[0][1] - value) for _, value in readings[1:])
    span_us = readings[0][0] - readings[-1][0]
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for place, later in enumerate(readings)
        for earlier in readings[place + 1 :]
        if later[0] > earlier[0]
    ]
    if not slopes:
        return False
    per_us = sign * median(slopes)
    if isinstance(condition, Trend):
        return moved >= condition.bound and per_us * span_us >= condition.bound - TOLERANCE
    enough = span_us >= condition.span_us and moved * DAY_US >= condition.bound * condition.span_us
    return enough and per_us * DAY_US >= condition.bound - TOLERANCE


def _persists(condition: Persists, one: PlainSet) -> bool:
    readings = _window(condition.vital, condition.within_us, one)
    if not _beyond(readings[0][1], condition):
        return False
    if not condition.for_us:
        return sum(_beyond(value, condition) for _, value in readings[: condition.of]) >= condition.readings
    oldest_us, lasted = one.now_us, 0
    for at_us, value in readings[1:]:
        if not _beyond(value, condition):
            break
        oldest_us, lasted = at_us, lasted + 1
    return one.now_us - oldest_us >= condition.for_us or lasted == EARLIER_MAX
