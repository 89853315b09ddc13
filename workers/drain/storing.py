"""Bulk writes: a few statements per batch, whatever its size."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import psycopg

from monitoring.bulk import as_record, as_rows, insert_into, row_of
from workers.drain.items import Item
from workers.drain.neighbours import StoredScore
from workers.drain.scoring import Scored
from workers.drain.stays import Stay

ALSO: Final = (
    "weight",
    "glucose",
    "peak_flow",
    "wellness",
    "battery",
    "assessed_by",
    "declined",
    "method",
    "measured_by",
    "sensor",
    "slot",
    "clock",
    "reported_news2",
)
LAST_KNOWN: Final = ("weight", "glucose", "peak_flow", "diastolic", "wellness")

SCORE: Final = {
    "points": "text",
    "score": "smallint",
    "score_max": "smallint",
    "scale": "smallint",
    "oxygen_assumed": "bool",
    "severity": "smallint",
    "not_scored": "text",
    "uses": "uuid[]",
}
READING: Final = {
    "episode_id": "bigint",
    "taken_at": "timestamptz",
    "set": "uuid",
    "source": "bigint",
    "id": "text",
    "received_at": "timestamptz",
    "respiratory_rate": "smallint",
    "spo2": "smallint",
    "on_oxygen": "bool",
    "oxygen_flow_hundredths": "smallint",
    "systolic": "smallint",
    "diastolic": "smallint",
    "pulse": "smallint",
    "consciousness": "text",
    "temperature_tenths": "smallint",
    "also": "jsonb",
    "as_sent": "jsonb",
    "quality": "text",
    "flags": "text[]",
} | SCORE
RESCORED: Final = {"episode_id": "bigint", "taken_at": "timestamptz", "set": "uuid", "scored_at": "timestamptz"} | SCORE
LATEST: Final = {
    "episode_id": "bigint",
    "values": "smallint[]",
    "taken_us": "bigint[]",
    "sets": "uuid[]",
    "also": "jsonb",
    "newest_at": "timestamptz",
    "newest_set": "uuid",
    "newest_severity": "smallint",
    "heard_at": "timestamptz",
    "due_at": "timestamptz",
    "overdue_at": "timestamptz",
    "missed": "smallint",
    "repeat_by": "timestamptz",
}
"""The columns that are written, and their types."""

_READING: Final = row_of("Reading", READING)
_RESCORED: Final = row_of("Rescored", RESCORED)
_LATEST: Final = row_of("Latest", LATEST)

_STORE: Final = insert_into("reading", READING)


def store_readings(connection: psycopg.Connection, scored: Scored) -> None:
    """Write every new set with its score. The ledger has made sure that none is there already."""
    rows = [
        _READING(*_reading(row.item, scored.stays[row.stay]), *_score(scored, column))
        for column, row in enumerate(scored.rows)
        if row.item is not None
    ]
    connection.execute(_STORE, (as_rows(rows),))


def store_tests(connection: psycopg.Connection, tests: Sequence[tuple[Item, Stay]]) -> None:
    """Write sets that a device marked as tests: kept, never scored."""
    if tests:
        rows = [_READING(*_reading(item, stay), None, None, None, None, False, 0, "test") for item, stay in tests]
        connection.execute(_STORE, (as_rows(rows),))


_STORE_AGAIN: Final = insert_into("rescored", RESCORED)


def store_rescored(connection: psycopg.Connection, scored: Scored, now: datetime) -> list[int]:
    """Write anew the scores of stored sets that a late one changed. Returns their rows' numbers."""
    changed = [column for column, counts in enumerate(scored.counts) if counts and _differs(scored, column)]
    if changed:
        rows = [
            _RESCORED(scored.stays[row.stay].episode_id, row.one.taken_at, row.key, now, *_score(scored, column))
            for column in changed
            if (row := scored.rows[column])
        ]
        connection.execute(_STORE_AGAIN, (as_rows(rows),))
    return changed


