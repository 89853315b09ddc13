"""What the hubs post, and when: schedules, habits, sets missed, hubs cut off, the same thing sent twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from math import inf
from typing import Final, NamedTuple

import msgspec
import numpy as np

from devices.simulator.bodies import FELT, LONDON, Floats
from devices.simulator.patients import Patient
from devices.simulator.wire import Hubs, SentSet

SCHEDULES_H: Final = {4: (8, 12, 16, 20), 3: (8, 14, 20), 2: (8, 20), 1: (10,), 0: ()}
"""Local hours of the sets due, by sets a day: the default schedules of the clinical policy."""

_SLOTS: Final = max(map(len, SCHEDULES_H.values()))
_UNUSED_SLOT_H: Final = 22  # after every real one: a body's time only goes forward

# Shares and spreads are the design's own.
_NIGHT_FROM, _NIGHT_TO = time(0, 30), time(6, 30)
_NIGHT_SET: Final = 0.01  # a set nobody asked for, of those who feel as usual
_NIGHT_SET_UNWELL: Final = 0.12  # more for each step of feeling worse
_WEEKEND_MISSED: Final = 0.05  # more than on weekdays
_JITTER_MIN: Final = 12.0  # one sd, about a home's own habit
_JITTER_WITHIN_MIN: Final = (-45, 75)
_SENT_AFTER_S: Final = (3, 60)
_SENT_TWICE: Final = 0.015  # the answer was lost
_AGAIN_AFTER_S: Final = (10, 900)
_OUTAGE_WITHIN_H: Final = (1, 40)
_OUTAGE_MEDIAN_H, _OUTAGE_SIGMA = 8.0, 0.8  # log-normal


@dataclass(frozen=True, slots=True)
class Sending:
    """One POST to /v1/readings."""

    at: datetime  # UTC, to the second
    patient: Patient  # whose hub sends it
    sets: tuple[SentSet, ...]  # in the order in which they were taken
    again: bool  # the very same was sent before

    @property
    def body(self) -> bytes:
        """The JSON to post: one set alone as an object, more of them as an array."""
        return msgspec.json.encode(self.sets[0] if len(self.sets) == 1 else self.sets)


class _Waiting(NamedTuple):
    """A set on its way, in order of sending; what one hub sends at one instant goes together."""

    at_s: float
    row: int
    again: bool
    taken_s: float
    again_after_s: float  # infinite: once is enough
    sent: SentSet


def sendings(patients: Sequence[Patient], start: datetime, until: datetime, seed: int) -> Iterator[Sending]:
    """What the hubs of `patients` post before `until` of the sets taken from `start` on, in order of posting.

    Made a day at a time as it is asked for, so `until` may be years away; a later one only adds to the end.
    One patient's are the same whoever else is listed. Raises ValueError for an instant without an offset.
    """
    if start.tzinfo is None or until.tzinfo is None:
        raise ValueError("an instant needs an offset")
    if not patients:
        return
    homes = _Homes(patients, seed)
    waiting: list[_Waiting] = []
    day = start.astimezone(LONDON).date()
    while _instant(day, time()) < until.timestamp():
        for one in homes.day(day):
            if one.taken_s >= start.timestamp():
                heappush(waiting, one)
        day += timedelta(days=1)
        horizon_s = min(_instant(day, time()), until.timestamp())
        while waiting and waiting[0].at_s < horizon_s:
            yield _send(waiting, patients)


def _send(waiting: list[_Waiting], patients: Sequence[Patient]) -> Sending:
    """Take the next sending off the heap; where its answer is lost, put it back for later."""
    together = [heappop(waiting)]
    first = together[0]
    while waiting and waiting[0][:3] == first[:3]:
        together.append(heappop(waiting))
    again_s = first.at_s + min(one.again_after_s for one in together)
    if again_s < inf:
        for one in together:
            heappush(waiting, one._replace(at_s=again_s, again=True, again_after_s=inf))
    sets = tuple(one.sent for one in together)
    return Sending(datetime.fromtimestamp(first.at_s, UTC), patients[first.row], sets, first.again)


class _Homes:
    """Homes through the days, in order: when sets are taken, and when the hub gets them out."""

    def __init__(self, patients: Sequence[Patient], seed: int) -> None:
        self._hubs = Hubs(patients, seed)
        schedules = [SCHEDULES_H[patient.readings_per_day] for patient in patients]
        self._slot_h = np.array([(*hours, *[_UNUSED_SLOT_H] * (_SLOTS - len(hours))) for hours in schedules])
        self._reliability = np.array([patient.home.reliability for patient in patients])
        self._habit_min = np.array([patient.home.habit_min for patient in patients])
        self._outages_per_day = np.array([patient.hub.outages_per_day for patient in patients])
        self._cut_off_s = self._back_s = np.zeros(len(patients))

    def day(self, day: date) -> Iterator[_Waiting]:
        """The sets of one local day, of 23, 24 or 25 hours."""
        self._outages(day)
        dice, bodies = self._hubs.dice, self._hubs.bodies
        night_from, night_to = _instant(day, _NIGHT_FROM), _instant(day, _NIGHT_TO)
        seconds = np.rint(night_from + dice.uniform(1)[:, 0] * (night_to - night_from))
        true = bodies.at(seconds)
        yield from self._taken(seconds, true, _NIGHT_SET + _NIGHT_SET_UNWELL * np.maximum(true[:, FELT], 0))

        hour_s = np.array([_instant(day, time(hour)) for hour in range(24)])
        usually = self._reliability - (_WEEKEND_MISSED if day.weekday() >= 5 else 0)
        for slot_h in self._slot_h.T:
            used = slot_h < _UNUSED_SLOT_H
            late_min = np.clip(self._habit_min + _JITTER_MIN * dice.normal(1)[:, 0], *_JITTER_WITHIN_MIN)
            seconds = np.rint(hour_s[slot_h] + np.where(used, late_min * 60, 0))
            true = bodies.at(seconds)
            yield from self._taken(seconds, true, np.where(used, usually, 0))

    def _taken(self, seconds: Floats, true: Floats, likely: Floats) -> Iterator[_Waiting]:
        chance = self._hubs.dice.uniform(4)
        rows = np.flatnonzero((chance[:, 0] < likely) & ~self._hubs.bodies.silent(seconds))
        sets = self._hubs.sets(rows, seconds, true)
        offline = (self._cut_off_s <= seconds) & (seconds < self._back_s)
        at_s = np.where(offline, self._back_s, seconds + np.rint(_between(_SENT_AFTER_S, chance[:, 1])))
        again_after_s = np.where(chance[:, 2] < _SENT_TWICE, np.rint(_between(_AGAIN_AFTER_S, chance[:, 3])), inf)
        for row, one in zip(rows.tolist(), sets, strict=True):
            yield _Waiting(float(at_s[row]), row, False, float(seconds[row]), float(again_after_s[row]), one)

    def _outages(self, day: date) -> None:
        """Let hubs lose their connection today; one that is still without loses no other."""
        begins, when = self._hubs.dice.uniform(2).T
        hours = np.exp(_OUTAGE_SIGMA * self._hubs.dice.normal(1)[:, 0]) * _OUTAGE_MEDIAN_H
        midnight_s = _instant(day, time())
        fails = (begins < self._outages_per_day) & (self._back_s <= midnight_s)
        cut_off_s = np.rint(midnight_s + when * 86_400)
        self._cut_off_s = np.where(fails, cut_off_s, self._cut_off_s)
        self._back_s = np.where(fails, np.rint(cut_off_s + np.clip(hours, *_OUTAGE_WITHIN_H) * 3600), self._back_s)


def _between(ends: tuple[float, float], chance: Floats) -> Floats:
    return ends[0] + chance * (ends[1] - ends[0])


def _instant(day: date, local: time) -> float:
    return datetime.combine(day, local, LONDON).timestamp()
