"""What was measured before each set: the earlier readings of a vital sign as padded arrays, and what they say.

All in event time: a set's window is what was taken before it, whenever that came. Of sets of one instant, the one with
the higher id is the later. Values are whole numbers, so there is no NaN; a place without a reading is not `known`.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from alert_rules.kinds import DAY_US, EARLIER_MAX, OverTime, Persists, Slope, Trend

Flags = NDArray[np.bool_]

TOLERANCE: Final = 1e-6
"""Of a whole unit: a slope is a quotient, and times its span it may miss a bound that it meets."""
BLOCK: Final = 8_192
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
    now_us: NDArray[np.int64]  # (m,)
    earlier: NDArray[np.int32]  # (k, m)
    taken_us: NDArray[np.int64]  # (k, m)
    known: Flags  # (k, m)

    def columns(self, which: NDArray[np.intp] | slice) -> "Window":
        """Some of them."""
        return Window(
            self.value[which],
            self.now_us[which],
            self.earlier[:, which],
            self.taken_us[:, which],
            self.known[:, which],
        )

    def near(self, within_us: int) -> Flags:
        """(k, m) which of those before are no older than that: the newest ones, without a gap."""
        flags: Flags = self.known & (self.taken_us >= self.now_us - within_us)
        return flags


def window(history: History, places: NDArray[np.intp], earlier: int = EARLIER_MAX) -> Window:
    """The readings at some places of a history, in its order, each with the `earlier` ones before it in its stay."""
    if len(places) == len(history.stay):
        known = _shifted(history.stay, earlier, -1) == history.stay
        values, taken_us = _shifted(history.values, earlier, 0), _shifted(history.taken_us, earlier, 0)
        return Window(history.values, history.taken_us, values, taken_us, known)
    back = places - np.arange(1, earlier + 1)[:, None]
    at = np.maximum(back, 0)
    known = (back >= 0) & (history.stay[at] == history.stay[places])
    return Window(history.values[places], history.taken_us[places], history.values[at], history.taken_us[at], known)


def silent_us(
    stay: NDArray[np.intp], taken_us: NDArray[np.int64], known: Flags, last_us: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(n,) how long each set was without a vital sign, 0 where it has it. Sets in order of stay, then of time.

    `last_us` (n,): when it was last measured before these sets, or the patient came.
    """
    here = np.where(known, taken_us, np.iinfo(np.int64).min)
    first = np.searchsorted(stay, stay, side="left")
    newest = np.maximum.accumulate(np.where(known, np.arange(len(here)), -1))
    in_sets = np.where(newest >= first, here[np.maximum(newest, 0)], np.iinfo(np.int64).min)
    silent: NDArray[np.int64] = taken_us - np.maximum(last_us, in_sets)
    return silent


def _shifted(array: NDArray[Any], rows: int, before: int) -> NDArray[Any]:
    """(rows, n): the array moved by one place more in each row, `before` at its start. A view: nothing is copied."""
    padded = np.concatenate([np.full(rows, before, array.dtype), array])
    step = padded.strides[0]
    return as_strided(padded[rows - 1 :], (rows, len(array)), (-step, step), writeable=False)


def over_time(condition: OverTime, seen: Window) -> Flags:
    """(m,) where the readings fulfil a condition."""
    flags = np.empty(len(seen.value), np.bool_)
    for start in range(0, len(flags), BLOCK):
        of = slice(start, start + BLOCK)
        flags[of] = _fulfil(condition, seen.columns(of))
    return flags


def _fulfil(condition: OverTime, seen: Window) -> Flags:
    """First by the readings themselves; what was before is looked at closely only where they may fulfil it: few."""
    match condition:
        case Trend():
            flags = _moved(seen, condition.within_us, high=condition.high) >= condition.bound
        case Slope():
            moved = _moved(seen, condition.within_us, high=condition.high).astype(np.int64)
            flags = moved * DAY_US >= condition.bound * condition.span_us
        case Persists():
            flags = beyond(seen.value, condition.bound, high=condition.high)
    few = np.flatnonzero(flags)
    if len(few):
        flags[few] = _closely(condition, seen.columns(few))
    return flags


def _closely(condition: OverTime, seen: Window) -> Flags:
    near = seen.near(condition.within_us)
    match condition:
        case Trend():
            return _is_trend(condition, seen, near)
        case Slope():
            return _is_slope(condition, seen, near)
        case Persists():
            return _persists(condition, seen, near)


def _is_trend(condition: Trend, seen: Window, near: Flags) -> Flags:
    moved = theil_sen(seen, near) * (1 if condition.high else -1) * span_us(seen, near)
    flags: Flags = (moved >= condition.bound - TOLERANCE) & (near.sum(axis=0) + 1 >= condition.readings)
    return flags


def _is_slope(condition: Slope, seen: Window, near: Flags) -> Flags:
    a_day = theil_sen(seen, near) * (1 if condition.high else -1) * DAY_US
    flags: Flags = (a_day >= condition.bound - TOLERANCE) & (span_us(seen, near) >= condition.span_us)
    flags &= near.sum(axis=0) + 1 >= condition.readings
    return flags


def _persists(condition: Persists, seen: Window, near: Flags) -> Flags:
    again = beyond(seen.earlier, condition.bound, high=condition.high) & near
    flags: Flags
    if condition.for_us:
        lasted = np.logical_and.accumulate(again, axis=0)
        flags = (span_us(seen, lasted) >= condition.for_us) | lasted[-1]
    else:
        flags = again[: condition.of - 1].sum(axis=0) + 1 >= condition.readings
    return flags


def beyond(values: NDArray[np.int32], bound: int, *, high: bool) -> Flags:
    """Where values are at a bound or beyond it."""
    return values >= bound if high else values <= bound


def span_us(seen: Window, near: Flags) -> NDArray[np.int64]:
    """(m,) from the first of the readings to the last one."""
    longest: NDArray[np.int64] = ((seen.now_us - seen.taken_us) * near).max(axis=0, initial=0)
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
    ages = np.vstack([np.zeros_like(value), seen.now_us - seen.taken_us[:most]]).astype(np.float64)
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


def _moved(seen: Window, within_us: int, *, high: bool) -> NDArray[np.int32]:
    """(m,) how far this reading is above the lowest (below the highest) of those before it; 0 where there is none."""
    near = seen.near(within_us)
    moved: NDArray[np.int32]
    if high:
        lowest = np.where(near, seen.earlier, _HIGHEST).min(axis=0, initial=_HIGHEST)
        moved = np.maximum(seen.value - lowest, 0)
        return moved
    highest = np.where(near, seen.earlier, -_HIGHEST).max(axis=0, initial=-_HIGHEST)
    moved = np.maximum(highest - seen.value, 0)
    return moved


_HIGHEST: Final = np.int32(np.iinfo(np.int32).max)
