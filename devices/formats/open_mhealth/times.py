"""When a data point was measured: at an instant, or at the end of as short a time as one measurement takes."""

import re
from datetime import datetime, timedelta
from typing import Final

from devices.formats.open_mhealth.schema import TimeFrame, TimeInterval, UnitValue

SPOT_MAX: Final = timedelta(minutes=5)
"""As long as one measurement may last: a cuff, breaths counted for a minute. The design's own."""
_SECONDS: Final = {"ms": 0.001, "sec": 1, "min": 60, "h": 3600}
_DURATION_MAX: Final = 10**6
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class NoFrame(Exception):
    """A time frame is not as its schema says: at which member, and why."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(reason)
        self.member, self.reason = member, reason


def taken_at(frame: TimeFrame | None) -> datetime | str:
    """When it was; or why that is not known. Raises NoFrame."""
    if frame is None:
        return "it says no time"
    if frame.date_time is not None and frame.time_interval is None:
        return frame.date_time
    if frame.date_time is None and frame.time_interval is not None:
        return _end_of(frame.time_interval)
    raise NoFrame("", "needs one of date_time and time_interval")


def _end_of(interval: TimeInterval) -> datetime | str:
    start, end = interval.start_date_time, interval.end_date_time
    if start is not None and end is not None:
        if end < start:
            raise NoFrame(".time_interval", "ends before it starts")
        lasted: timedelta | None = end - start
    elif (start is not None or end is not None) and interval.duration is not None:
        lasted = _lasted(interval.duration)
    elif interval.date is not None and interval.part_of_day is not None:
        if not _DATE.fullmatch(interval.date):
            raise NoFrame(".time_interval.date", "is not YYYY-MM-DD")
        return "it says only the part of a day"
    else:
        raise NoFrame(".time_interval", "needs two of start_date_time, end_date_time and duration")
    if lasted is None or lasted > SPOT_MAX:
        return "it lasted longer than a measurement does, and does not say when within"
    if end is not None:
        return end
    assert start is not None
    try:
        return start + lasted
    except OverflowError:
        return "it ends after the last day there is"


def _lasted(duration: UnitValue) -> timedelta | None:
    """How long; None where that is too long for a measurement in any case."""
    if duration.value < 0:
        raise NoFrame(".time_interval.duration", "is negative")
    seconds = _SECONDS.get(duration.unit)
    if seconds is None or duration.value > _DURATION_MAX:
        return None
    return timedelta(seconds=duration.value * seconds)
