"""When each device was last heard, how full its battery was, and what its clock was off."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from devices.clock import SAMPLES_MAX, TOLERANCE
from devices.reading import Arrival
from monitoring.bulk import as_array, as_rows, insert_into
from workers.drain.items import Item, Kept

CLOCK_OFF_S: Final = TOLERANCE // timedelta(seconds=1)

SEEN: Final = {
    "device_id": "bigint",
    "last_seen_at": "timestamptz",
    "battery_percent": "int",
    "clock_offset_s": "int",
    "clock_samples_s": "int[]",
}
"""The columns that are written, and their types."""

_SEE: Final = f"""
WITH written AS (
    {insert_into("device_seen AS seen", SEEN)}
    ON CONFLICT (device_id) DO UPDATE
    SET last_seen_at = excluded.last_seen_at,
        battery_percent = coalesce(excluded.battery_percent, seen.battery_percent),
        clock_offset_s = coalesce(excluded.clock_offset_s, seen.clock_offset_s),
        clock_samples_s = (seen.clock_samples_s || excluded.clock_samples_s)[
            greatest(1, cardinality(seen.clock_samples_s) + cardinality(excluded.clock_samples_s) - {SAMPLES_MAX - 1}):]
    WHERE seen.last_seen_at < excluded.last_seen_at - interval '10 s'
       OR (excluded.battery_percent IS DISTINCT FROM seen.battery_percent AND excluded.battery_percent IS NOT NULL
           AND seen.last_seen_at <= excluded.last_seen_at)
    RETURNING device_id, clock_offset_s, clock_samples_s
)
SELECT device_id, clock_samples_s FROM written
WHERE clock_offset_s NOT BETWEEN {-CLOCK_OFF_S} AND {CLOCK_OFF_S} OR device_id = ANY(%s::bigint[])
"""  # noqa: S608 - our own names and numbers

Samples = Mapping[int, list[int]]


def store_seen(
    connection: psycopg.Connection,
    items: Sequence[Item],
    kept: Iterable[Kept],
    samples_s: Samples,
    watched: Iterable[int],
) -> dict[int, list[int]]:
    """When each device was last heard; to ten seconds, so that a device that posts all day costs few writes.

    A sensor is heard when its hub names it, and a battery is then the sensor's; what sends only what is refused is
    heard too. Also what a clock was off (`samples_s`). Returns the last samples of those that are off, or `watched`.
    """
    newest: dict[int, Item] = {}
    sensors: dict[str, Item] = {}
    for item in items:
        if item.source > 0 and (item.source not in newest or _heard(item) >= _heard(newest[item.source])):
            newest[item.source] = item
        name = item.one.sensor
        if name is not None and (name not in sensors or _heard(item) >= _heard(sensors[name])):
            sensors[name] = item
    named = _named(connection, sensors)
    seen = {one.source: _seen(one.source, one.received_at) for one in kept if one.source > 0}
    charges = _charges(items, {name: device for device, name in named.items()})
    last = newest | {device: sensors[name] for device, name in named.items()}
    for device, item in last.items():
        seen[device] = _seen(device, item.received_at, charges.get(device), samples_s.get(device, ()))
    if not seen:
        return {}
    rows = [seen[device] for device in sorted(seen)]
    return dict(connection.execute(_SEE, (as_rows(rows), as_array(sorted(watched)))).fetchall())


def _seen(device: int, at: datetime, battery: int | None = None, samples_s: Collection[int] = ()) -> dict[str, Any]:
    last = list(samples_s)[-SAMPLES_MAX:]
    return {
        "device_id": device, "last_seen_at": at, "battery_percent": battery,
        "clock_offset_s": last[-1] if last else None, "clock_samples_s": last,
    }  # fmt: skip


def _charges(items: Iterable[Item], sensors: Mapping[str, int]) -> dict[int, int]:
    """By device, the battery that it was last told with; a set that tells none leaves the one before."""
    told: dict[int, Item] = {}
    for item in items:
        if item.one.battery is None or item.source <= 0:
            continue
        device = sensors.get(item.one.sensor or "", item.source)
        if device not in told or _heard(item) >= _heard(told[device]):
            told[device] = item
    return {device: item.one.battery for device, item in told.items() if item.one.battery is not None}


_SENSORS: Final = """
SELECT device.id, sensor FROM unnest(%s::text[]) AS sensor
JOIN device ON device.identifiers @> ARRAY[sensor] AND device.state = 'issued'
"""


def _named(connection: psycopg.Connection, sensors: Collection[str]) -> dict[int, str]:
    """By device, the identifier by which a hub named it."""
    if not sensors:
        return {}
    found: list[tuple[int, str]] = connection.execute(_SENSORS, (sorted(sensors),)).fetchall()
    return dict(found)


_CHARGE: Final = """
INSERT INTO device_seen AS seen (device_id, last_seen_at, battery_percent, clock_samples_s)
SELECT device_id, last_seen_at, battery_percent, '{}'
FROM json_to_recordset(%s) AS new (device_id bigint, last_seen_at timestamptz, battery_percent int)
ON CONFLICT (device_id) DO UPDATE
SET last_seen_at = greatest(seen.last_seen_at, excluded.last_seen_at), battery_percent = excluded.battery_percent
WHERE seen.last_seen_at <= excluded.last_seen_at
"""


def store_batteries(connection: psycopg.Connection, arrivals: Iterable[Arrival]) -> None:
    """How full a device is, where that came apart from any set."""
    newest: dict[int, Arrival] = {}
    for one in arrivals:
        if one.battery is None or one.source < 0:
            continue
        if one.source not in newest or one.received_at >= newest[one.source].received_at:
            newest[one.source] = one
    if newest:
        rows = [
            {"device_id": device, "last_seen_at": one.received_at, "battery_percent": one.battery}
            for device, one in sorted(newest.items())
        ]
        connection.execute(_CHARGE, (as_rows(rows),))


def _heard(item: Item) -> tuple[datetime, datetime]:
    return item.received_at, item.one.taken_at
