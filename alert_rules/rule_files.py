"""The rules of a pathway's file: read strictly, and refused where one can never fire or says nothing new."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Final

from alert_rules.kinds import (
    EARLIER_MAX,
    HOUR_US,
    NEWS2,
    NEWS2_MAX,
    USUAL,
    WITHIN_MAX_US,
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
from alert_rules.limits import DECIMALS, LIMITED, LINES, Lines, impossible, in_range
from alert_rules.news2 import CHARTS, RED
from alert_rules.rule_faults import covering_floor, refuse_contradiction, refuse_covered, refuse_same
from alert_rules.severity import RULES, Severity, Wellness
from alert_rules.soft_signs import SOFT_SIGNS
from alert_rules.toml_tables import Table
from alert_rules.vitals import PARAMETERS

RULES_MAX: Final = 40
CONDITIONS_MAX: Final = 4
WITHIN_MAX_H: Final = WITHIN_MAX_US // HOUR_US
READINGS_MAX: Final = EARLIER_MAX + 1

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_SEVERITIES: Final = tuple(one.label for one in sorted(Severity, reverse=True) if one)
_ANSWERS: Final = {"worse": Wellness.WORSE, "much worse": Wellness.MUCH_WORSE}


def read_rules(tables: Iterable[Table], limits: Mapping[str, Lines]) -> tuple[PathwayRule, ...]:
    """The rules as they stand in the file. Raises Wrong."""
    read: list[tuple[PathwayRule, Table]] = []
    for table in tables:
        rule = _rule(table)
        if len(read) == RULES_MAX:
            raise table.wrong("name", f"is one rule too many: {RULES_MAX} at most")
        refuse_same(rule, table, [one for one, _ in read])
        read.append((rule, table))
    for rule, table in read:
        refuse_covered(rule, table, [one for one, _ in read], limits)
    return tuple(rule for rule, _ in read)


def read_limits(table: Table) -> dict[str, Lines]:
    """A pathway's own lines by vital sign, where a plan draws none; SpO2 has a table of its own. Raises Wrong."""
    lines: dict[str, Lines] = {}
    for vital in table.keys:
        if vital not in LIMITED or vital == "spo2":
            raise table.wrong(vital, "is in [spo2]" if vital == "spo2" else "is unknown")
        own = table.table(vital)
        drawn = {line: _units(own, line, vital) for line in LINES if line in own}
        own.done()
        if not drawn:
            raise table.wrong(vital, "draws no line")
        lines[vital] = Lines(**drawn)
        for line, bound in drawn.items():
            if floor := covering_floor(vital, bound, line.endswith("high"), Severity[line.rsplit("_", 1)[0].upper()]):
                raise own.wrong(line, f"says nothing new: {floor} is as bad, and fires wherever it does")
        if impossible(lines[vital]):
            order = [line for line in LINES if line in drawn]
            crossed = next(high for low, high in pairwise(order) if drawn[low] >= drawn[high])
            raise own.wrong(crossed, f"overlaps: {impossible(lines[vital])}")
    table.done()
    return lines


def read_margins(table: Table) -> dict[str, int]:
    """By vital sign, how far inside an amber bound a value has to be before it counts as better. Raises Wrong."""
    margins = {}
    for vital in table.keys:
        if vital not in LIMITED:
            raise table.wrong(vital, "is unknown")
        margins[vital] = _amount(table, vital, vital)
    return margins


def _rule(table: Table) -> PathwayRule:
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise table.wrong("name", "must be small letters, digits and _")
    if name in {rule.name for rule in RULES}:
        raise table.wrong("name", "is a rule of every pathway")
    severity = Severity[table.one_of("severity", _SEVERITIES).upper()]
    prompt = table.text("prompt", "")
    others = table.tables("and")
    conditions = [_condition(table)]
    table.done()
    for other in others:
        conditions.append(_condition(other))
        other.done()
        if len(conditions) > CONDITIONS_MAX:
            raise table.wrong("and", f"are too many: {CONDITIONS_MAX} conditions at most")
        refuse_contradiction(conditions, other)
    if all(isinstance(one, Noticed) for one in conditions):
        raise table.wrong("kind", "needs a condition of another kind: signs alone alert in the moment they are told")
    return PathwayRule(name, severity, tuple(conditions), prompt)


def _condition(table: Table) -> Condition:
    return _READ[table.one_of("kind", tuple(_READ))](table)


def _value(table: Table) -> Value:
    vital = table.one_of("vital", LIMITED)
    bound, high = _side(table, vital, "at_least", "at_most")
    low, most = in_range(vital)
    if not (low < bound <= most if high else low <= bound < most):
        raise table.wrong("at_least" if high else "at_most", "fires on everything that can be measured")
    return Value(vital, bound, high)


def _total(table: Table) -> Total:
    return Total(table.whole("at_least", 1, NEWS2_MAX))


