"""Rules that stand twice, can never fire, or say nothing new: what a pathway's file is refused for."""

from collections.abc import Iterable, Mapping
from typing import Final

from alert_rules.kinds import Absent, Answer, Condition, PathwayRule, Persists, Points, Slope, Total, Trend, Value
from alert_rules.limits import LINES, Lines
from alert_rules.news2 import RED
from alert_rules.severity import LOW_MEDIUM, RULES, Severity, Wellness
from alert_rules.toml_tables import Table

_FLOOR_TOTALS: Final = {Severity.AMBER: LOW_MEDIUM, Severity.AMBER_PLUS: 5, Severity.RED: 5, Severity.CRITICAL: 7}
"""From which NEWS2 on every pathway alerts so badly or worse."""
_FLOOR_ANSWERS: Final = {Severity.AMBER: Wellness.WORSE}
"""Likewise by the daily question; much worse is red."""


def refuse_same(rule: PathwayRule, table: Table, before: Iterable[PathwayRule]) -> None:
    """A name or a rule that stands twice. Raises Wrong."""
    for other in before:
        if other.name == rule.name:
            raise table.wrong("name", "stands twice")
        if set(other.conditions) == set(rule.conditions):
            raise table.wrong("name", f"is the same rule as {other.name}")


def refuse_contradiction(conditions: list[Condition], table: Table) -> None:
    """What can never hold together with the conditions before it. Raises Wrong."""
    *before, new = conditions
    if new in before:
        raise table.wrong("kind", "stands twice in one rule")
    for one in before:
        if isinstance(one, Value | Persists) and isinstance(new, Value | Persists) and one.vital == new.vital:
            low, high = sorted((one, new), key=lambda each: each.high)
            if high.high and not low.high and high.bound > low.bound:
                raise table.wrong("vital", "can never fire: no value is beyond both bounds")
        absent = {each.vital for each in (one, new) if isinstance(each, Absent)}
        measured = {each.vital for each in (one, new) if isinstance(each, Trend | Slope | Persists)}
        if absent & measured:
            raise table.wrong("vital", "can never fire: it would be measured and not measured")


def refuse_covered(rule: PathwayRule, table: Table, rules: Iterable[PathwayRule], limits: Mapping[str, Lines]) -> None:
    """A rule wherever which another one fires that is as bad: it never says anything. Raises Wrong."""
    if len(rule.conditions) > 1:
        return
    condition = rule.conditions[0]
    match condition:
        case Value():
            covering = covering_floor(condition.vital, condition.bound, condition.high, rule.severity)
            covering = covering or _line(condition, rule.severity, limits)
            covering = covering or next((one.name for one in rules if _covers(one, rule, condition)), None)
        case Total():
            floor = _FLOOR_TOTALS[rule.severity]
            covering = f"NEWS2 {floor} or more" if condition.bound >= floor else None
        case Points():
            covering = "a single 3" if condition.bound >= RED and rule.severity <= Severity.AMBER_PLUS else None
        case Answer():
            floor_answer = _FLOOR_ANSWERS.get(rule.severity, Wellness.MUCH_WORSE)
            is_covered = rule.severity <= Severity.RED and condition.bound >= floor_answer
            covering = "the daily question" if is_covered else None
        case _:
            covering = None
    if covering is not None:
        raise table.wrong("severity", f"says nothing new: {covering} is as bad, and fires wherever it does")


def _covers(other: PathwayRule, rule: PathwayRule, value: Value) -> bool:
    if other is rule or len(other.conditions) > 1 or other.severity < rule.severity:
        return False
    one = other.conditions[0]
    return isinstance(one, Value) and one.vital == value.vital and _is_wider(one.bound, one.high, value)


def _is_wider(bound: int, high: bool, value: Value) -> bool:
    return high == value.high and (bound <= value.bound if high else bound >= value.bound)


def covering_floor(vital: str, bound: int, high: bool, severity: Severity) -> str | None:
    """The rule of every pathway that is as bad and fires on all of these values, or None."""
    value = Value(vital, bound, high)
    covering = (
        rule.name
        for rule in RULES
        if rule.bound and rule.of == {vital} and rule.severity >= severity and _is_wider(*rule.bound, value)
    )
    return next(covering, None)


def _line(value: Value, severity: Severity, limits: Mapping[str, Lines]) -> str | None:
    lines = limits.get(value.vital, Lines())
    for line in LINES:
        bound, as_bad = getattr(lines, line), Severity[line.rsplit("_", 1)[0].upper()] >= severity
        if bound is not None and as_bad and _is_wider(bound, line.endswith("high"), value):
            return f"limits.{value.vital}.{line}"
    return None
