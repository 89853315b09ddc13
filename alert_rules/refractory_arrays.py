"""What was resolved lately, of many patients at once: what `refractory.is_same` says of one set, for the backtest."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.compose import Sets
from alert_rules.facts import CARRIED
from alert_rules.limits import LIMITED
from alert_rules.refractory import looks_at
from alert_rules.severity import Facts, Flags, Severity, Verdicts

NOT_KNOWN: Final = np.iinfo(np.int32).min
_NOBODY_US: Final = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Looked:
    """What n sets are held against what was resolved by, in order of stay, then of time."""

    for_us: int  # how long the same raises nothing
    amber: Flags  # (n,) amber, and every rule that stands may be let pass
    points: Flags  # (n,) some rule that stands counts points
    low: Flags  # (n, vitals) some rule that stands is worse by a lower value
    high: Flags
    values: NDArray[np.int32]  # (n, vitals) as the rules look at them; NOT_KNOWN
    newest: NDArray[np.int32]  # (n, vitals) the last that was measured up to each set; NOT_KNOWN


@dataclass(slots=True)
class Lately:
    """What was resolved last of each stay."""

    looked: Looked
    since_us: NDArray[np.int64]
    until_us: NDArray[np.int64]
    rules: NDArray[np.uint64]
    points: NDArray[np.int8]
    newest: NDArray[np.int32]

    @classmethod
    def of(cls, looked: Looked, stays: int, words: int, parameters: int) -> "Lately":
        """Nothing yet."""
        return cls(
            looked,
            np.zeros(stays, np.int64),
            np.full(stays, _NOBODY_US, np.int64),
            np.zeros((stays, words), np.uint64),
            np.zeros((stays, parameters), np.int8),
            np.full((stays, len(LIMITED)), NOT_KNOWN, np.int32),
        )

    def keep(
        self,
        who: NDArray[np.intp],
        at: NDArray[np.intp],
        resolved_us: NDArray[np.int64],
        mild: Flags,
        stood: tuple[NDArray[np.uint64], NDArray[np.int8]],
    ) -> None:
        """The alerts of these stays were resolved between the set before `at` and this one. `mild`: amber at most."""
        rules, points = stood
        self.since_us[who] = resolved_us
        self.until_us[who] = np.where(mild, resolved_us + self.looked.for_us, _NOBODY_US)
        self.rules[who], self.points[who] = rules, points
        self.newest[who] = self.looked.newest[at - 1]

    def cover(
        self,
        who: NDArray[np.intp],
        at: NDArray[np.intp],
        now_us: NDArray[np.int64],
        rules: NDArray[np.uint64],
        points: NDArray[np.int8],
    ) -> Flags:
        """Which of these sets say nothing but what was resolved. `rules`, `points`: of the sets, as `Findings` has."""
        looked, then = self.looked, self.newest[who]
        same = looked.amber[at] & (self.since_us[who] <= now_us) & (now_us < self.until_us[who])
        same &= ((rules & ~self.rules[who]) == 0).all(axis=1) & ((rules[:, 0] & np.uint64(1)) == 0)
        same &= ~looked.points[at] | (points <= np.maximum(self.points[who], 0)).all(axis=1)
        values = looked.values[at]
        known = (values != NOT_KNOWN) & (then != NOT_KNOWN)
        same &= (~looked.low[at] | (known & (values >= then))).all(axis=1)
        same &= (~looked.high[at] | (known & (values <= then))).all(axis=1)
        return same


def looked(sets: Sets, facts: Facts, verdicts: Verdicts, refractory: timedelta | None) -> Looked | None:
    """Of sets in order of stay, then of time; None where the pathway names no time."""
    if refractory is None:
        return None
    n = len(sets.stay)
    amber, points = verdicts.severity == Severity.AMBER, np.zeros(n, np.bool_)
    low, high = np.zeros((n, len(LIMITED)), np.bool_), np.zeros((n, len(LIMITED)), np.bool_)
    for rule, fired in (*verdicts.every(), *verdicts.beyond):
        seen = looks_at(rule)
        if seen is None:
            amber &= ~fired
            continue
        points |= fired & seen.points
        for vital, is_high in seen.sides:
            (high if is_high else low)[:, LIMITED.index(vital)] |= fired
    values = np.where(facts.limited_known, facts.limited, NOT_KNOWN).T
    return Looked(refractory // timedelta(microseconds=1), amber, points, low, high, values, _newest(sets, facts))


def _newest(sets: Sets, facts: Facts) -> NDArray[np.int32]:
    """(n, vitals) the last value of the stay that was measured up to each set, however old."""
    n = len(sets.stay)
    rows, first = np.arange(n), np.searchsorted(sets.stay, sets.stay, side="left")
    newest = np.full((n, len(LIMITED)), NOT_KNOWN, np.int32)
    for number, vital in enumerate(LIMITED):
        slot = CARRIED.get(vital)
        known = facts.limited_known[number] if slot is None else sets.known[slot]
        values = facts.limited[number] if slot is None else sets.values[slot]
        last = np.maximum.accumulate(np.where(known, rows, -1))
        newest[:, number] = np.where(last >= first, values[np.maximum(last, 0)], NOT_KNOWN)
    return newest
