"""What was measured before each set: the earlier readings of a vital sign as padded arrays, and what they say.

All in event time: a set's window is what was taken before it, whenever that came. Of sets of one instant, the one with
the higher id is the later. Values are whole numbers, so there is no NaN; a place without a reading is not `known`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.kinds import DAY_US, EARLIER_MAX, OverTime, Persists, Slope, Trend

Flags = NDArray[np.bool_]

TOLERANCE: Final = 1e-6
"""Of a whole unit: a slope is a quotient, and times its span it may miss a bound that it meets."""
BLOCK: Final = 4_096
"""Readings looked at together, so that what is made of them stays in a core's cache."""


@dataclass(frozen=True, slots=True)
class History:
    """All readings that may matter of one vital sign, in order of stay, then of time, then of id."""

    stay: NDArray[np.intp]  # (m,)
    taken_us: NDArray[np.int64]  # (m,)
    values: NDArray[np.int32]  # (m,)


@dataclass(frozen=True, slots=True)
class Window:
    """Some readings, each with those before it, the newest first: a column each, so that numpy runs along them."""

    value: NDArray[np.int32]  # (m,) the readings themselves
    earlier: NDArray[np.int32]  # (k, m)
    age_us: NDArray[np.int64]  # (k, m) how long before
    known: Flags  # (k, m)

    def columns(self, which: NDArray[np.intp]) -> "Window":
        """Some of them."""
        return Window(self.value[which], self.earlier[:, which], self.age_us[:, which], self.known[:, which])


def window(history: History, places: NDArray[np.intp], earlier: int = EARLIER_MAX) -> Window:
    """The readings at some places of a history, each with the `earlier` ones before it in its stay."""
    shape = (earlier, len(places))
    values, age_us, known = np.empty(shape, np.int32), np.empty(shape, np.int64), np.empty(shape, np.bool_)
    stay, now_us = history.stay[places], history.taken_us[places]
    for back in range(earlier):
        at = np.maximum(places - back - 1, 0)
        np.take(history.values, at, out=values[back], mode="clip")
        np.subtract(now_us, history.taken_us[at], out=age_us[back])
        np.logical_and(history.stay[at] == stay, places > back, out=known[back])
    return Window(history.values[places], values, age_us, known)


def over_time(condition: OverTime, seen: Window) -> Flags:
    """(m,) where the readings fulfil a condition."""
    flags = np.empty(len(seen.value), np.bool_)
    for start in range(0, len(flags), BLOCK):
        of = slice(start, start + BLOCK)
        block = Window(seen.value[of], seen.earlier[:, of], seen.age_us[:, of], seen.known[:, of])
        flags[of] = _fulfil(condition, block)
    return flags


def _fulfil(condition: OverTime, seen: Window) -> Flags:
    near = seen.known & (seen.age_us <= condition.within_us)
    match condition:
        case Trend():
            return _trend(condition, seen, near)
        case Slope():
            return _slope(condition, seen, near)
        case Persists():
            return _persists(condition, seen, near)


def _trend(condition: Trend, seen: Window, near: Flags) -> Flags:
    flags = _moved(seen, near, high=condition.high) >= condition.bound
    flags &= near.sum(axis=0) + 1 >= condition.readings
    few = np.flatnonzero(flags)  # the lines of the others are never drawn
    if len(few):
        some, close = seen.columns(few), near[:, few]
        per_us = theil_sen(some, close) * (1 if condition.high else -1)
        flags[few] = per_us * span_us(some, close) >= condition.bound - TOLERANCE
    return flags


def _slope(condition: Slope, seen: Window, near: Flags) -> Flags:
    flags = _moved(seen, near, high=condition.high).astype(np.int64) * DAY_US >= condition.bound * condition.span_us
    flags &= (span_us(seen, near) >= condition.span_us) & (near.sum(axis=0) + 1 >= condition.readings)
    few = np.flatnonzero(flags)
    if len(few):
        per_us = theil_sen(seen.columns(few), near[:, few]) * (1 if condition.high else -1)
        flags[few] = per_us * DAY_US >= condition.bound - TOLERANCE
    return flags


def _persists(condition: Persists, seen: Window, near: Flags) -> Flags:
    flags = beyond(seen.value, condition.bound, high=condition.high)
    again = beyond(seen.earlier, condition.bound, high=condition.high) & near
    if condition.for_us:
        lasted = np.logical_and.accumulate(again, axis=0)
        flags &= (span_us(seen, lasted) >= condition.for_us) | lasted[-1]
    else:
        flags &= again[: condition.of - 1].sum(axis=0) + 1 >= condition.readings
    return flags


def beyond(values: NDArray[np.int32], bound: int, *, high: bool) -> Flags:
    """Where values are at a bound or beyond it."""
    return values >= bound if high else values <= bound


def span_us(seen: Window, near: Flags) -> NDArray[np.int64]:
    """(m,) from the first of the readings to the last one."""
    longest: NDArray[np.int64] = (seen.age_us * near).max(axis=0, initial=0)
    return longest


def theil_sen(seen: Window, near: Flags) -> NDArray[np.float64]:
    """(m,) the median of the slopes between all pairs of readings, in units a microsecond; NaN where there is no pair.

    Readings of one instant make no pair.
    """
    value = seen.value
    most = int(near.sum(axis=0).max(initial=0))  # those within a time are the newest ones: there is no gap
    if not most:
        return np.full(len(value), np.nan)
    values = np.vstack([value, seen.earlier[:most]]).astype(np.float64)
    ages = np.vstack([np.zeros_like(value), seen.age_us[:most]]).astype(np.float64)
    there = np.vstack([np.ones(len(value), np.bool_), near[:most]])
    newer, older = np.triu_indices(most + 1, k=1)
    apart_us = ages[older] - ages[newer]
    is_pair = there[older] & (apart_us > 0)
    slopes = np.full((len(value), len(newer)), np.inf)
    np.divide(values[newer] - values[older], apart_us, out=slopes.T, where=is_pair)
    slopes.sort(axis=1)
    pairs = is_pair.sum(axis=0)
    rows = np.arange(len(value))
    lower, upper = slopes[rows, np.maximum(pairs - 1, 0) // 2], slopes[rows, np.minimum(pairs // 2, len(newer) - 1)]
    return np.where(pairs > 0, (lower + upper) / 2, np.nan)


def _moved(seen: Window, near: Flags, *, high: bool) -> NDArray[np.int32]:
    """(m,) how far this reading is above the lowest (below the highest) of those before it; 0 where there is none."""
    moved: NDArray[np.int32]
    if high:
        lowest = np.where(near, seen.earlier, _HIGHEST).min(axis=0, initial=_HIGHEST)
        moved = np.maximum(seen.value - lowest, 0)
        return moved
    highest = np.where(near, seen.earlier, -_HIGHEST).max(axis=0, initial=-_HIGHEST)
    moved = np.maximum(highest - seen.value, 0)
    return moved


_HIGHEST: Final = np.int32(np.iinfo(np.int32).max)
