"""Composing, scoring and judging: all sets of a batch at once, in arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from alert_rules.accepted import with_accepted
from alert_rules.compose import (
    ASSESSED,
    REACH_US,
    SLOTS,
    Composed,
    Known,
    Sets,
    newest,
    slots,
)
from alert_rules.engine import Beside, with_pathways
from alert_rules.facts import facts_of
from alert_rules.news2_arrays import ScoreArrays
from alert_rules.severity import Facts, Verdicts, judge
from alert_rules.vitals import (
    ACVPU,
    CONSCIOUSNESS,
    OXYGEN,
    PARAMETERS,
    VitalArrays,
)
from devices.reading import ReadingSet
from workers.drain.facts import accepted_of, measured_of
from workers.drain.items import Item
from workers.drain.neighbours import Row, neighbours, newest_before, reaches_of, rows_of
from workers.drain.stays import PlanInForce, Stay
from workers.drain.versions import Versions, versions_of
from workers.drain.windows import Batch, beside, groups

UNMEASURED: Final = np.iinfo(np.int16).min


@dataclass(frozen=True, slots=True)
class Scored:
    """A batch's sets in order of stay and time, with all that was found out about them."""

    stays: list[Stay]
    rows: list[Row]
    plans: list[PlanInForce]
    versions: Versions
    counts: list[bool]  # new, or changed by a new one before it; the other rows are there only to be carried from
    sets: Sets
    composed: Composed
    news2: ScoreArrays
    facts: Facts
    beside: Beside
    verdicts: Verdicts
    severity: list[int]
    points: list[str | None]  # as stored
    uses: list[tuple[str, ...]]  # other sets carried into each score
    newest_row: NDArray[np.intp]  # (SLOTS, stays)


def score(connection: psycopg.Connection, placed: Sequence[tuple[Item, Stay]]) -> Scored:
    """Score every new set, and every stored one that a late set may have changed."""
    stays, rows = rows_of(placed)
    reach = reaches_of(stays, rows)
    rows.extend(neighbours(connection, stays, rows, reach))
    return _scored(connection, stays, rows, _as_known(stays), [stay.also for stay in stays], reach)


def score_alone(placed: Sequence[tuple[Item, Stay]]) -> Scored:
    """Score sets as they stand, with nothing that is known of their patients: nor is anything accepted."""
    stays, rows = rows_of(placed)
    blank = np.zeros((SLOTS, len(stays)), dtype=np.bool_)
    nothing = Known(blank.astype(np.int16), blank.astype(np.int64), blank)
    return _scored(None, stays, rows, nothing, [{}] * len(stays), [REACH_US] * len(stays))


def _scored(
    connection: psycopg.Connection | None,
    stays: list[Stay],
    rows: list[Row],
    before: Known,
    also: Sequence[Mapping[str, Any]],
    reach: Sequence[int],
) -> Scored:
    rows.sort(key=lambda row: (row.stay, row.taken_us, row.key))
    plans = [stays[row.stay].plan_at(row.one.taken_at) for row in rows]
    versions = versions_of(stays, rows)
    sets = _as_sets(rows, stays, plans)
    accepted = {} if connection is None else accepted_of(rows, stays)
    composed, facts = facts_of(measured_of(rows, stays, plans, versions, sets, before, also, accepted))
    vitals, news2 = facts.vitals, facts.news2
    batch = Batch(stays, rows, plans, versions, sets, facts)
    looked_at = beside(connection, batch, before)
    verdicts = with_accepted(with_pathways(judge(facts), groups(batch), facts, looked_at), facts)
    keys = [row.key for row in rows]
    points = _points(news2, vitals.known, facts.scorable & facts.watched)
    return Scored(
        stays=stays,
        rows=rows,
        plans=plans,
        versions=versions,
        counts=_counts(rows, sets, np.array(reach, dtype=np.int64)),
        sets=sets,
        composed=composed,
        news2=news2,
        facts=facts,
        beside=looked_at,
        verdicts=verdicts,
        severity=verdicts.severity.tolist(),
        points=points,
        uses=_uses(composed, vitals.known, keys, stays, sets.stay),
        newest_row=newest(sets, before, keys, [[stay.sets[slot] for stay in stays] for slot in range(SLOTS)]),
    )


