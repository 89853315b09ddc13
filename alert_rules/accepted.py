"""Accepted values: one vital sign that a senior clinician accepts down, or up, to a value, for some days.

Within it, what is red by that vital sign alone and by a bound shows amber. Beyond it everything is as it was, and is
told as news. It takes nothing from a NEWS2 total, from what is critical by itself, from rules that look at more than
the one value (combinations, usual values, trends), from consciousness, or from another vital sign.
Source: docs/clinical/policy.md, *Accepted values*.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.kinds import PathwayRule, Points, Value
from alert_rules.limits import LIMITED, LINES, LOW, NO_HIGH, NO_LOW
from alert_rules.news2 import CHARTS, RED, Scale
from alert_rules.severity import RULES, SINGLE_RED, SPO2_CRITICAL, Facts, Flags, Rule, Severity, Verdicts
from alert_rules.silence import LOCAL
from alert_rules.vitals import PARAMETERS
from alert_rules.words import shown

ACCEPTED_FOR_MAX: Final = timedelta(days=7)
"""The clinical policy's: then it is decided anew or over."""

NEVER: Final = frozenset({("glucose", False)})
"""Hypoglycaemia is treated, not accepted. Consciousness and oxygen are no values with a bound at all."""

Side = tuple[str, bool]
"""A vital sign, and whether upwards: accepted up to a value; else down to it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a senior clinician accepted of one patient."""

    vital: str  # of LIMITED
    high: bool  # up to the value; else down to it
    value: int  # at the resolution of limits; itself accepted
    by: str
    until: datetime

    @property
    def says(self) -> str:
        """For whoever reads why something is only amber."""
        return f"accepted {self.bound} by {self.by} until {self.until.astimezone(LOCAL):%d %b %H:%M}"

    @property
    def named(self) -> dict[str, object]:
        """For what an alert rests on."""
        return {"vital": self.vital, "bound": self.bound, "by": self.by, "until": self.until}

    @property
    def bound(self) -> str:
        """Such as "down to 88"."""
        return f"{'up' if self.high else 'down'} to {shown(self.vital, self.value)}"


def accepted_values(decided: Sequence[Accepted | None]) -> dict[Side, NDArray[np.int32]]:
    """`Facts.accepted` of n sets; `decided`: what is accepted at each."""
    values: dict[Side, NDArray[np.int32]] = {}
    for column, one in enumerate(decided):
        if one is not None:
            nothing = NO_LOW if one.high else NO_HIGH
            side = one.vital, one.high
            values.setdefault(side, np.full(len(decided), nothing, dtype=np.int32))[column] = one.value
    return values


def critical_at(vital: str, *, high: bool, scale: Scale) -> int | None:
    """From which value on a vital sign is critical by itself, and so never accepted; None where nothing is."""
    if vital == "spo2" and not high:
        return SPO2_CRITICAL[scale]
    bounds = [rule.bound for rule in RULES if rule.severity is Severity.CRITICAL and rule.of == {vital}]
    return next((one[0] for one in bounds if one is not None and one[1] == high), None)


def red_at(side: Side, *, scale: Scale, scored: bool, line: int | None, rules: Sequence[PathwayRule]) -> int | None:
    """From which value on a vital sign is red (or amber_plus) by itself, as far as an accepted value covers it.

    `line`: the red limit that holds on that side; `rules`: the pathway's. None where nothing is: nothing to accept.
    """
    vital, high = side
    bounds = [] if line is None else [line]
    if scored:
        single = (rule for rule in RULES if rule.bound and SIDES[rule.name] == side)
        bounds += [rule.bound[0] for rule in single if rule.bound and _may_relieve(rule)]
        own = (rule for rule in rules if _may_relieve(rule) and _is_about(rule, side))
        bounds += [one.bound for rule in own for one in rule.conditions if isinstance(one, Value)]
    if scored and vital in PARAMETERS:
        row = CHARTS[scale][PARAMETERS.index(vital)]
        low, top, points = row.bands[-1 if high else 0]
        bounds += [int(row.in_units(low if high else top))] if points == RED else []
    return (min if high else max)(bounds, default=None)


def with_accepted(verdicts: Verdicts, facts: Facts) -> Verdicts:
    """What shows amber instead of red, and what is beyond what was accepted: that alone adds no severity."""
    if not facts.accepted:
        return verdicts
    relieved: dict[str, Flags] = {}
    beyond: list[tuple[Rule, Flags]] = []
    nobody = np.zeros(len(facts.watched), dtype=np.bool_)
    threes = (facts.news2.points == RED) & facts.scorable
    for side, values in facts.accepted.items():
        if side in NEVER:
            continue
        within, is_on = _within(facts, side, values), _is_on(facts, side)
        alerts = nobody.copy()
        for rule, flags in verdicts.every():
            if _may_relieve(rule) and _is_about(rule, side):
                fired = flags if _has_side(rule) else flags & is_on
                relieved[rule.name] = (fired & within) | relieved.get(rule.name, nobody)
                alerts |= fired
        if side[0] in PARAMETERS:
            three = threes[PARAMETERS.index(side[0])]
            alerts |= three & is_on & facts.watched
            three &= ~(within & is_on)
        beyond.append((BEYOND[side], BEYOND[side].fires(facts) & alerts))
    relieved[SINGLE_RED] = verdicts.fired[_SINGLE_RED_ROW] & ~threes.any(axis=0)
    return replace(verdicts, severity=_severity(verdicts, relieved), relieved=relieved, beyond=beyond)


