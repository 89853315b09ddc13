"""Hypertension case finding: what blood pressure measured at home, or once by somebody else, says.

Source: NICE NG136, 1.2 (Diagnosing hypertension), as docs/clinical/policy.md, *Spells, clocks and counts*, states it:
at home twice daily, two measurements each time at least a minute apart, for at least 4 days; the first day is dropped;
raised where the mean of all that is left is 135/85 or more. Once by somebody else: 140/90 or more. At 180/120 or more
somebody calls the same day. What is marked * is the design's own. Pure: measurements in, a finding and its reason out.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from alert_rules.silence import LOCAL


class Finding(StrEnum):
    """What blood pressure says."""

    SAME_DAY = "same_day"  # somebody calls today: not for a list
    RAISED = "raised"
    NOT_RAISED = "not_raised"
    TOO_FEW = "too_few"  # measured too seldom to say


class Pressure(NamedTuple):
    """Systolic over diastolic, in mmHg."""

    systolic: float
    diastolic: float


class Measurement(NamedTuple):
    """One measurement at home, in mmHg."""

    at: datetime
    systolic: int
    diastolic: int


HOME: Final = Pressure(135, 85)
CLINIC: Final = Pressure(140, 90)
SEVERE: Final = Pressure(180, 120)

DAYS_MIN: Final = 4
APART_MIN: Final = timedelta(minutes=1)
APART_MAX: Final = timedelta(minutes=30)
"""Two measurements further apart are not of one occasion.*"""

EVENING_FROM: Final = time(12)
"""Twice daily: once before noon and once after, in London.*"""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a course of measurements at home says, and of how many."""

    finding: Finding
    days: int  # on which it was measured as NICE asks
    measurements: int  # in the mean: all but those of the first day
    mean: Pressure | None  # cut to tenths, never rounded up to a threshold


def judge_home(measured: Sequence[Measurement]) -> Judged:
    """What measurements at home say, in any order."""
    by_day = _by_day(measured)
    if not by_day:
        return Judged(Finding.TOO_FEW, 0, 0, None)
    counted = [one for day in sorted(by_day)[1:] for one in by_day[day]]
    days = sum(_is_whole(by_day[day]) for day in by_day)
    newest = by_day[max(by_day)]
    if any(reaches((one.systolic, one.diastolic), SEVERE) for one in newest) or _mean_reaches(counted, SEVERE):
        finding = Finding.SAME_DAY
    elif days < DAYS_MIN:
        finding = Finding.TOO_FEW
    else:
        finding = Finding.RAISED if _mean_reaches(counted, HOME) else Finding.NOT_RAISED
    return Judged(finding, days, len(counted), _mean(counted))


def judge_clinic(systolic: int, diastolic: int) -> Finding:
    """What one measurement says that somebody else took."""
    if reaches((systolic, diastolic), SEVERE):
        return Finding.SAME_DAY
    return Finding.RAISED if reaches((systolic, diastolic), CLINIC) else Finding.NOT_RAISED


def reaches(pressure: tuple[float, float], threshold: Pressure) -> bool:
    """Whether either reaches its threshold: the threshold itself does."""
    return pressure[0] >= threshold.systolic or pressure[1] >= threshold.diastolic


def _by_day(measured: Iterable[Measurement]) -> dict[date, list[Measurement]]:
    days: dict[date, list[Measurement]] = defaultdict(list)
    for one in measured:
        days[one.at.astimezone(LOCAL).date()].append(one)
    return days


def _is_whole(of_day: Sequence[Measurement]) -> bool:
    """Whether a day was measured twice in the morning and twice in the evening."""
    times = sorted(one.at for one in of_day)
    noon = bisect_left([at.astimezone(LOCAL).time() for at in times], EVENING_FROM)
    return _is_occasion(times[:noon]) and _is_occasion(times[noon:])


def _is_occasion(times: Sequence[datetime]) -> bool:
    """Whether two of these times, in order, are at least one minute and at most half an hour apart."""
    following = ((at, bisect_left(times, at + APART_MIN)) for at in times)
    return any(nth < len(times) and times[nth] - at <= APART_MAX for at, nth in following)


def _mean_reaches(measured: Sequence[Measurement], threshold: Pressure) -> bool:
    """Whether the mean does: in whole numbers, so that 134.9 is not 135."""
    systolic, diastolic = _sums(measured)
    number = len(measured)
    return number > 0 and reaches(
        (systolic, diastolic), Pressure(threshold.systolic * number, threshold.diastolic * number)
    )


def _mean(measured: Sequence[Measurement]) -> Pressure | None:
    systolic, diastolic = _sums(measured)
    number = len(measured)
    return Pressure(systolic * 10 // number / 10, diastolic * 10 // number / 10) if number else None


def _sums(measured: Sequence[Measurement]) -> tuple[int, int]:
    return sum(one.systolic for one in measured), sum(one.diastolic for one in measured)
