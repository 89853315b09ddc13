"""Nearly better: a value just inside an amber bound is no news to be told again, and not yet better either.

Amber only: what is red, critical or scores 3 is better, and worse again, by its own bound. Source of the margins: each
pathway's file.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from alert_rules.kinds import PathwayRule, Persists, Value
from alert_rules.limits import LIMITED, LINES, NO_HIGH, NO_LOW
from alert_rules.severity import Facts, Severity

AMBER_LINES: Final = ("amber_low", "amber_high")


def nearly(
    facts: Facts,
    column: int,
    margins: Mapping[str, int],
    rules: Iterable[PathwayRule],
    measured: Collection[str],
) -> frozenset[str]:
    """The amber rules whose value one set measured at most a margin inside the bound. Some of them may fire."""
    found = set()
    for vital, margin in margins.items():
        row = LIMITED.index(vital)
        if vital not in measured or not facts.limited_known[row, column]:
            continue
        value = int(facts.limited[row, column])
        bounds = [(f"{vital}_{line}", int(facts.lines[LINES.index(line), row, column])) for line in AMBER_LINES]
        found |= {
            name
            for name, bound in bounds
            if bound not in {NO_LOW, NO_HIGH} and _is_near(value, bound, margin, high=name.endswith("high"))
        }
        found |= {
            name
            for name, one in _bounds(rules)
            if one.vital == vital and _is_near(value, one.bound, margin, high=one.high)
        }
    return frozenset(found)


def _bounds(rules: Iterable[PathwayRule]) -> Iterator[tuple[str, Value | Persists]]:
    """The amber rules that are about one bound of one vital sign."""
    for rule in rules:
        if rule.severity is Severity.AMBER and len(rule.conditions) == 1:
            one = rule.conditions[0]
            if isinstance(one, Value | Persists):
                yield rule.name, one


def _is_near(value: int, bound: int, margin: int, *, high: bool) -> bool:
    return value >= bound - margin if high else value <= bound + margin
