"""Please repeat the reading, for months of sets: `repeating.decide` of the few sets that it can concern.

For the backtest, beside `alarm_arrays`. As on a ward, what nobody repeated in time is raised at its instant, whether
or not another set ever comes. Every set is taken to be one that the patient's own device sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.alarm_arrays import UNKNOWN, Findings, Flags, measured_by
from alert_rules.alarms import COMPLETE_THE_SET, Finding
from alert_rules.compose import Composed, Sets
from alert_rules.kinds import PathwayRule
from alert_rules.repeating import Asked, Came, Step, Why, decide
from alert_rules.severity import Facts, Rule, Severity, Verdicts
from alert_rules.vitals import OXYGEN, PARAMETERS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
SKIPPED: Final = frozenset({Step.ASK, Step.WAIT, Step.REPEATED})
"""Steps at which a set is not held against the alerts."""


@dataclass(frozen=True, slots=True)
class Repeatable:
    """What `repeating` needs of n sets beside what they find."""

    repeat_first: bool
    low: Flags  # (n,) of low quality
    rules: list[Rule | PathwayRule]
    fired: NDArray[np.bool_]  # (n, rules)
    to_complete: Flags
    measured: dict[str, Flags]


@dataclass(frozen=True, slots=True)
class Ending:
    """How one asking ended. `row`: of its first set."""

    row: int
    why: Why
    raised: bool
    in_time: bool  # by a repeat; else nobody repeated it
    after_us: int


@dataclass(frozen=True, slots=True)
class Raised:
    """What is raised that was asked about first: of which stays, as of which sets, when, and what it found."""

    who: NDArray[np.intp]
    rows: NDArray[np.intp]
    at_us: NDArray[np.int64]
    found: Findings


def repeatable(
    sets: Sets, wellness: Flags, composed: Composed, facts: Facts, verdicts: Verdicts, low: Flags, *, repeat_first: bool
) -> Repeatable:
    """Likewise as `alarm_arrays.findings`. `low` (n,): of low quality. `repeat_first`: the pathway's."""
    every = [*verdicts.every(), *verdicts.beyond]
    fired = np.array([flags for _, flags in every], dtype=np.bool_)
    measured = measured_by(sets, wellness, composed, facts)
    return Repeatable(
        repeat_first, low, [rule for rule, _ in every], np.ascontiguousarray(fired.T), verdicts.to_complete, measured
    )


