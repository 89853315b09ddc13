"""When an Observation was measured, and what the clock of its device was worth.

Source of the coincident timestamp: HL7's Personal Health Device guide, page CoincidentTimeStamp. The gateway reads the
device's clock (`valueDateTime`) at an instant of its own (`effectiveDateTime`), and has placed the measurements that
refer to it on its own timeline *already*: correcting them again would make them wrong. So a time is corrected here only
where it cannot be the gateway's, or where its Observation does not refer to the timestamp, as the guide has it.
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from devices.formats.fhir.shapes import Observation
from devices.reading import ClockTrust

_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_PARTIAL: Final = re.compile(
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})(T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})[0-9:.]*)?)?)?"
)
PERIOD_MAX: Final = timedelta(minutes=15)
"""What was measured over a longer time was not measured at an instant. The design's own."""
TOLERANCE: Final = timedelta(seconds=60)
"""Clocks that differ less are taken to be one."""
NONSENSE: Final = timedelta(days=1)
"""A clock that is further off was never set: nobody stored readings for so long that they could be the gateway's."""
TIME_STAMP: Final = "http://hl7.org/fhir/uv/phd/StructureDefinition/CoincidentTimeStampReference"


class When(msgspec.Struct, frozen=True, gc=False):
    """An instant in UTC as far as it is known. `doubt`: why it is not; `at` is then the first that it may be."""

    at: datetime | None
    place: str
    doubt: str | None = None
    is_wrong: bool = False  # no time at all


def when(one: Observation) -> When:
    """When it was measured, by its sender."""
    if (said := one.effectiveDateTime) is not None:
        return _KNOWN.get(said) or _date_time(said)
    if one.effectiveInstant is not None:
        return _instant(one.effectiveInstant, "effectiveInstant")
    if (period := one.effectivePeriod) is not None:
        return _of_period(period.start, period.end)
    if (timing := one.effectiveTiming) is not None:
        events = timing.event or ()
        if len(events) == 1:
            return _instant(events[0], "effectiveTiming.event[0]")
        return When(None, "effectiveTiming", f"names {len(events)} instants")
    return When(None, "effective", "is missing")


_KNOWN: Final[dict[str, When]] = {}
"""The Observations of one set name one instant: it is looked at once."""
_KNOWN_MAX: Final = 4096


def _date_time(said: str) -> When:
    found = _instant(said, "effectiveDateTime")
    if found.doubt is None:
        if len(_KNOWN) >= _KNOWN_MAX:
            _KNOWN.clear()
        _KNOWN[said] = found
    return found


def parsed(said: str) -> datetime | None:
    """An instant in UTC; None where it is none, or none that exists."""
    if not _INSTANT.fullmatch(said):
        return None
    try:
        at = datetime.fromisoformat(said).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year in YEARS else None


YEARS: Final = range(1900, 2300)
"""Within which instants can be added to and taken from each other; which of them a reading may have is judged later."""


def _instant(said: str, place: str) -> When:
    if (at := parsed(said)) is not None:
        return When(at, place)
    found = _PARTIAL.fullmatch(said[:40])
    if found is None:
        return When(None, place, f"{said[:40]!r} is no time", is_wrong=True)
    year, month, day, hour, minute = (int(found[name] or least) for name, least in _PARTS.items())
    try:
        first = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return When(None, place, f"{said[:40]!r} does not exist", is_wrong=True)
    return When(first, place, f"{said[:40]!r} is no instant with an offset")


_PARTS: Final = {"year": "1", "month": "1", "day": "1", "hour": "0", "minute": "0"}


def _of_period(start: str | None, end: str | None) -> When:
    if start is None or end is None:
        said = start or end
        return When(None, "effectivePeriod", "is empty") if said is None else _instant(said, "effectivePeriod")
    first, last = _instant(start, "effectivePeriod.start"), _instant(end, "effectivePeriod.end")
    if first.doubt or first.at is None:
        return first
    if last.doubt or last.at is None:
        return last
    if not timedelta(0) <= last.at - first.at <= PERIOD_MAX:
        return When(first.at, "effectivePeriod", f"lasts {(last.at - first.at).total_seconds():.0f} s")
    return first


@dataclass(frozen=True, slots=True)
class Stamp:
    """A coincident timestamp: the gateway's instant, and the device's own at that moment."""

    gateway: datetime | None
    device: datetime | None
    is_fault: bool  # the device's clock was read and is not to be trusted

    @property
    def offset(self) -> timedelta | None:
        """Device minus true."""
        return None if self.gateway is None or self.device is None else self.device - self.gateway


def stamp_of(one: Observation) -> Stamp:
    """What an Observation of a device's clock says."""
    device = None if one.valueDateTime is None else parsed(one.valueDateTime)
    said = when(one)
    return Stamp(said.at if said.doubt is None else None, device, is_fault=device is None)


def refers_to(one: Observation, stamps: Container[str]) -> str | None:
    """The coincident timestamp that a measurement names: by extension, or as the guide first had it, as derivedFrom."""
    named = [one.valueReference for one in one.extension or () if one.url == TIME_STAMP]
    for reference in (*named, *(one.derivedFrom or ())):
        if reference is not None and reference.reference is not None and reference.reference in stamps:
            return reference.reference
    return None


def corrected(at: datetime, stamp: Stamp, *, is_named: bool) -> tuple[datetime, ClockTrust]:
    """A time on the gateway's timeline. `is_named`: the measurement refers to the stamp, so the gateway has placed it.

    Even then not what lies after the gateway's own instant, nor what a clock that was never set gives.
    """
    offset = stamp.offset
    if offset is None or stamp.gateway is None or stamp.device is None:
        return at, "synced"  # by the guide: the device's own clock is the better one
    if abs(offset) <= TOLERANCE:
        return at, "synced"
    can_be_gateways = at <= stamp.gateway + TOLERANCE
    can_be_devices = at <= stamp.device + TOLERANCE
    if can_be_devices and (not can_be_gateways or not is_named or abs(offset) > NONSENSE):
        return at - offset, "corrected"
    return at, "corrected"