def _points(table: Table) -> Points:
    vital = table.one_of("parameter", PARAMETERS)
    bound = table.whole("at_least", 1, RED)
    worst = CHARTS[1][PARAMETERS.index(vital)].worst
    if bound > worst:
        raise table.wrong("at_least", f"can never fire: {vital} scores {worst} at most")
    return Points(vital, bound)


def _usual(table: Table) -> FromUsual:
    vital = table.one_of("vital", USUAL)
    if vital == NEWS2:
        return FromUsual(vital, table.whole("above", 1, NEWS2_MAX), high=True)
    bound, high = _moved(table, vital, "above", "below")
    return FromUsual(vital, bound, high)


def _trend(table: Table) -> Trend:
    vital = table.one_of("vital", LIMITED)
    bound, high = _moved(table, vital, "rise", "fall")
    return Trend(vital, bound, high, _hours(table, "within_h"), table.whole("readings", 2, READINGS_MAX, 2))


def _slope(table: Table) -> Slope:
    vital = table.one_of("vital", LIMITED)
    bound, high = _moved(table, vital, "rise_a_day", "fall_a_day")
    within_us, span_us = _hours(table, "within_h"), _hours(table, "span_h")
    if span_us > within_us:
        raise table.wrong("span_h", "can never fire: it is longer than within_h")
    return Slope(vital, bound, high, within_us, span_us, table.whole("readings", 3, READINGS_MAX))


def _persistence(table: Table) -> Persists:
    value = _value(table)
    within_us = _hours(table, "within_h")
    if "for_h" in table:
        for_us = _hours(table, "for_h")
        if for_us > within_us:
            raise table.wrong("for_h", "can never fire: it is longer than within_h")
        return Persists(value.vital, value.bound, value.high, within_us, for_us=for_us)
    of = table.whole("of", 2, READINGS_MAX)
    readings = table.whole("readings", 2, of)
    return Persists(value.vital, value.bound, value.high, within_us, readings, of)


def _answer(table: Table) -> Answer:
    return Answer(_ANSWERS[table.one_of("at_least", tuple(_ANSWERS))])


def _soft_signs(table: Table) -> Noticed:
    if ("sign" in table) == ("at_least" in table):
        raise table.wrong("at_least" if "sign" in table else "kind", "needs either sign or at_least")
    if "sign" in table:
        return Noticed(sign=table.one_of("sign", tuple(SOFT_SIGNS)))
    return Noticed(count=table.whole("at_least", 1, len(SOFT_SIGNS)))


def _absence(table: Table) -> Absent:
    return Absent(table.one_of("vital", LIMITED), _hours(table, "for_h"))


def _quality(table: Table) -> Poor:
    of = table.whole("of", 2, READINGS_MAX)
    return Poor(_hours(table, "within_h"), table.whole("readings", 2, of), of)


_READ: Final[dict[str, Callable[[Table], Condition]]] = {
    "value": _value,
    "total": _total,
    "points": _points,
    "usual": _usual,
    "trend": _trend,
    "slope": _slope,
    "persistence": _persistence,
    "answer": _answer,
    "soft_signs": _soft_signs,
    "absence": _absence,
    "quality": _quality,
}


def _side(table: Table, vital: str, high: str, low: str) -> tuple[int, bool]:
    """A bound, and whether it is one to be at or above. Raises Wrong unless there is exactly one."""
    if (high in table) == (low in table):
        raise table.wrong(low if low in table else "kind", f"needs either {high} or {low}")
    key = high if high in table else low
    return _units(table, key, vital), key == high


def _moved(table: Table, vital: str, high: str, low: str) -> tuple[int, bool]:
    """How far, and whether upwards. Raises Wrong."""
    if (high in table) == (low in table):
        raise table.wrong(low if low in table else "kind", f"needs either {high} or {low}")
    key = high if high in table else low
    return _amount(table, key, vital), key == high


def _units(table: Table, key: str, vital: str) -> int:
    """A value of a vital sign in whole units, within what can be measured. Raises Wrong."""
    units = _whole_units(table, key, vital)
    low, high = in_range(vital)
    if not low <= units <= high:
        raise table.wrong(key, f"can never be measured: {low / _scale(vital):g} to {high / _scale(vital):g} can")
    return units


def _amount(table: Table, key: str, vital: str) -> int:
    """A difference of a vital sign in whole units. Raises Wrong."""
    units = _whole_units(table, key, vital)
    low, high = in_range(vital)
    if not 0 < units < high - low:
        raise table.wrong(key, f"must be more than 0 and less than {(high - low) / _scale(vital):g}")
    return units


def _whole_units(table: Table, key: str, vital: str) -> int:
    value: Decimal = table.number(key)
    units = value * _scale(vital)
    if units != int(units):
        raise table.wrong(key, f"is finer than {vital} is held against limits: {1 / _scale(vital):g}")
    return int(units)


def _scale(vital: str) -> int:
    return int(10 ** DECIMALS.get(vital, 0))


def _hours(table: Table, key: str) -> int:
    return table.whole(key, 1, WITHIN_MAX_H) * HOUR_US
