"""What the rules of pathways look at beyond a set: usual values, and what was measured before, one query per batch.

Nothing here is done for pathways whose rules do not look back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from alert_rules.compose import AGE_LIMIT_US, Known, Sets
from alert_rules.engine import NOT_USUAL, Beside, Seen
from alert_rules.kinds import QUALITY, USUAL, PathwayRule, Reach
from alert_rules.limits import DECIMALS, LIMITED
from alert_rules.severity import Facts
from alert_rules.vitals import PARAMETERS
from alert_rules.windows import History, silent_us, window
from devices.reading import ReadingSet
from monitoring.bulk import as_rows
from workers.drain.neighbours import Row, instant, microseconds
from workers.drain.stays import PlanInForce, Stay
from workers.drain.versions import Versions

Flags = NDArray[np.bool_]

LOOKED_AT: Final = (*LIMITED, QUALITY)
"""What rules look back on; its place is the number of a vital sign in the query."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The sets of a batch as they are judged, in order of stay, time and id."""

    stays: Sequence[Stay]
    rows: Sequence[Row]
    plans: Sequence[PlanInForce]
    versions: Versions
    sets: Sets
    facts: Facts

    def measured(self, vital: str) -> tuple[NDArray[np.int32], Flags]:
        """(n,) each: a vital sign as the sets themselves measured it, and where they did."""
        if vital == QUALITY:
            poor = np.array([is_poor(row.one) for row in self.rows], dtype=np.int32)
            return poor, np.ones(len(poor), dtype=np.bool_)
        if vital in PARAMETERS:
            slot = PARAMETERS.index(vital)
            return self.sets.values[slot].astype(np.int32), self.sets.known[slot]
        row = LIMITED.index(vital)
        return self.facts.limited[row], self.facts.limited_known[row]


def is_poor(one: ReadingSet) -> bool:
    """Whether a set can't be relied on: its device says so, or a value is improbable."""
    return one.quality == "low" or bool(one.flags)


def groups(batch: Batch) -> list[tuple[tuple[PathwayRule, ...], Flags]]:
    """The rules of each pathway's version that has some, and the sets that it judges."""
    versions = batch.versions
    return [(one.rules, versions.of_row == place) for place, one in enumerate(versions.each) if one.rules]


def beside(connection: psycopg.Connection | None, batch: Batch, before: Known) -> Beside:
    """What those rules need. Without a connection nothing is known of before: then only the sets themselves count."""
    if connection is None or not any(one.looks_back for one in batch.versions.each):
        return Beside(usual=_usual(batch.plans))
    wanted = _wanted(batch)
    found = _earlier(connection, _asked(batch, wanted)) if wanted else {}
    seen = {vital: _seen(batch, vital, columns, found.get(vital)) for vital, columns in wanted.items()}
    return Beside(_usual(batch.plans), seen, _silent_us(batch, before))


def age_limits_us(versions: Versions) -> NDArray[np.int64]:
    """(SLOTS, n) or (SLOTS, 1): how long values are carried, by each set's pathway."""
    limits = [one.age_limit_us for one in versions.each]
    if all(one is AGE_LIMIT_US for one in limits):
        return AGE_LIMIT_US[:, None]
    return np.array(limits, dtype=np.int64)[versions.of_row].T


def _usual(plans: Sequence[PlanInForce]) -> NDArray[np.int32] | None:
    known = [(column, plan.usual) for column, plan in enumerate(plans) if plan.usual]
    if not known:
        return None
    usual = np.full((len(USUAL), len(plans)), NOT_USUAL, dtype=np.int32)
    for column, values in known:
        for name, value in values.items():
            usual[USUAL.index(name), column] = value
    return usual


def _wanted(batch: Batch) -> dict[str, NDArray[np.intp]]:
    """By vital sign, the sets that measured it on a pathway that looks back on it; of quality, those that are poor."""
    wanted: dict[str, NDArray[np.intp]] = {}
    each, of_row = batch.versions.each, batch.versions.of_row
    for vital in sorted({vital for one in each for vital in one.windows}):
        looks = np.array([vital in one.windows for one in each], dtype=np.bool_)[of_row]
        values, known = batch.measured(vital)
        columns = np.flatnonzero(known & looks & ((values > 0) | (vital != QUALITY)))
        if len(columns):
            wanted[vital] = columns
    return wanted


def _asked(batch: Batch, wanted: Mapping[str, NDArray[np.intp]]) -> list[dict[str, Any]]:
    """For each stay and vital sign, what is to be read: before its first set that is not late, by the rules' reach.

    What lies around late sets is here already: `neighbours` read it.
    """
    asked = []
    for vital, columns in wanted.items():
        on_time = columns[~batch.sets.late[columns]]
        if not len(on_time):
            continue
        stays, first = np.unique(batch.sets.stay[on_time], return_index=True)
        reach = [one.windows.get(vital, Reach(0, 0)) for one in batch.versions.each]
        reaches = np.array(reach, dtype=np.int64)[batch.versions.of_row[on_time]]
        furthest = np.maximum.reduceat(reaches, first, axis=0)  # of a stay that two versions judge
        which = zip(stays.tolist(), on_time[first].tolist(), furthest.tolist(), strict=True)
        for place, column, (within_us, earlier) in which:
            taken_us = batch.rows[column].taken_us
            asked.append(
                {
                    "place": place,
                    "episode_id": batch.stays[place].episode_id,
                    "vital": LOOKED_AT.index(vital),
                    "since": instant(taken_us - within_us),
                    "until": instant(taken_us),
                    "readings": earlier,
                }
            )
    return asked


