"""The rules of pathways, held against a whole batch of sets at once.

What `severity` says of a set stands whatever a pathway has: `with_pathways` can add to it and never take from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.kinds import (
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
from alert_rules.limits import LIMITED
from alert_rules.severity import Facts, Flags, Verdicts
from alert_rules.soft_signs import bits, counted
from alert_rules.vitals import PARAMETERS
from alert_rules.windows import Window, beyond, over_time

NOT_USUAL: Final = np.iinfo(np.int32).min
"""Stands for a usual value that is not known."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The sets that measured a vital sign, with what was measured before each."""

    columns: NDArray[np.intp]  # (m,) of the facts
    window: Window


@dataclass(frozen=True, slots=True)
class Beside:
    """What the rules of pathways look at beyond the facts; what no rule of a batch asks for may be left out."""

    usual: NDArray[np.int32] | None = None  # (USUAL, n) at the resolution of limits, NOT_USUAL where not known
    seen: Mapping[str, Seen] = field(default_factory=dict)  # by vital sign; QUALITY: 1 is poor, of every set
    silent_us: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """By vital sign, (n,): how long it was not measured at each set, or the patient was not there; 0 where it was."""


NOTHING: Final = Beside()


def hold(rule: PathwayRule, facts: Facts, beside: Beside = NOTHING) -> Flags:
    """(n,) where a rule fires."""
    flags = _holds(rule.conditions[0], facts, beside)
    for condition in rule.conditions[1:]:
        flags = flags & _holds(condition, facts, beside)
    return flags


def with_pathways(
    verdicts: Verdicts, groups: Sequence[tuple[Sequence[PathwayRule], Flags]], facts: Facts, beside: Beside = NOTHING
) -> Verdicts:
    """What the rules of pathways add. `groups`: the rules of each pathway, and which sets are of its wards (n,)."""
    severity = verdicts.severity.copy()
    added: list[tuple[PathwayRule, Flags]] = []
    technical: list[tuple[PathwayRule, Flags]] = []
    for rules, belongs in groups:
        applies = belongs & facts.watched
        for rule in rules:
            flags = hold(rule, facts, beside) & applies
            if not flags.any():
                continue
            (technical if rule.is_technical else added).append((rule, flags))
            if not rule.is_technical:
                np.maximum(severity, flags.view(np.int8) * np.int8(rule.severity), out=severity)
    return replace(verdicts, severity=severity, added=added, technical=technical)


def _holds(condition: Condition, facts: Facts, beside: Beside) -> Flags:
    match condition:
        case Value():
            row = LIMITED.index(condition.vital)
            flags = beyond(facts.limited[row], condition.bound, high=condition.high)
            flags &= facts.limited_known[row] & facts.adult
            return flags
        case Total():
            total: Flags = facts.scorable & (facts.news2.score >= condition.bound)
            return total
        case Points():
            points = facts.news2.points[PARAMETERS.index(condition.vital)]
            single: Flags = facts.scorable & (points >= condition.bound)
            return single
        case FromUsual():
            return _from_usual(condition, facts, beside)
        case Answer():
            return facts.wellness >= condition.bound
        case Noticed():
            return _noticed(condition, facts)
        case Absent():
            silent_us = beside.silent_us.get(condition.vital)
            return _none(facts) if silent_us is None else silent_us >= condition.for_us
        case Poor():
            again = Persists(QUALITY, 1, True, condition.within_us, condition.readings, condition.of)
            return _over_time(again, facts, beside)
        case Trend() | Slope():
            return _over_time(condition, facts, beside)
        case Persists():
            return _over_time(condition, facts, beside) & facts.adult


def _over_time(condition: Trend | Slope | Persists, facts: Facts, beside: Beside) -> Flags:
    flags = _none(facts)
    if (seen := beside.seen.get(condition.vital)) is not None:
        flags[seen.columns] = over_time(condition, seen.window)
    return flags


def _from_usual(condition: FromUsual, facts: Facts, beside: Beside) -> Flags:
    if beside.usual is None:
        return _none(facts)
    usual = beside.usual[USUAL.index(condition.vital)]
    if condition.vital == NEWS2:
        value, known = facts.news2.score.astype(np.int32), facts.scorable
    else:
        row = LIMITED.index(condition.vital)
        value, known = facts.limited[row], facts.limited_known[row]
    further = value - usual if condition.high else usual - value
    flags: Flags = known & (usual != NOT_USUAL) & (further >= condition.bound)
    return flags


def _noticed(condition: Noticed, facts: Facts) -> Flags:
    if condition.sign is not None:
        one: Flags = (facts.soft_signs & bits({condition.sign})) != 0
        return one
    many: Flags = counted(facts.soft_signs) >= condition.count
    return many


def _none(facts: Facts) -> Flags:
    return np.zeros(len(facts.watched), dtype=np.bool_)
