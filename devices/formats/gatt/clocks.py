"""When a frame was measured: the sensor's clock, held against the hub's.

A sensor's clock has no time zone and is often wrong: it shows London's time, or summer time all winter, or 2000. The
hub's `received_at` is taken to be right. A live frame, which the sensor sent as it measured, shows by how much the
clock is off; what the same kind of sensor had stored is put right by that. What cannot be known is said not to be
(docs/devices.md, "Bluetooth GATT").
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from devices.formats.gatt.frames import Said, Wrong
from devices.posted import YEAR_MAX, YEAR_MIN
from devices.reading import ClockTrust

LONDON: Final = ZoneInfo("Europe/London")
TOLERANCE: Final = timedelta(minutes=5)
"""A clock that is off by less is right enough: docs/clinical/policy.md."""
MINUTE: Final = timedelta(minutes=1)
"""Clocks are put right by whole minutes: a frame that is sent again, a second earlier or later, is put right alike."""
_DATE_TIME: Final = Struct("<HBBBBB")


class When(NamedTuple):
    """When it was, and how much the sensor's clock had to do with it; None: its word, which nothing supports."""

    taken_at: datetime
    clock: ClockTrust | None


def date_time(shown: bytes) -> tuple[int, int, int, int, int, int]:
    """Year, month, day, hour, minute, second; 0 where the sensor does not know the year, the month or the day."""
    year, month, day, hour, minute, second = _DATE_TIME.unpack(shown)
    return year, month, day, hour, minute, second


def instant(shown: bytes, received_at: datetime) -> datetime | None:
    """The instant that a clock in London shows, in UTC; None where it knows no date, or none of ours. Raises Wrong.

    When the clocks go back an hour is there twice: the one nearer to the reception is meant.
    """
    year, month, day, hour, minute, second = _DATE_TIME.unpack(shown)
    if not (month and day and YEAR_MIN <= year <= YEAR_MAX):
        return None
    try:
        read = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise Wrong(f"its time is none: {_as_text(shown)}") from None
    first, *other = _ahead_of_utc(year, month, day, hour)
    if not other:
        return read - first
    return min((read - first, read - other[0]), key=lambda one: abs(one - received_at))


@lru_cache(maxsize=4096)
def _ahead_of_utc(year: int, month: int, day: int, hour: int) -> tuple[timedelta, ...]:
    """How far London is ahead in an hour of its own; both, where that hour is there twice or not at all."""
    local = datetime(year, month, day, hour, tzinfo=LONDON)
    either = (local.utcoffset(), local.replace(fold=1).utcoffset())
    return tuple(dict.fromkeys(one for one in either if one is not None))


def _as_text(shown: bytes) -> str:
    year, month, day, hour, minute, second = date_time(shown)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


@dataclass(slots=True)
class Heard:
    """A frame as a hub heard it. `at`: the instant that its sensor shows, where it knows one."""

    index: int  # its place in the request
    characteristic: str
    value: bytes
    received_at: datetime
    said: Said
    at: datetime | None = None

    @property
    def has_own_time(self) -> bool:
        """Whether the sensor's clock can be made use of."""
        return self.at is not None and self.said.clock_set

    @property
    def has_no_clock(self) -> bool:
        """Whether it never says when: it can only be live."""
        return self.said.shown is None and self.said.clock_set and not self.said.stored


Offsets = dict[str, tuple[datetime, timedelta]]


def offsets(heard: Iterable[Heard]) -> Offsets:
    """By characteristic, what its clock was off (shown minus true) when last seen live, and when that was.

    Where nothing is known to be live, the newest that is ahead of its reception is taken to be: the clock is wrong,
    and a sensor sends what it measures when it has measured it.
    """
    live: dict[str, Heard] = {}
    ahead: dict[str, Heard] = {}
    for one in heard:
        if one.at is None or not one.said.clock_set or one.said.stored:
            continue
        off, name = one.at - one.received_at, one.characteristic
        if one.said.stored is False or abs(off) <= TOLERANCE:
            if name not in live or one.received_at >= live[name].received_at:
                live[name] = one
        elif off > TOLERANCE and (name not in ahead or one.at >= _shown(ahead[name])):
            ahead[name] = one
    return {name: (one.received_at, _shown(one) - one.received_at) for name, one in (ahead | live).items()}


def _shown(one: Heard) -> datetime:
    assert one.at is not None
    return one.at


AT_ONCE: Final = timedelta(seconds=30)
"""No two measurements of one sensor that it sends with a time are made within it: they come from its memory."""


def sent_at_once(heard: Iterable[Heard]) -> set[int]:
    """The places of frames without a usable date that were received together with another of their kind."""
    found: set[int] = set()
    last: dict[str, Heard] = {}
    dateless = (one for one in heard if not one.has_own_time and not one.has_no_clock)
    for one in sorted(dateless, key=lambda one: one.received_at):
        before = last.get(one.characteristic)
        if before is not None and one.received_at - before.received_at < AT_ONCE and before.value != one.value:
            found |= {before.index, one.index}
        last[one.characteristic] = one
    return found


def settle(one: Heard, offset: timedelta | None, *, at_once: bool) -> When | str:
    """When it was measured; or why nobody can know."""
    if not one.has_own_time:
        if one.said.stored or at_once:
            return "it comes from the sensor's memory, and the sensor's clock was not set"
        return When(one.received_at.replace(microsecond=0), "assumed")
    at = _shown(one)
    if one.said.stored is False:  # surely live
        offset = at - one.received_at
    if offset is None:
        return When(at, None) if at <= one.received_at + TOLERANCE else NOT_YET
    if abs(offset) <= TOLERANCE:
        return When(at, "synced") if at <= one.received_at + TOLERANCE else NOT_YET
    corrected = at - timedelta(minutes=round(offset / MINUTE))
    return When(corrected, "corrected") if corrected <= one.received_at + TOLERANCE else NOT_YET


NOT_YET: Final = "the sensor's clock shows a time that had not come"
