"""Values of one OBR brought together into sets of readings, each with an id that the same set always has.

What was taken within 15 minutes is one set, as of its last value: no value is then older than the shortest age up to
which values are carried into a score (consciousness, docs/clinical/policy.md). Where something was measured at
several instants the sets are those instants'. A second channel that says the same adds nothing; one that says
something else is a set of its own, so that the worse of the two alarms, whichever it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from devices.formats.hl7v2.message import Segment
from devices.posted import Observed
from devices.reading import ClockTrust, Quality

TOGETHER: Final = timedelta(minutes=15)
ID_LENGTH: Final = 40


@dataclass(slots=True)
class Value:
    """What one OBX says."""

    place: str  # of OBX, as in OBX[3]
    field: str
    value: Any
    written_at: str  # the device's own time, unmodified: readings sent again are known by it
    at: datetime | None
    clock: ClockTrust | None = None
    sensor: str | None = None
    quality: Quality = "good"
    by_staff: bool = False
    device: str = ""  # its MDS, where the message has a containment
    row: Segment | None = None

    def beside(self, field: str, value: Any) -> "Value":
        """What the same OBX says besides."""
        return replace(self, field=field, value=value)


@dataclass(slots=True)
class Ids:
    """Ids of one message's sets. What is the same twice within it is numbered."""

    used: dict[str, int] = field(default_factory=dict)

    def make(self, *parts: str | None) -> str:
        """The id that the same parts always have."""
        own = sha256("\x1f".join(part or "" for part in parts).encode()).hexdigest()[:ID_LENGTH]
        times = self.used[own] = self.used.get(own, 0) + 1
        return own if times == 1 else f"{own}-{times}"


def together(values: Sequence[Value]) -> list[list[Value]]:
    """The values by set, all with a time."""
    sensors = {one.sensor for one in values} - {None}
    apart: dict[tuple[str, str | None], list[Value]] = {}
    for one in values:
        apart.setdefault((one.quality, one.sensor if len(sensors) > 1 else None), []).append(one)
    return [each for some in apart.values() for cluster in _clusters(some) for each in _channels(cluster)]


def _clusters(values: list[Value]) -> Iterable[list[Value]]:
    """Those taken within TOGETHER of the first, or, where one was measured again, at one instant."""
    ordered = sorted(values, key=_when)
    start = 0
    for end in range(1, len(ordered) + 1):
        if end < len(ordered) and _when(ordered[end]) - _when(ordered[start]) <= TOGETHER:
            continue
        yield from _instants(ordered[start:end])
        start = end


def _instants(cluster: list[Value]) -> Iterable[list[Value]]:
    first: dict[str, datetime] = {}
    if all(first.setdefault(one.field, _when(one)) == _when(one) for one in cluster):
        return [cluster]
    by_instant: dict[datetime, list[Value]] = {}
    for one in cluster:
        by_instant.setdefault(_when(one), []).append(one)
    return by_instant.values()


def _channels(cluster: list[Value]) -> list[list[Value]]:
    """The n-th different value of each field in the n-th set."""
    found: list[list[Value]] = []
    seen: dict[str, set[Any]] = {}
    for one in cluster:
        before = seen.setdefault(one.field, set())
        if one.value in before:
            continue
        before.add(one.value)
        if len(found) < len(before):
            found.append([])
        found[len(before) - 1].append(one)
    return found


def _when(one: Value) -> datetime:
    assert one.at is not None
    return one.at


def observed(ids: Ids, order: str, patient: str | None, values: list[Value]) -> Observed:
    """The set of these values. The fields that it measures are part of its id: parts of a set may come one by one."""
    last = max(values, key=_when)
    sensor = next((one.sensor for one in values if one.sensor is not None), None)
    fields = {one.field: one.value for one in values}
    clocks = {one.clock for one in values}
    own = ids.make(order, patient, last.written_at or _when(last).isoformat(), sensor, last.quality, *sorted(fields))
    return Observed(
        id=own,
        taken_at=_when(last),
        patient=patient,
        sensor=sensor,
        quality=last.quality,
        clock=next((trust for trust in ("assumed", "corrected") if trust in clocks), _synced(clocks)),
        assessed_by="staff" if any(one.by_staff for one in values) else None,
        **fields,
    )


def _synced(clocks: set[ClockTrust | None]) -> ClockTrust | None:
    return "synced" if clocks == {"synced"} else None
