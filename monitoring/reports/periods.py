"""The span of a report, and the instants of a series within it. Local times are Europe/London.

A day that is 23 or 25 hours long has that many hours; a step of a day, week or month begins at local midnight.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from monitoring.clock import WARD_TIME
from monitoring.fields import in_utc
from monitoring.moments import instant
from monitoring.refusals import unacceptable
from monitoring.reports.choices import Every

Instants = npt.NDArray[np.int64]
"""Instants in microseconds since 2000, in UTC: as PostgreSQL sends them."""

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
MIDNIGHT: Final = time(0)
_MICROSECOND: Final = timedelta(microseconds=1)
_HOUR_US: Final = timedelta(hours=1) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant until before another one."""

    from_at: datetime
    until_at: datetime


def span(from_: str | None, to: str | None, now: datetime, default: timedelta) -> Span:
    """The span asked for: instants, or dates that stand for their local midnight; until now, where none is named.

    Raises Unacceptable.
    """
    until_at = moment("to", to) or now
    from_at = moment("from", from_) or until_at - default
    if from_at >= until_at:
        raise unacceptable("to", "is not after from")
    return Span(from_at, until_at)


def moment(field: str, value: str | None, of_day: time = MIDNIGHT) -> datetime | None:
    """An instant; or a date, which stands for a time of that day in London. Raises Unacceptable."""
    try:
        day = None if value is None else date.fromisoformat(value)
    except ValueError:
        day = None
    found = instant(field, value) if day is None else datetime.combine(day, of_day, WARD_TIME)
    return None if found is None else in_utc(field, found)


def instants(of: Span, every: Every) -> Instants:
    """The instants of a span at which a step begins, its end left out."""
    first, last = micros(of.from_at), micros(of.until_at)
    if every is Every.HOUR:  # London keeps whole hours from UTC
        return np.arange(-(-first // _HOUR_US) * _HOUR_US, last, _HOUR_US, dtype=np.int64)
    midnights = [micros(_midnight(day)) for day in _days(of, every)]
    steps = np.array(midnights, dtype=np.int64)
    return steps[(steps >= first) & (steps < last)]


def micros(moment: datetime) -> int:
    """An instant as PostgreSQL sends it."""
    return (moment - EPOCH) // _MICROSECOND


def as_datetime64(moments: Instants) -> npt.NDArray[np.datetime64]:
    """Instants for whoever writes or draws them, in UTC."""
    found: npt.NDArray[np.datetime64] = np.datetime64(EPOCH.replace(tzinfo=None), "us") + moments
    return found


def _days(of: Span, every: Every) -> list[date]:
    """The first days of the steps around a span."""
    first, last = (moment.astimezone(WARD_TIME).date() for moment in (of.from_at, of.until_at))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if _begins(day, every)]


def _begins(day: date, every: Every) -> bool:
    if every is Every.WEEK:
        return day.weekday() == 0
    return every is Every.DAY or day.day == 1


def _midnight(day: date) -> datetime:
    return datetime.combine(day, MIDNIGHT, WARD_TIME)