@dataclass(slots=True)
class Repeats:
    """What patients are asked, as time goes on."""

    found: Findings
    sets: Repeatable
    pending: Flags  # (stays,)
    by_us: NDArray[np.int64]
    endings: list[Ending] = field(default_factory=list)
    _asked: dict[int, tuple[int, Asked]] = field(default_factory=dict)  # by stay: the first set's row, and the asking

    @classmethod
    def of(cls, found: Findings, sets: Repeatable, stays: int) -> "Repeats":
        """Nobody is asked anything yet."""
        return cls(found, sets, np.zeros(stays, np.bool_), np.zeros(stays, np.int64))

    def unrepeated(self, who: NDArray[np.intp], now_us: NDArray[np.int64]) -> Raised | None:
        """What nobody repeated in time, of these stays: raised at its own instant, and asked no more."""
        due = who[self.pending[who] & (self.by_us[who] <= now_us)]
        return self._raise([(stay, int(self.by_us[stay])) for stay in due.tolist()], in_time=False)

    def weigh(self, who: NDArray[np.intp], at: NDArray[np.intp], alive: Flags) -> tuple[Flags, Raised | None]:
        """Which of these sets are held against the alerts, and what is raised before they are.

        `alive`: the stays that have an open alert.
        """
        found, sets = self.found, self.sets
        severity = found.severity[at]
        may = ~alive & (severity > 0)
        asks = may & (sets.low[at] | ((severity == Severity.AMBER) & sets.repeat_first))
        ordinary = np.ones(len(who), np.bool_)
        both = []
        for place in np.flatnonzero(asks | self.pending[who]).tolist():
            stay, row = int(who[place]), int(at[place])
            step = self._decide(stay, row, is_open=bool(alive[place]))
            ordinary[place] = step not in SKIPPED
            if step is Step.RAISE_BOTH:
                both.append((stay, int(found.taken_us[row])))
        return ordinary, self._raise(both, in_time=True)

    def _decide(self, stay: int, row: int, *, is_open: bool) -> Step:
        first, before = self._asked.get(stay, (row, None))
        now_us = int(self.found.taken_us[row])
        step, asked = decide(
            before, self._came(row, is_open=is_open), _instant(now_us), repeat_first=self.sets.repeat_first
        )
        if step is Step.RAISE_BOTH:
            return step  # `_raise` ends it
        if asked is not None:
            self._asked[stay], self.pending[stay] = (first, asked), True
            self.by_us[stay] = (asked.by - _EPOCH) // _US
        elif before is not None:
            self._end(stay, now_us, raised=step is not Step.REPEATED, in_time=True)
        return step

    def _raise(self, of: Sequence[tuple[int, int]], *, in_time: bool) -> Raised | None:
        """Stays, and when."""
        if not of:
            return None
        asked = [self._asked[stay] for stay, _ in of]
        for stay, now_us in of:
            self._end(stay, now_us, raised=True, in_time=in_time)
        who, at_us = np.array([stay for stay, _ in of], np.intp), np.array([us for _, us in of], np.int64)
        rows = np.array([row for row, _ in asked], np.intp)
        return Raised(who, rows, at_us, self._findings(who, at_us, [one.finding for _, one in asked]))

    def _end(self, stay: int, now_us: int, *, raised: bool, in_time: bool) -> None:
        row, asked = self._asked.pop(stay)
        self.pending[stay] = False
        self.endings.append(Ending(row, asked.why, raised, in_time, now_us - int(self.found.taken_us[row])))

    def _came(self, row: int, *, is_open: bool) -> Came:
        found, sets = self.found, self.sets
        points = {name: one for name, one in zip(PARAMETERS, found.points[row].tolist(), strict=True) if one != UNKNOWN}
        oxygen = int(found.assumed[row])
        assumed = {} if oxygen == UNKNOWN else {PARAMETERS[OXYGEN]: oxygen}
        standing = [sets.rules[place] for place in np.flatnonzero(sets.fired[row]).tolist()]
        rules = {rule.name for rule in standing if rule.of} | ({COMPLETE_THE_SET} if sets.to_complete[row] else set())
        return Came(
            Finding(Severity(int(found.severity[row])), points, assumed, frozenset(rules)),
            int(found.taken_us[row]),
            frozenset(name for name, flags in sets.measured.items() if flags[row]),
            tuple(rule.blames(points | assumed) for rule in standing),
            is_low=bool(sets.low[row]),
            may_ask=not is_open,
        )

    def _findings(self, who: NDArray[np.intp], at_us: NDArray[np.int64], each: Sequence[Finding]) -> Findings:
        """Of what is raised: there was no alert that it could clear anything of."""
        rules = np.array([self._bits(one.rules) for one in each], np.uint64)
        points = [[one.points.get(name, UNKNOWN) for name in PARAMETERS] for one in each]
        return Findings(
            who, at_us, np.array([one.severity for one in each], np.int8), np.array(points, np.int8),
            np.array([one.assumed.get(PARAMETERS[OXYGEN], UNKNOWN) for one in each], np.int8), rules,
            np.zeros_like(rules), self.found.names,
        )  # fmt: skip

    def _bits(self, rules: Iterable[str]) -> list[int]:
        words = [0] * self.found.rules.shape[1]
        for rule in rules:
            place = self.found.names.index(rule)
            words[place // 64] |= 1 << place % 64
        return words


def _instant(us: int) -> datetime:
    return _EPOCH + us * _US
