"""The rows that are scored: a batch's new sets, and the stored ones around those that come late.

A late set changes what later sets of its stay were worth: they are read with one query, and scored again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import psycopg

from alert_rules.compose import REACH_US
from alert_rules.kinds import QUALITY
from devices.reading import ReadingSet
from monitoring.bulk import as_rows
from workers.drain.items import Item
from workers.drain.stays import Stay

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
ALSO_JUDGED: Final = ("weight", "glucose", "peak_flow", "wellness", "assessed_by")


@dataclass(frozen=True, slots=True)
class StoredScore:
    """What a neighbour scored until now."""

    points: str | None
    score_max: int | None
    severity: int
    uses: tuple[str, ...]


@dataclass(slots=True)
class Row:
    """One set of a stay: new in this batch, or a stored neighbour that a late one may change."""

    stay: int  # place among the batch's stays
    taken_us: int
    key: str
    one: ReadingSet
    item: Item | None  # None: a neighbour
    stored: StoredScore | None = None


def microseconds(instant: datetime) -> int:
    """Since 1970, UTC."""
    return (instant - EPOCH) // MICROSECOND


def newest_before(stay: Stay) -> tuple[int, str]:
    """Time and id of the newest set of a stay; less than any where there is none."""
    if stay.newest_at is None or stay.newest_set is None:
        return (-(1 << 62), "")
    return microseconds(stay.newest_at), stay.newest_set


def reaches_of(stays: Sequence[Stay], rows: Iterable[Row]) -> list[int]:
    """For each stay, how far from its late sets one may lie that is worth something else by them, in microseconds.

    A day, where values are carried; further where the pathway's rules look back on what a late set measured.
    """
    reach = [REACH_US] * len(stays)
    newest = [newest_before(stay) for stay in stays]
    for row in rows:
        if (row.taken_us, row.key) > newest[row.stay]:
            continue
        stay = stays[row.stay]
        for pathway in stay.ward.rulebook.since(stay.ward.pathway, row.one.taken_at):  # later sets go by later ones
            measured = [one.within_us for vital, one in pathway.windows.items() if has(row.one, vital)]
            reach[row.stay] = max([reach[row.stay], *measured, *pathway.missed_us.values()])
    return reach


def has(one: ReadingSet, vital: str) -> bool:
    """Whether a set measured a vital sign; each says how good it is itself."""
    if vital == QUALITY:
        return True
    return getattr(one, "temperature_tenths" if vital == "temperature" else vital) is not None


def rows_of(placed: Sequence[tuple[Item, Stay]]) -> tuple[list[Stay], list[Row]]:
    """The stays of a batch, and a row for each of its sets."""
    stays = list({stay.episode_id: stay for _, stay in placed}.values())
    number = {stay.episode_id: place for place, stay in enumerate(stays)}
    rows = [
        Row(number[stay.episode_id], microseconds(item.one.taken_at), item.key, item.one, item) for item, stay in placed
    ]
    return stays, rows


_NEIGHBOURS: Final = """
SELECT r.episode_id, r.taken_at, r.set::text, r.quality, r.flags, r.also::text,
       CASE WHEN again.set IS NULL THEN r.points ELSE again.points END,
       CASE WHEN again.set IS NULL THEN r.score_max ELSE again.score_max END,
       CASE WHEN again.set IS NULL THEN r.severity ELSE again.severity END,
       CASE WHEN again.set IS NULL THEN r.uses ELSE again.uses END::text[],
       r.respiratory_rate, r.spo2, r.on_oxygen, r.oxygen_flow_hundredths, r.systolic, r.diastolic, r.pulse,
       r.consciousness, r.temperature_tenths
FROM json_to_recordset(%s) AS reach (episode_id bigint, since timestamptz, until timestamptz)
JOIN reading AS r ON r.episode_id = reach.episode_id AND r.taken_at BETWEEN reach.since AND reach.until
LEFT JOIN LATERAL (
    SELECT * FROM rescored
    WHERE rescored.episode_id = r.episode_id AND rescored.taken_at = r.taken_at AND rescored.set = r.set
    ORDER BY revision DESC LIMIT 1
) AS again ON true
WHERE r.quality <> 'test'
"""


def neighbours(
    connection: psycopg.Connection, stays: Sequence[Stay], rows: Sequence[Row], reach: Sequence[int]
) -> list[Row]:
    """The stored sets within reach of the late ones. `reach`: of each stay, in microseconds."""
    late: dict[int, list[int]] = {}
    newest = [newest_before(stay) for stay in stays]
    for row in rows:
        if (row.taken_us, row.key) <= newest[row.stay]:
            late.setdefault(row.stay, []).append(row.taken_us)
    if not late:
        return []
    reaches = [
        {"episode_id": stays[stay].episode_id, "since": instant(since), "until": instant(until)}
        for stay, times in late.items()
        for since, until in _merged(sorted(times), reach[stay])
    ]
    place = {stays[stay].episode_id: stay for stay in late}
    found = connection.execute(_NEIGHBOURS, (as_rows(reaches),), prepare=False)
    return [_neighbour(place[episode_id], *stored) for episode_id, *stored in found]


def _merged(times: Sequence[int], reach_us: int) -> list[tuple[int, int]]:
    """Spans of time within reach of any of `times`, none overlapping another."""
    spans: list[tuple[int, int]] = []
    for at in times:
        if spans and at - reach_us <= spans[-1][1]:
            spans[-1] = (spans[-1][0], at + reach_us)
        else:
            spans.append((at - reach_us, at + reach_us))
    return spans


def instant(at_us: int) -> datetime:
    """From microseconds since 1970."""
    return EPOCH + at_us * MICROSECOND


def _neighbour(
    stay: int, taken_at: datetime, key: str, quality: str, flags: list[str] | None, also: str | None, *columns: Any
) -> Row:
    """`columns`: the current score as in StoredScore, then what was measured."""
    points, score_max, severity, uses, *measured = columns
    rr, spo2, on_oxygen, flow, systolic, diastolic, pulse, consciousness, temperature = measured
    rarer = {} if also is None else msgspec.json.decode(also)
    one = ReadingSet(
        id="",
        taken_at=taken_at,
        respiratory_rate=rr,
        spo2=spo2,
        on_oxygen=on_oxygen,
        oxygen_flow_hundredths=flow,
        systolic=systolic,
        diastolic=diastolic,
        pulse=pulse,
        consciousness=consciousness,
        temperature_tenths=temperature,
        quality=quality,  # type: ignore[arg-type]  # a Quality, as it was stored
        flags=tuple(flags or ()),
        **{name: value for name, value in rarer.items() if name in ALSO_JUDGED},
    )
    stored = StoredScore(points, score_max, severity, tuple(sorted(uses or ())))
    return Row(stay, microseconds(taken_at), key, one, None, stored)
