"""The rules of pathways in words: what one would alert at, and what it found, each as a nurse would say it."""

from typing import Final, NamedTuple

import numpy as np

from alert_rules.engine import Beside
from alert_rules.kinds import (
    DAY_US,
    HOUR_US,
    NEWS2,
    QUALITY,
    USUAL,
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
from alert_rules.limits import LIMITED, UNITS
from alert_rules.severity import Facts, Wellness
from alert_rules.soft_signs import COUNTS_FOR_US, listed, named
from alert_rules.vitals import ACVPU, PARAMETERS
from alert_rules.windows import theil_sen
from alert_rules.words import CONSCIOUS, LABELS, measured, shown

MINUTE_US: Final = HOUR_US // 60


class Used(NamedTuple):
    """One reading that a rule looked back on."""

    value: int
    age_us: int


def would(rule: PathwayRule) -> str:
    """When a rule fires, whoever the patient is."""
    said = " and ".join(_would(condition) for condition in rule.conditions)
    return f"{said}: {rule.prompt}" if rule.prompt else said


def said_of(rule: PathwayRule, facts: Facts, news2: str, beside: Beside, column: int) -> str:
    """What a rule found in one set. `news2`: that set's score as it is told."""
    found = _Found(facts, news2, beside, column)
    said = " and ".join(found.says(condition) for condition in rule.conditions)
    return f"{said}: {rule.prompt}" if rule.prompt else said


def used(rule: PathwayRule, beside: Beside, column: int) -> dict[str, list[Used]]:
    """By vital sign, the earlier readings that a rule looked back on, the newest first."""
    return {
        condition.vital: earlier
        for condition in rule.conditions
        if isinstance(condition, Trend | Slope | Persists)
        and (earlier := _earlier(beside, condition.vital, column, condition.within_us))
    }


def _earlier(beside: Beside, vital: str, column: int, within_us: int) -> list[Used]:
    if (seen := beside.seen.get(vital)) is None:
        return []
    place = int(np.searchsorted(seen.columns, column))
    one = seen.window.columns(np.array([place]))
    near = one.near(within_us)[:, 0]
    ages_us = (one.now_us - one.taken_us)[near, 0].tolist()
    return [Used(value, age) for value, age in zip(one.earlier[near, 0].tolist(), ages_us, strict=True)]


def _would(condition: Condition) -> str:
    match condition:
        case Value():
            return f"{LABELS[condition.vital]} {_bound(condition.vital, condition.bound, high=condition.high)}"
        case Total():
            return f"NEWS2 {condition.bound} or more"
        case Points():
            return f"{LABELS[condition.vital]} scores {condition.bound} or more by itself"
        case FromUsual():
            return f"{_label(condition.vital)} {_from_usual(condition)}"
        case Trend():
            return f"{LABELS[condition.vital]} {_moves(condition)} within {_span(condition.within_us)}"
        case Slope():
            over = f"over {_span(condition.span_us)} or longer"
            return f"{LABELS[condition.vital]} {_moves(condition)} a day, {over}"
        case Persists():
            bound = _bound(condition.vital, condition.bound, high=condition.high)
            return f"{LABELS[condition.vital]} {bound} {_again(condition)}"
        case Answer():
            return "feels much worse" if condition.bound is Wellness.MUCH_WORSE else "feels worse or much worse"
        case Noticed():
            signs = f"{condition.count} soft signs or more" if condition.sign is None else listed({condition.sign})
            return f"{signs}, told within {_span(COUNTS_FOR_US)}"
        case Absent():
            vital = LABELS[condition.vital]
            return f"a set came, and no {vital} for {_span(condition.for_us)}, where the plan expects it"
        case Poor():
            return f"{condition.readings} of the last {condition.of} sets of low quality or improbable"


class _Found(NamedTuple):
    facts: Facts
    news2: str
    beside: Beside
    column: int

    def says(self, condition: Condition) -> str:
        match condition:
            case Value():
                bound = _bound(condition.vital, condition.bound, high=condition.high, unit=False)
                return f"{self._measured(condition.vital)} ({bound})"
            case Total():
                return f"NEWS2 {self.news2} ({condition.bound} or more)"
            case Points():
                points = int(self.facts.news2.points[PARAMETERS.index(condition.vital), self.column])
                return f"{self._parameter(condition.vital)} scores {points} by itself ({condition.bound} or more)"
            case FromUsual():
                return self._from_usual(condition)
            case Trend():
                return self._trend(condition)
            case Slope():
                return self._slope(condition)
            case Persists():
                return self._persists(condition)
            case Answer():
                worst = self.facts.wellness[self.column] == Wellness.MUCH_WORSE
                return "feels much worse" if worst else "feels worse"
            case Noticed():
                return f"told lately: {listed(named(int(self.facts.soft_signs[self.column])))}"
            case Absent():
                silent_us = int(self.beside.silent_us[condition.vital][self.column])
                return f"no {LABELS[condition.vital]} for {_span(silent_us)} ({_span(condition.for_us)} or longer)"
            case Poor():
                poor = sum(one.value for one in self._before(QUALITY, condition.within_us)[: condition.of - 1]) + 1
                return f"{poor} of the last {condition.of} sets are of low quality or improbable"

    def _value(self, vital: str) -> int:
        return int(self.facts.limited[LIMITED.index(vital), self.column])

    def _measured(self, vital: str) -> str:
        return measured(vital, self._value(vital))

    def _parameter(self, name: str) -> str:
        if name in LIMITED:
            return self._measured(name)
        value = int(self.facts.vitals.values[PARAMETERS.index(name), self.column])
        return CONSCIOUS[ACVPU[value]] if name == "consciousness" else LABELS[name]

    def _before(self, vital: str, within_us: int) -> list[Used]:
        return _earlier(self.beside, vital, self.column, within_us)

    def _from_usual(self, condition: FromUsual) -> str:
        assert self.beside.usual is not None
        usual = int(self.beside.usual[USUAL.index(condition.vital), self.column])
        side = "above" if condition.high else "below"
        if condition.vital == NEWS2:
            return f"NEWS2 {self.news2}: {condition.bound} or more {side} the usual {usual}"
        away = shown(condition.vital, abs(self._value(condition.vital) - usual))
        bound = f"{shown(condition.vital, condition.bound)} or more"
        return f"{self._measured(condition.vital)}: {away} {side} the usual {shown(condition.vital, usual)} ({bound})"

    def _trend(self, condition: Trend) -> str:
        before = self._before(condition.vital, condition.within_us)
        from_ = (min if condition.high else max)(before, key=lambda one: one.value)
        by = shown(condition.vital, abs(self._value(condition.vital) - from_.value))
        verb = "up" if condition.high else "down"
        was = f"{shown(condition.vital, from_.value)} {_span(from_.age_us)} before"
        bound = f"{shown(condition.vital, condition.bound)} or more within {_span(condition.within_us)}"
        return f"{self._measured(condition.vital)}: {verb} {by} from {was} ({bound})"

    def _slope(self, condition: Slope) -> str:
        seen = self.beside.seen[condition.vital]
        one = seen.window.columns(np.searchsorted(seen.columns, [self.column]))
        a_day = shown(condition.vital, round(abs(float(theil_sen(one, one.near(condition.within_us))[0])) * DAY_US))
        before = self._before(condition.vital, condition.within_us)
        verb = "rising" if condition.high else "falling"
        over = f"over {_span(before[-1].age_us)}, {len(before) + 1} readings"
        bound = f"{shown(condition.vital, condition.bound)} or more a day"
        return f"{self._measured(condition.vital)}: {verb} by {a_day} a day {over} ({bound})"

    def _persists(self, condition: Persists) -> str:
        before = self._before(condition.vital, condition.within_us)
        if not condition.for_us:
            before = before[: condition.of - 1]
        past = ", ".join(f"{shown(condition.vital, one.value)} {_span(one.age_us)} before" for one in before)
        bound = _bound(condition.vital, condition.bound, high=condition.high, unit=False)
        return f"{self._measured(condition.vital)}, {past} ({bound} {_again(condition)})"


def _bound(vital: str, bound: int, *, high: bool, unit: bool = True) -> str:
    return f"{shown(vital, bound)}{f' {UNITS[vital]}' if unit else ''} or {'more' if high else 'less'}"


def _label(vital: str) -> str:
    return "NEWS2" if vital == NEWS2 else LABELS[vital]


def _from_usual(condition: FromUsual) -> str:
    bound = str(condition.bound) if condition.vital == NEWS2 else shown(condition.vital, condition.bound)
    return f"{bound} or more {'above' if condition.high else 'below'} the patient's usual value"


def _moves(condition: Trend | Slope) -> str:
    unit = UNITS[condition.vital]
    return f"{'rises' if condition.high else 'falls'} by {shown(condition.vital, condition.bound)} {unit} or more"


def _again(condition: Persists) -> str:
    if condition.for_us:
        return f"for {_span(condition.for_us)}"
    return f"in {condition.readings} of the last {condition.of} readings"


def _span(span_us: int) -> str:
    """As people say it: minutes up to two hours, then hours, days from three on."""
    minutes = round(span_us / MINUTE_US)
    if minutes <= 120:
        return f"{minutes} min"
    return (
        f"{minutes // 60} h"
        if minutes < 72 * 60
        else f"{minutes // 1440} d {minutes % 1440 // 60} h".removesuffix(" 0 h")
    )