def _within(facts: Facts, side: Side, values: NDArray[np.int32]) -> Flags:
    """(n,) where a value is known, and within what is accepted at its set."""
    vital, high = side
    row = LIMITED.index(vital)
    value = facts.limited[row]
    flags: Flags = facts.limited_known[row] & (value <= values if high else value >= values)
    return flags


def _is_beyond(facts: Facts, side: Side) -> Flags:
    """(n,) where a value is known, something is accepted at its set, and not this value."""
    vital, high = side
    values = facts.accepted[side]
    is_decided = values != (NO_LOW if high else NO_HIGH)
    flags: Flags = facts.limited_known[LIMITED.index(vital)] & is_decided & ~_within(facts, side, values)
    return flags


def _is_on(facts: Facts, side: Side) -> Flags:
    """(n,) whether a value of NEWS2 lies on that side of what scores nothing: down to 88 accepts no 230."""
    vital, high = side
    if vital not in PARAMETERS:
        return np.zeros(len(facts.watched), dtype=np.bool_)
    edges = []
    for chart in (CHARTS[1], CHARTS[2]):
        row = chart[PARAMETERS.index(vital)]
        low, top, _ = row.bands[row.middle]
        edges.append(row.in_units(top if high else low))
    edge = np.where(facts.on_scale_2, edges[1], edges[0])
    value = facts.limited[LIMITED.index(vital)]
    flags: Flags = value > edge if high else value < edge
    return flags


def _may_relieve(rule: Rule | PathwayRule) -> bool:
    """Whether a rule is worse than amber, and not critical."""
    return Severity.AMBER < rule.severity < Severity.CRITICAL


def _is_about(rule: Rule | PathwayRule, side: Side) -> bool:
    """Whether a rule is one bound of that vital sign, on that side where it has one, and nothing else."""
    if isinstance(rule, Rule):
        return SIDES.get(rule.name) == side
    if len(rule.conditions) > 1:
        return False
    match rule.conditions[0]:
        case Value(vital=vital, high=high):
            return (vital, high) == side
        case Points(vital=vital):
            return vital == side[0]
        case _:
            return False


def _has_side(rule: Rule | PathwayRule) -> bool:
    return isinstance(rule, Rule) or isinstance(rule.conditions[0], Value)


def _severity(verdicts: Verdicts, relieved: Mapping[str, Flags]) -> NDArray[np.int8]:
    """The worst that is left of each set that an accepted value bears on; the others stay as they are."""
    touched = np.flatnonzero(np.logical_or.reduce([*relieved.values()]))
    if not len(touched):
        return verdicts.severity
    worst = np.zeros(len(touched), dtype=np.int8)
    for rule, fired in verdicts.every():
        counts = fired[touched] * np.int8(rule.severity)
        if (flags := relieved.get(rule.name)) is not None:
            np.minimum(counts, np.int8(Severity.AMBER), out=counts, where=flags[touched])
        np.maximum(worst, counts, out=worst)
    severity = verdicts.severity.copy()
    severity[touched] = worst
    return severity


def _sides() -> dict[str, Side]:
    lines = {f"{vital}_{line}": (vital, place >= LOW) for vital in LIMITED for place, line in enumerate(LINES)}
    single = {rule.name: (vital, rule.bound[1]) for rule in RULES if rule.bound for vital in rule.of}
    return lines | single


def _beyond(side: Side) -> Rule:
    vital, high = side
    word = "high" if high else "low"
    return Rule(
        f"{vital}_beyond_accepted_{word}",
        Severity.AMBER,
        lambda facts: _is_beyond(facts, side),
        f"{{{vital}}}: beyond what is accepted ({'up' if high else 'down'} to {{{vital}_accepted_{word}}})",
        frozenset({vital}),
    )


SIDES: Final = _sides()
"""By name, the vital sign and side of each rule of `severity` that is one bound of one vital sign."""
_SINGLE_RED_ROW: Final = [rule.name for rule in RULES].index(SINGLE_RED)

BEYOND: Final[dict[Side, Rule]] = {
    (vital, high): _beyond((vital, high)) for vital in LIMITED for high in (False, True) if (vital, high) not in NEVER
}
"""Told beside what fires anyway: without it a red that goes on getting worse, in an alert that is red already, would be
no news once it had been let pass as amber."""
