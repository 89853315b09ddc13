"""Who is on duty: a weekly pattern in local time, what stands in its place on bank holidays, and what differs from it.

Source: docs/clinical/policy.md, *Who is on duty*. Pure: bank holidays and staff are the caller's.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final

from alert_rules.silence import LOCAL
from alert_rules.staffed import DAYS, Shift, StaffedHours, shift

BANK_HOLIDAY: Final = "bank_holiday"
"""A day of the pattern that stands in place of the weekday's, where the rota has it at all."""

GAPS_LOOKED_FOR: Final = timedelta(days=14)
"""How far ahead gaps are listed and warned about."""

HANDS_OVER_WITHIN: Final = timedelta(minutes=30)
"""Who goes off duty so soon has something to hand over. The design's own."""

TAKEN_WITHIN: Final = timedelta(minutes=30)
"""How long somebody has to take what a colleague who has gone off duty still holds. The design's own."""

IsBankHoliday = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class Weekly:
    """Somebody works from `start` to `end` (local, `HH:MM`) on each of these days, counted by when the shift begins."""

    staff: str
    day: str  # one of DAYS, or BANK_HOLIDAY
    start: str
    end: str  # `24:00` ends the day; not after its start: past midnight


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody works then, or does not (`off`), whatever the pattern says."""

    staff: str
    start: datetime
    end: datetime
    off: bool = False


@dataclass(frozen=True)
class Rota:
    """A weekly pattern and what differs from it. Of two overrides that differ, the later one in the list counts."""

    weekly: tuple[Weekly, ...]
    overrides: tuple[Override, ...] = ()

    @cached_property
    def members(self) -> frozenset[str]:
        """Who ever works by this rota. Whom it only takes off does not."""
        added = {one.staff for one in self.overrides if not one.off}
        return frozenset({entry.staff for entry in self.weekly} | added)

    @cached_property
    def by_day(self) -> Mapping[str, Sequence[Weekly]]:
        """The pattern, day by day."""
        found: dict[str, list[Weekly]] = defaultdict(list)
        for entry in self.weekly:
            found[entry.day].append(entry)
        return dict(found)


def shifts(rota: Rota, since: datetime, until: datetime, is_bank_holiday: IsBankHoliday) -> dict[str, list[Shift]]:
    """When each member of a rota is on duty between two instants: in order, disjoint, none empty."""
    pattern: dict[str, list[Shift]] = defaultdict(list)
    for day in _days(since, until):
        for entry in rota.by_day.get(_pattern_of(rota, day, is_bank_holiday), ()):
            opens, closes = shift(day, entry.start, entry.end)
            if opens < until and closes > since:
                pattern[entry.staff].append((max(opens, since), min(closes, until)))
    found = {staff: union(spans) for staff, spans in pattern.items()}
    for override in rota.overrides:
        if override.start < until and override.end > since:
            span = max(override.start, since), min(override.end, until)
            known = found.get(override.staff, [])
            found[override.staff] = without(known, [span]) if override.off else union([*known, span])
    return {staff: spans for staff, spans in found.items() if spans}


def off(rota: Rota, staff: str) -> list[Shift]:
    """When a rota takes somebody off who is on duty by no rota."""
    return union((one.start, one.end) for one in rota.overrides if one.off and one.staff == staff)


def quiet_until(start: str, end: str, now: datetime) -> datetime | None:
    """When somebody's quiet hours of today or last night are over (local, `HH:MM`); None outside of them."""
    today = now.astimezone(LOCAL).date()
    spans = [shift(day, start, end) for day in (today - timedelta(days=1), today)]
    return next((closes for opens, closes in spans if opens <= now < closes), None)


def staffed(hours: StaffedHours | None, since: datetime, until: datetime) -> list[Shift]:
    """A ward's staffed hours between two instants: always, where none are set."""
    if not hours:
        return [(since, until)]
    pattern = Rota(tuple(Weekly("ward", day, *span) for day, span in hours.items()))
    return shifts(pattern, since, until, lambda _: False).get("ward", [])


def union(spans: Iterable[Shift]) -> list[Shift]:
    """The same time, in order and disjoint; spans that meet are one."""
    merged: list[Shift] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def without(spans: Sequence[Shift], holes: Sequence[Shift]) -> list[Shift]:
    """What is left of spans, in order and disjoint, outside holes that are likewise."""
    left: list[Shift] = []
    for start, end in spans:
        for hole_start, hole_end in holes:
            if hole_end <= start or hole_start >= end:
                continue
            if hole_start > start:
                left.append((start, hole_start))
            start = hole_end  # noqa: PLW2901 - what is left of this span
            if start >= end:
                break
        if start < end:
            left.append((start, end))
    return left


def gaps(covered: Iterable[Shift], since: datetime, until: datetime) -> list[Shift]:
    """When nobody is there between two instants."""
    return without([(since, until)], union(covered))


def _pattern_of(rota: Rota, day: date, is_bank_holiday: IsBankHoliday) -> str:
    is_special = BANK_HOLIDAY in rota.by_day and is_bank_holiday(day)
    return BANK_HOLIDAY if is_special else DAYS[day.weekday()]


def _days(since: datetime, until: datetime) -> Iterable[date]:
    """The local days on which a shift can begin that touches this time: also the one before, past midnight."""
    day, last = since.astimezone(LOCAL).date() - timedelta(days=1), until.astimezone(LOCAL).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