_VALUE: Final = " ".join(
    f"WHEN {number} THEN {column}"
    for number, column in enumerate(
        (
            "respiratory_rate", "spo2", "systolic", "diastolic", "pulse", "temperature_tenths",
            *(f"round((also ->> '{vital}')::numeric * {10 ** DECIMALS.get(vital, 0)})::int"
              for vital in ("weight", "glucose", "peak_flow")),
            "(quality = 'low' OR flags IS NOT NULL)::int",
        )
    )
)  # fmt: skip

# One text per vital sign comes back, whatever the number of readings: they are taken apart in arrays.
EARLIER: Final = f"""
SELECT asked.vital, string_agg(concat_ws(',', place, (extract(epoch FROM taken_at) * 1000000)::bigint, value), ','
                               ORDER BY place, taken_at, set)
FROM json_to_recordset(%(asked)s)
     AS asked (place int, episode_id bigint, vital int, since timestamptz, until timestamptz, readings int)
CROSS JOIN LATERAL (
    SELECT taken_at, set, value
    FROM (
        SELECT taken_at, set, CASE asked.vital {_VALUE} END AS value
        FROM reading
        WHERE reading.episode_id = asked.episode_id AND taken_at BETWEEN asked.since AND asked.until
          AND taken_at BETWEEN %(since)s AND %(until)s AND quality <> 'test'
    ) AS known
    WHERE value IS NOT NULL
    ORDER BY taken_at DESC, set DESC
    LIMIT asked.readings
) AS earlier
GROUP BY asked.vital
"""  # noqa: S608 - our own names


def _earlier(connection: psycopg.Connection, asked: Sequence[dict[str, Any]]) -> dict[str, NDArray[np.int64]]:
    """By vital sign, (3, m): the stay's place, the instant and the value of what was read."""
    if not asked:
        return {}
    span = {"since": min(one["since"] for one in asked), "until": max(one["until"] for one in asked)}
    # Planned anew: a plan that was kept from when little had come reads all that came since, for each of them.
    found = connection.execute(EARLIER, {"asked": as_rows(asked)} | span, prepare=False)
    return {LOOKED_AT[vital]: np.fromstring(text, dtype=np.int64, sep=",").reshape(-1, 3).T for vital, text in found}


def _seen(batch: Batch, vital: str, columns: NDArray[np.intp], found: NDArray[np.int64] | None) -> Seen:
    """The sets that measured a vital sign, each with what was measured before it: in this batch, or read."""
    values, known = batch.measured(vital)
    here = np.flatnonzero(known)
    most = max(reach.earlier for one in batch.versions.each if (reach := one.windows.get(vital)))
    stay, taken_us, value = batch.sets.stay[here], batch.sets.taken_us[here], values[here]
    if found is None:
        history = History(stay, taken_us, value)
        return Seen(columns, window(history, np.searchsorted(here, columns), most))
    place, at_us, read = found[:, ~_is_here(batch, found)]
    stays = np.concatenate([place.astype(np.intp), stay])
    times = np.concatenate([at_us, taken_us])
    order = np.lexsort((times, stays))  # stable: of one instant, what was stored before comes first
    history = History(stays[order], times[order], np.concatenate([read.astype(np.int32), value])[order])
    now_at = np.empty_like(order)
    now_at[order] = np.arange(len(order))
    return Seen(columns, window(history, now_at[len(place) + np.searchsorted(here, columns)], most))


def _is_here(batch: Batch, found: NDArray[np.int64]) -> Flags:
    """Which of the readings that were read stand in the batch already, as neighbours of late sets."""
    here = {(row.stay, row.taken_us) for row in batch.rows if row.item is None}
    if not here:
        return np.zeros(found.shape[1], dtype=np.bool_)
    return np.array([one in here for one in zip(found[0].tolist(), found[1].tolist(), strict=True)], dtype=np.bool_)


def _silent_us(batch: Batch, before: Known) -> dict[str, NDArray[np.int64]]:
    """By vital sign that some rule misses, how long each set was without it; 0 where its plan does not expect it."""
    silent = {}
    for vital in sorted({vital for one in batch.versions.each for vital in one.missed_us}):
        _, known = batch.measured(vital)
        since = np.array([microseconds(stay.admitted_at) for stay in batch.stays], dtype=np.int64)[batch.sets.stay]
        last = np.maximum(since, _last_known_us(batch, vital, before))
        expected = np.array([vital in plan.expects for plan in batch.plans], dtype=np.bool_)
        silent[vital] = np.where(expected, silent_us(batch.sets.stay, batch.sets.taken_us, known, last), 0)
    return silent


def _last_known_us(batch: Batch, vital: str, before: Known) -> NDArray[np.int64]:
    """(n,) when it was last measured before this batch; of late sets their neighbours tell."""
    if vital in PARAMETERS:
        slot = PARAMETERS.index(vital)
        per_stay = np.where(before.known[slot], before.taken_us[slot], np.iinfo(np.int64).min)
    else:
        never = {"at_us": np.iinfo(np.int64).min}
        per_stay = np.array([stay.also.get(vital, never)["at_us"] for stay in batch.stays], dtype=np.int64)
    return np.where(batch.sets.late, np.iinfo(np.int64).min, per_stay[batch.sets.stay])