_UPDATE_LATEST: Final = f"""
UPDATE latest_vitals AS known
SET values = new.values, taken_us = new.taken_us, sets = new.sets,
    also = CASE WHEN new.also IS NULL THEN known.also ELSE known.also || new.also END,
    newest_at = new.newest_at, newest_set = new.newest_set, newest_severity = new.newest_severity,
    heard_at = new.heard_at, due_at = new.due_at, overdue_at = new.overdue_at, missed = new.missed,
    repeat_by = new.repeat_by
FROM {as_record(LATEST)}
WHERE known.episode_id = new.episode_id
"""  # noqa: S608 - our own names


def update_latest(connection: psycopg.Connection, scored: Scored) -> None:
    """Write back what is known of each stay, with what was heard and is due as it stands on the stays."""
    also = _last_known(scored)
    newest_rows = scored.newest_row.T.tolist()
    measured = scored.sets.values.T.tolist()
    rows = []
    for number, stay in enumerate(scored.stays):
        values, taken, sets = list(stay.values), list(stay.taken_us), list(stay.sets)
        for slot, row in enumerate(newest_rows[number]):
            if row >= 0:
                values[slot], taken[slot], sets[slot] = (
                    measured[row][slot],
                    scored.rows[row].taken_us,
                    scored.rows[row].key,
                )
        heard = (stay.newest_at, stay.newest_set, stay.newest_severity, stay.heard_at, stay.due_at, stay.overdue_at)
        rows.append(
            _LATEST(stay.episode_id, values, taken, sets, also.get(number), *heard, stay.missed, stay.repeat_by)
        )
    connection.execute(_UPDATE_LATEST, (as_rows(rows),))


def _reading(item: Item, stay: Stay) -> tuple[Any, ...]:
    one = item.one
    return (
        stay.episode_id,
        one.taken_at,
        item.key,
        item.source,
        one.id,
        item.received_at,
        one.respiratory_rate,
        one.spo2,
        one.on_oxygen,
        one.oxygen_flow_hundredths,
        one.systolic,
        one.diastolic,
        one.pulse,
        one.consciousness,
        one.temperature_tenths,
        {name: value for name in ALSO if (value := getattr(one, name)) is not None} | _of_its_way(item) or None,
        one.as_sent,
        one.quality,
        one.flags or None,
    )


def _of_its_way(item: Item) -> dict[str, Any]:
    """What the device's wrong clock said, the document that a set came in, and what it was released from."""
    if item.device_time is None and item.released is None and item.original is None:
        return {}
    way = (("device_time", item.device_time), ("original", item.original), ("kept_aside", item.released))
    return {name: value for name, value in way if value is not None}


def _score(scored: Scored, column: int) -> tuple[Any, ...]:
    points, severity = scored.points[column], scored.severity[column]
    if points is None:
        return None, None, None, None, False, severity, _why_not(scored, column), None
    return (
        points,
        int(scored.news2.score[column]),
        int(scored.news2.score_max[column]),
        scored.plans[column].scale,
        bool(scored.composed.oxygen_assumed[column]),
        severity,
        None,
        scored.uses[column] or None,
    )


def _why_not(scored: Scored, column: int) -> str:
    one, stay = scored.rows[column].one, scored.stays[scored.rows[column].stay]
    if scored.plans[column].comfort:
        return "comfort"
    return stay.not_scored_at(one.taken_at) or ("declined" if one.declined else "no_scored_vital")


def _differs(scored: Scored, column: int) -> bool:
    """Whether a stored set is worth something else now."""
    stored, points, severity = scored.rows[column].stored, scored.points[column], scored.severity[column]
    if stored is None:
        return False
    if points is None:
        return (stored.points, stored.severity) != (None, severity)
    score_max = int(scored.news2.score_max[column])
    now = StoredScore(points, score_max, severity, scored.uses[column])
    return stored != now


def _last_known(scored: Scored) -> dict[int, dict[str, Any]]:
    """By the stay's number: the rarer vitals with their time, where this batch holds a newer one."""
    newer: dict[int, dict[str, Any]] = {}
    for row in scored.rows:
        also = scored.stays[row.stay].also
        for name in LAST_KNOWN:
            if (value := getattr(row.one, name)) is None:
                continue
            known = also.get(name, {"at_us": 0, "set": ""})
            if (row.taken_us, row.key) > (known["at_us"], known["set"]):
                also[name] = {"value": value, "at_us": row.taken_us, "set": row.key}
                newer.setdefault(row.stay, {})[name] = also[name]
    return newer
