"""Devices' clocks: learnt from what arrives, told where one is wrong, and put right where that is surely known.

One query for a batch, and nothing is written for a device whose clock is right but what is written anyway
(`seen.store_seen`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg

import devices.clock
from alert_rules.alarms import Finding, Kind
from alert_rules.severity import Severity
from devices.clock import Clock, correction, keep, said
from devices.reading import Arrival
from monitoring.alerts.basis import held_of
from monitoring.alerts.life import Alerts, Evidence
from monitoring.bulk import as_array, as_rows, insert_into
from workers.drain.items import Item
from workers.drain.stays import Placed, Stay

OFFSET_MAX_S: Final = 2**31 - 1
CLOCK_OFF: Final = "clock_off"
"""What a device alert stands for."""

Of = tuple[int, str]
"""A clock: a device's, or that of a sensor behind it."""


@dataclass(slots=True)
class Learnt:
    """What a row of `device_clock` says."""

    samples_s: list[int] = field(default_factory=list)
    coincident_s: int | None = None
    coincident_at: datetime | None = None
    off_since: datetime | None = None

    def clock(self, now: datetime) -> Clock | None:
        """What that comes to."""
        return devices.clock.learnt(self.samples_s, self.coincident_s, self.coincident_at, now)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch says of clocks."""

    arrivals: Sequence[Arrival]
    fresh: Sequence[Item]  # of what was not sent before
    seen: Mapping[int, list[int]]  # by device: the last samples, where the newest is off or its clock has a row


_KNOWN: Final = """
SELECT device_id, sensor, samples_s, coincident_s, coincident_at, off_since
FROM device_clock WHERE device_id = ANY(%s::bigint[])
"""


def known(connection: psycopg.Connection, items: Sequence[Item], arrivals: Sequence[Arrival]) -> dict[Of, Learnt]:
    """What was learnt of the clocks behind these: of most devices nothing, for theirs are right."""
    devices = {item.source for item in items if item.source > 0}
    devices |= {one.source for one in arrivals if one.clock_offset_s is not None and one.source > 0}
    if not devices:
        return {}
    rows = connection.execute(_KNOWN, (as_array(sorted(devices)),)).fetchall()
    return {(device, sensor): Learnt(*row) for device, sensor, *row in rows}


def correct(items: Sequence[Item], learnt: Mapping[Of, Learnt]) -> list[Item]:
    """Put the times of those sets right whose clock is known to be wrong. Returns those that were.

    What a decoder has put right itself, and what stands at the time of reception, stays.
    """
    if not learnt:
        return []
    corrected: list[Item] = []
    for of, request in _requests(item for item in items if _tells_its_time(item)).items():
        clock = row.clock(of[2]) if (row := learnt.get(of[:2])) else None
        newest = max(item.one.taken_at for item in request)
        off = correction(clock, newest, of[2]) if clock else None
        if off is None:
            continue
        for item in request:
            item.device_time = item.one.taken_at
            item.one = msgspec.structs.replace(item.one, taken_at=item.one.taken_at - off, clock="corrected")
            corrected.append(item)
    return corrected


def of_devices(fresh: Iterable[Item]) -> dict[int, list[int]]:
    """The samples of devices' own clocks."""
    found = samples(item for item in fresh if not item.one.sensor and gives_its_time(item))
    return {device: several for (device, _), several in found.items()}


def samples(items: Iterable[Item]) -> dict[Of, list[int]]:
    """Device minus received, in seconds, of the newest set of each request: what else it holds may have waited."""
    found: dict[Of, list[int]] = {}
    for (device, sensor, received_at), request in _requests(items).items():
        newest = max(item.device_time or item.one.taken_at for item in request)
        offset_s = round((newest - received_at).total_seconds())
        found.setdefault((device, sensor), []).append(max(-OFFSET_MAX_S, min(offset_s, OFFSET_MAX_S)))
    return found


def _requests(items: Iterable[Item]) -> dict[tuple[int, str, datetime], list[Item]]:
    """The sets of one clock that came at once."""
    together: dict[tuple[int, str, datetime], list[Item]] = {}
    for item in items:
        if item.source > 0 and item.released is None:
            together.setdefault((item.source, item.one.sensor or "", item.received_at), []).append(item)
    return together


def _tells_its_time(item: Item) -> bool:
    """Whether a set's time is its device's own: neither put right nor that of reception."""
    return item.one.clock is None or item.one.clock == "synced"


def gives_its_time(item: Item) -> bool:
    """Whether it is known what the device's own clock said of a set."""
    return _tells_its_time(item) or item.device_time is not None