def _counts(rows: Sequence[Row], sets: Sets, reach: NDArray[np.int64]) -> list[bool]:
    """A neighbour's score counts where a new set stands before it, within reach: only there all that it needs is read.

    Of the sets before the late one only the values count; what they themselves were carried from is not here.
    """
    is_new = np.array([row.item is not None for row in rows], dtype=np.bool_)
    last_new = np.maximum.accumulate(np.where(is_new, np.arange(len(rows)), -1))
    before = np.maximum(last_new, 0)
    same_stay = (last_new >= 0) & (sets.stay[before] == sets.stay)
    counts: list[bool] = (is_new | (same_stay & (sets.taken_us - sets.taken_us[before] <= reach[sets.stay]))).tolist()
    return counts


def _as_sets(rows: Sequence[Row], stays: Sequence[Stay], plans: Sequence[PlanInForce]) -> Sets:
    values = (
        np.array([_seven(row.one, plan) for row, plan in zip(rows, plans, strict=True)], dtype=np.int16)
        .reshape(-1, len(PARAMETERS))
        .T
    )
    known = values != UNMEASURED
    own_word = np.array([row.one.assessed_by in {None, "patient"} for row in rows], dtype=np.bool_)
    all_values, all_known = slots(VitalArrays(np.where(known, values, np.int16(0)), known), own_word)
    bounds = [newest_before(stay) for stay in stays]
    return Sets(
        stay=np.array([row.stay for row in rows], dtype=np.intp),
        taken_us=np.array([row.taken_us for row in rows], dtype=np.int64),
        values=all_values,
        known=all_known,
        late=np.array([(row.taken_us, row.key) <= bounds[row.stay] for row in rows], dtype=np.bool_),
    )


def _as_known(stays: Sequence[Stay]) -> Known:
    taken = np.array([[at or 0 for at in stay.taken_us] for stay in stays], dtype=np.int64).T
    values = np.array([[value or 0 for value in stay.values] for stay in stays], dtype=np.int16).T
    known = np.array([[at is not None for at in stay.taken_us] for stay in stays], dtype=np.bool_).T
    return Known(values, taken, known)


def _seven(one: ReadingSet, plan: PlanInForce) -> tuple[int, ...]:
    """The seven parameters in chart units. Confusion that is the patient's usual state is not new."""
    letter = one.consciousness
    consciousness = UNMEASURED if letter is None else ACVPU.index(letter)
    return (
        UNMEASURED if one.respiratory_rate is None else one.respiratory_rate,
        UNMEASURED if one.spo2 is None else one.spo2,
        UNMEASURED if one.on_oxygen is None else one.on_oxygen,
        UNMEASURED if one.systolic is None else one.systolic,
        UNMEASURED if one.pulse is None else one.pulse,
        0 if plan.usually_confused and letter == "C" else consciousness,
        UNMEASURED if one.temperature_tenths is None else one.temperature_tenths,
    )


def _points(news2: ScoreArrays, known: NDArray[np.bool_], applies: NDArray[np.bool_]) -> list[str | None]:
    letters = np.where(known, news2.points + ord("0"), ord("-")).astype(np.uint8)
    texts = np.ascontiguousarray(letters.T).tobytes().decode("ascii")
    width = len(PARAMETERS)
    return [texts[width * n : width * (n + 1)] if one else None for n, one in enumerate(applies.tolist())]


def _uses(
    composed: Composed,
    known: NDArray[np.bool_],
    keys: Sequence[str],
    stays: Sequence[Stay],
    stay_of: NDArray[np.intp],
) -> list[tuple[str, ...]]:
    """For each set, the other sets whose values it was scored with."""
    uses: list[tuple[str, ...]] = [()] * len(keys)
    here = np.arange(len(keys))
    carried = known & (composed.origin != here)
    carried[OXYGEN] &= ~composed.oxygen_assumed
    for column in np.flatnonzero(carried.any(axis=0)).tolist():
        stay = stays[stay_of[column]]
        others = set()
        for slot in np.flatnonzero(carried[:, column]).tolist():
            origin = int(composed.origin[slot, column])
            before = stay.sets[ASSESSED if slot == CONSCIOUSNESS and composed.held[column] else slot]
            if origin >= 0:
                others.add(keys[origin])
            elif before is not None:
                others.add(before)
        uses[column] = tuple(sorted(others))
    return uses


def as_uuid(key: str) -> UUID:
    """A set's key as the id that the outside sees."""
    return UUID(key)
