"""Times as HL7 v2 writes them (`20261125143000.25+0000`), and what they mean without an offset.

Without one a time is of the zone that MSH-7 names, else local: Europe/London. When the clocks go back, 01:00 to 02:00
is there twice: the first is meant, in summer time, for the other might not have come yet. When they go forward that
hour is not there at all: whoever writes it has not put the clock forward, and means winter time. Both are Python's
own `fold=0`. A reading is not placed by that: `certain` refuses what could be two instants, or is none.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

LOCAL: Final = ZoneInfo("Europe/London")
YEARS: Final = range(2000, 2101)

_INSTANT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(?:\.(\d{1,6}))?([+-]\d{4})?", re.ASCII)
_DAY: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{2,}(?:\.\d+)?)?(?:[+-]\d{4})?", re.ASCII)
_OFFSET: Final = re.compile(r"[+-]\d{4}", re.ASCII)


class NoTime(ValueError):
    """It is no time, or none that can be meant."""


def zone_of(sent_at: str) -> tzinfo:
    """What times without an offset are in: the offset of MSH-7, else London's time."""
    found = _OFFSET.search(sent_at)
    try:
        return LOCAL if found is None else _zone(found[0])
    except NoTime:
        return LOCAL


def instant(text: str, zone: tzinfo) -> datetime:
    """An instant in UTC, which needs hours and minutes at least. Raises NoTime."""
    return _local(text, zone).astimezone(UTC)


def certain(text: str, zone: tzinfo) -> datetime:
    """The same, but an hour that the clocks make twice, or not at all, is no time without an offset. Raises NoTime."""
    local = _local(text, zone)
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise NoTime("is in the hour when the clocks change, without an offset")
    return local.astimezone(UTC)


def is_bare(text: str) -> bool:
    """Whether a time says nothing of its offset."""
    return _OFFSET.search(text) is None


def _local(text: str, zone: tzinfo) -> datetime:
    if (match := _INSTANT.fullmatch(text)) is None:
        raise NoTime("is not YYYYMMDDHHMM[SS[.S]][+-ZZZZ]")
    *parts, fraction, offset = match.groups()
    microsecond = int((fraction or "").ljust(6, "0"))
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    if year not in YEARS:
        raise NoTime(f"is in a year before {YEARS[0]} or after {YEARS[-1]}")
    try:
        zone = _zone(offset) if offset else zone
        return datetime(year, month, day, hour, minute, second, microsecond, zone)
    except NoTime:
        raise
    except ValueError:
        raise NoTime("is not in the calendar") from None


def day(text: str) -> date:
    """A day of the calendar, whatever time follows it. Raises NoTime."""
    if (match := _DAY.fullmatch(text)) is None:
        raise NoTime("is not YYYYMMDD")
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        raise NoTime("is not in the calendar") from None


def _zone(offset: str) -> tzinfo:
    hours, minutes = int(offset[1:3]), int(offset[3:])
    if hours > 14 or minutes > 59:
        raise NoTime("has an offset that no place on earth has")
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if offset[0] == "-" else size)