def learn(
    connection: psycopg.Connection,
    alerts: Alerts,
    placed: Placed,
    learnt: dict[Of, Learnt],
    batch: Batch,
) -> None:
    """Write what this batch says of clocks that are or were off, were shown, or are sensors'; tell which are off.

    One statement, and none where all is as it should be.
    """
    changed = _devices(learnt, batch.seen, alerts.now) | _sensors(learnt, batch.fresh) | _shown(learnt, batch.arrivals)
    if not changed:
        return
    for of in changed:
        clock, row = learnt[of].clock(alerts.now), learnt[of]
        row.off_since = (row.off_since or alerts.now) if clock is not None and clock.is_off else None
    _write(connection, {of: learnt[of] for of in sorted(changed)}, alerts.now)
    received_at = {one.source: one.received_at for one in batch.arrivals}
    for of in sorted(changed):
        stays = placed.stays_now(placed.kits.who_has_it(of[0], received_at.get(of[0], alerts.now), None))
        here = [stay for stay in stays if stay.discharged_at is None and not stay.has_died]
        if learnt[of].off_since is not None:
            _tell(connection, alerts, here, of, learnt[of])
        elif not any(row.off_since for (device, _), row in learnt.items() if device == of[0]):
            _end(alerts, here)


def _devices(learnt: dict[Of, Learnt], seen: Mapping[int, list[int]], now: datetime) -> set[Of]:
    """Devices whose clock is off, or has a row because it was, or was shown."""
    changed: set[Of] = set()
    for device, samples_s in seen.items():
        row = learnt.get((device, "")) or Learnt()
        row.samples_s = samples_s
        clock = row.clock(now)
        if (device, "") in learnt or (clock is not None and clock.is_off):
            learnt[device, ""] = row
            changed.add((device, ""))
    return changed


def _sensors(learnt: dict[Of, Learnt], fresh: Iterable[Item]) -> set[Of]:
    found = samples(item for item in fresh if item.one.sensor and gives_its_time(item))
    for of, several in found.items():
        row = learnt.setdefault(of, Learnt())
        for one in several:
            row.samples_s = keep(row.samples_s, one)
    return set(found)


def _shown(learnt: dict[Of, Learnt], arrivals: Iterable[Arrival]) -> set[Of]:
    """Clocks that a document showed beside the true time: its one sensor's, else its device's."""
    changed: set[Of] = set()
    for arrival in arrivals:
        if arrival.clock_offset_s is None or arrival.source < 0:
            continue
        sensors = {one.sensor or "" for one in arrival.sets}
        of = (arrival.source, sensors.pop() if len(sensors) == 1 else "")
        row = learnt.setdefault(of, Learnt())
        row.coincident_s, row.coincident_at = arrival.clock_offset_s, arrival.received_at
        changed.add(of)
    return changed


CLOCK: Final = {
    "device_id": "bigint",
    "sensor": "text",
    "samples_s": "int[]",
    "coincident_s": "int",
    "coincident_at": "timestamptz",
    "off_since": "timestamptz",
    "measured_at": "timestamptz",
}

_WRITE: Final = f"""
{insert_into("device_clock", CLOCK)}
ON CONFLICT (device_id, sensor) DO UPDATE
SET samples_s = excluded.samples_s, coincident_s = excluded.coincident_s, coincident_at = excluded.coincident_at,
    off_since = excluded.off_since, measured_at = excluded.measured_at
"""


def _write(connection: psycopg.Connection, rows: Mapping[Of, Learnt], now: datetime) -> None:
    written: list[dict[str, Any]] = [
        {
            "device_id": device,
            "sensor": sensor,
            "samples_s": row.samples_s,
            "coincident_s": row.coincident_s,
            "coincident_at": row.coincident_at,
            "off_since": row.off_since,
            "measured_at": now,
        }
        for (device, sensor), row in rows.items()
    ]
    connection.execute(_WRITE, (as_rows(written),))


def _tell(connection: psycopg.Connection, alerts: Alerts, stays: Iterable[Stay], of: Of, row: Learnt) -> None:
    clock = row.clock(alerts.now)
    assert clock is not None  # it is off
    device, sensor = of
    what = f"The clock of sensor {sensor}" if sensor else "The device's clock"

    def evidence() -> Evidence:
        ((public_id,),) = connection.execute("SELECT public_id FROM device WHERE id = %s", (device,)).fetchall()
        text = f"{what} is {said(clock)}"
        reason = {"rule": CLOCK_OFF, "severity": Severity.AMBER.label, "text": text}
        why = {"device": public_id, "clock_offset_s": clock.offset_s, "surely": clock.surely}
        return Evidence([reason], why | ({"sensor": sensor} if sensor else {}))

    for stay in stays:
        alerts.weigh(stay.about, Kind.DEVICE, Finding(Severity.AMBER, rules=frozenset({CLOCK_OFF})), evidence)


def _end(alerts: Alerts, stays: Iterable[Stay]) -> None:
    """The clock is right again: that part of the patient's alert ends."""
    for stay in stays:
        alert = alerts.open.get((stay.patient_id, Kind.DEVICE))
        rules = frozenset[str]() if alert is None else held_of(alert).basis.rules
        if rules == {CLOCK_OFF}:
            alerts.expire(stay.about, Kind.DEVICE, "clock_right_again")
        elif CLOCK_OFF in rules:
            cleared = Finding(Severity.NONE, cleared=frozenset({CLOCK_OFF}))
            alerts.weigh(stay.about, Kind.DEVICE, cleared, lambda: Evidence([], {}))
