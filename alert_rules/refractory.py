"""Times without repeats: what a clinician has just resolved raises nothing again for a while, as far as it is the same.

Ambers only, where the pathway names a time. The same is: every rule that stands stood when it was resolved, and no
value, and no parameter's points of NEWS2, is worse than it was then. Anything else alerts as ever: a higher severity,
another rule or vital sign, a worse value, an answer, a set to complete. The source of the time: each pathway's file.
Pure; source: docs/clinical/policy.md, *What was resolved lately*.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from alert_rules.accepted import SIDES, Side
from alert_rules.alarms import COMPLETE_THE_SET, Finding, Held, Outcome
from alert_rules.kinds import FromUsual, PathwayRule, Persists, Points, Slope, Total, Trend, Value
from alert_rules.severity import SINGLE_RED, Rule, Severity

ANSWERED: Final = frozenset(
    {Outcome.ADVICE, Outcome.PLAN_CHANGED, Outcome.VISIT, Outcome.UCR, Outcome.EXPECTED_FOR_PATIENT}
)
"""Outcomes that say that it was so, and that somebody saw to it. After a false reading the next one may be the first
true one, and who reached nobody has seen to nothing."""

BY_POINTS: Final = frozenset({"news2_low_medium", SINGLE_RED})


@dataclass(frozen=True, slots=True)
class Resolved:
    """An amber that was resolved: what stood then, and until when the same raises nothing."""

    since: datetime
    until: datetime
    rules: frozenset[str] = frozenset()  # but for sums of points
    values: Mapping[str, int] = field(default_factory=dict)  # the newest then of each vital sign, as limits have them
    points: Mapping[str, int] = field(default_factory=dict)  # of NEWS2, by parameter


class LooksAt(NamedTuple):
    """What makes a rule fire, and what it would be worse by."""

    sides: frozenset[Side]
    points: bool


def resolved(
    held: Held, outcome: Outcome, values: Mapping[str, int], now: datetime, refractory: timedelta | None
) -> Resolved | None:
    """What resolving an alert keeps quiet; None where the pathway names no time, it was worse, or nobody saw to it."""
    if refractory is None or outcome not in ANSWERED or max(held.severity, held.basis.severity) > Severity.AMBER:
        return None
    return Resolved(now, now + refractory, held.basis.rules, values, held.basis.points)


def is_same(
    before: Resolved,
    found: Finding,
    standing: Iterable[Rule | PathwayRule],
    values: Mapping[str, int],
    taken_at: datetime,
) -> bool:
    """Whether a set says nothing but what was resolved. `standing`: the rules that fire; `values`: as they look at."""
    if found.severity is not Severity.AMBER or found.by_itself or not before.since <= taken_at < before.until:
        return False
    if COMPLETE_THE_SET in found.rules:
        return False
    points = {**found.assumed, **found.points}
    no_more_points = all(scored <= before.points.get(name, 0) for name, scored in points.items())
    for rule in standing:
        seen = looks_at(rule)
        if seen is None or (seen.points and not no_more_points) or (rule.of and rule.name not in before.rules):
            return False
        if any(_is_worse(values.get(vital), before.values.get(vital), high=high) for vital, high in seen.sides):
            return False
    return True


def looks_at(rule: Rule | PathwayRule) -> LooksAt | None:
    """None of a rule that can never be let pass: what somebody answers, what is missed, and how kit is."""
    if isinstance(rule, Rule):
        if rule.name in BY_POINTS:
            return LooksAt(frozenset(), points=True)
        return LooksAt(frozenset({SIDES[rule.name]}), points=False) if rule.name in SIDES else None
    sides, points = set[Side](), False
    for condition in rule.conditions:
        match condition:
            case Total() | Points() | FromUsual(vital="news2"):
                points = True
            case Value() | FromUsual() | Trend() | Slope() | Persists():
                sides.add((condition.vital, condition.high))
            case _:
                return None
    return LooksAt(frozenset(sides), points)


def _is_worse(now: int | None, then: int | None, *, high: bool) -> bool:
    """What is not known of either is not known to be as good."""
    if now is None or then is None:
        return True
    return now > then if high else now < then
