"""OBX-4 in the IHE device profiles: MDS.VMD.CHAN.METRIC. What a parent says holds for what it contains.

Zeros at the end stand for nothing: `1.0.0.0` is the device `1`. Rows of other dialects have no address, or one that
says nothing here.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from devices.formats.hl7v2.moments import YEARS, is_bare
from devices.reading import ClockTrust

TOLERANCE: Final = timedelta(minutes=5)
"""A clock that is off by no more is right (docs/clinical/policy.md)."""
WITHIN_A_ZONE: Final = timedelta(hours=14)
HALF_HOUR_S: Final = 1800
ZONE_EXACT_S: Final = 60
ADDRESS_MAX: Final = 64

_ADDRESS: Final = re.compile(r"\d+(?:\.\d+)*", re.ASCII)
_EUI: Final = re.compile(r"[0-9A-F]{12}|[0-9A-F]{16}")


@dataclass(slots=True)
class Clock:
    """A device's own time beside the true one, at one moment."""

    off: timedelta  # device minus true
    bare: bool  # its own time says no offset

    @classmethod
    def read(cls, shown: datetime, written: str, true: datetime) -> "Clock":
        """From what a device's clock shows, how that was written, and the true time of the same moment."""
        return cls(shown - true, is_bare(written))

    @property
    def off_but_for_its_zone(self) -> timedelta:
        """What the clock is off, where its own time may be that of another zone.

        Within a minute of whole half hours, and 14 hours at most, it is one.
        """
        seconds = self.off.total_seconds()
        rest = seconds - round(seconds / HALF_HOUR_S) * HALF_HOUR_S
        is_zone = self.bare and abs(self.off) <= WITHIN_A_ZONE and abs(rest) <= ZONE_EXACT_S
        return timedelta(seconds=rest) if is_zone else self.off

    def off_for(self, written_at: str) -> timedelta:
        """What a time of this device is off. One with an offset was placed by the sender; a bare one is its own."""
        return self.off if is_bare(written_at) else self.off_but_for_its_zone


@dataclass(slots=True)
class Containment:
    """What the rows of one OBR say of each other."""

    times: dict[str, str] = field(default_factory=dict)
    sensors: dict[str, str] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)  # by MDS

    def note(self, address: str, time: str, sensor: str | None) -> None:
        """Keep what a row says for those that it contains. A device's sensors hold for all of it."""
        if not is_address(address):
            return
        own = _trimmed(address)
        if time:
            self.times.setdefault(own, time)
        if sensor is not None:
            self.sensors.setdefault(own, sensor)
            self.sensors.setdefault(own.partition(".")[0], sensor)

    def time(self, address: str) -> str:
        """Of the nearest parent that has one."""
        return _nearest(self.times, address) or ""

    def sensor(self, address: str) -> str | None:
        """Of the nearest parent that has one."""
        return _nearest(self.sensors, address)


def mds(address: str) -> str:
    """The device of an address, "" where it names none."""
    return address.partition(".")[0] if is_address(address) else ""


def is_address(text: str) -> bool:
    """Whether OBX-4 is an address of the device profiles."""
    return len(text) <= ADDRESS_MAX and _ADDRESS.fullmatch(text) is not None


def eui(text: str, component: str) -> str | None:
    """The EUI-64 or EUI-48 of a device's identifier, wherever in it that stands."""
    for part in text.split(component)[:4]:
        plain = part.replace("-", "").replace(":", "").strip().upper()
        if _EUI.fullmatch(plain):
            return plain
    return None


def corrected(at: datetime, clock: Clock, written_at: str) -> tuple[datetime | None, ClockTrust | None]:
    """An instant by a device's clock as it truly was, and what that says of the clock; none out of this century.

    A clock that is right but for what may be its zone is not known to be right: nothing is said of it.
    """
    off = clock.off_for(written_at)
    if abs(off) <= TOLERANCE:
        return at, "synced" if abs(clock.off) <= TOLERANCE else None
    true = at - off
    return true if true.year in YEARS else None, "corrected"


def _nearest(said: dict[str, str], address: str) -> str | None:
    if not said or not is_address(address):
        return None
    own = _trimmed(address)
    while own:
        if own in said:
            return said[own]
        own = _trimmed(own.rpartition(".")[0])
    return None


def _trimmed(address: str) -> str:
    while address.endswith(".0"):
        address = address[:-2]
    return address
