"""Composing, scoring and judging: all sets of a batch at once, in arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from alert_rules.compose import (
    ASSESSED,
    LONG_AGO_US,
    REACH_US,
    SLOTS,
    Composed,
    Known,
    Sets,
    compose,
    glucose_lately,
    newest,
    slots,
)
from alert_rules.limits import DECIMALS, LIMITED, LOW, NO_HIGH, NO_LOW, default_spo2, table
from alert_rules.news2_arrays import ScoreArrays, score_arrays
from alert_rules.severity import NOT_LOW, UNKNOWN_FLOW, Facts, Verdicts, Wellness, judge
from alert_rules.vitals import (
    ACVPU,
    CONSCIOUSNESS,
    OXYGEN,
    PARAMETERS,
    PULSE,
    RESPIRATORY_RATE,
    SPO2,
    SYSTOLIC,
    TEMPERATURE,
    VitalArrays,
)
from devices.reading import ReadingSet, in_whole_units
from workers.drain.items import Item
from workers.drain.neighbours import Row, neighbours, newest_before, rows_of
from workers.drain.stays import PlanInForce, Stay

UNMEASURED: Final = np.iinfo(np.int16).min


@dataclass(frozen=True, slots=True)
class Scored:
    """A batch's sets in order of stay and time, with all that was found out about them."""

    stays: list[Stay]
    rows: list[Row]
    plans: list[PlanInForce]
    counts: list[bool]  # new, or changed by a new one before it; the other rows are there only to be carried from
    sets: Sets
    composed: Composed
    news2: ScoreArrays
    facts: Facts
    verdicts: Verdicts
    severity: list[int]
    points: list[str | None]  # as stored
    uses: list[tuple[str, ...]]  # other sets carried into each score
    newest_row: NDArray[np.intp]  # (SLOTS, stays)


def score(connection: psycopg.Connection, placed: Sequence[tuple[Item, Stay]]) -> Scored:
    """Score every new set, and every stored one that a late set may have changed."""
    stays, rows = rows_of(placed)
    rows.extend(neighbours(connection, stays, rows))
    return _scored(stays, rows, _as_known(stays), [stay.also.get("glucose") for stay in stays])


def score_alone(placed: Sequence[tuple[Item, Stay]]) -> Scored:
    """Score sets as they stand, with nothing that is known of their patients."""
    stays, rows = rows_of(placed)
    blank = np.zeros((SLOTS, len(stays)), dtype=np.bool_)
    return _scored(stays, rows, Known(blank.astype(np.int16), blank.astype(np.int64), blank), [None] * len(stays))


def _scored(stays: list[Stay], rows: list[Row], before: Known, glucose: Sequence[dict[str, Any] | None]) -> Scored:
    rows.sort(key=lambda row: (row.stay, row.taken_us, row.key))
    plans = [stays[row.stay].plan_at(row.one.taken_at) for row in rows]
    sets = _as_sets(rows, stays, plans)
    prescribed = np.array([plan.oxygen_hundredths for plan in plans], dtype=np.int32)
    composed = compose(sets, before, prescribed > 0)
    measures = sets.known[:ASSESSED].any(axis=0)  # a set of weight alone has no score
    vitals = VitalArrays(composed.vitals.values, composed.vitals.known & measures)
    on_scale_2 = np.array([plan.scale == 2 for plan in plans], dtype=np.bool_)
    news2 = score_arrays(vitals, on_scale_2, composed.oxygen_assumed)
    not_scored = [stays[row.stay].not_scored_at(row.one.taken_at) for row in rows]
    scorable = np.array([reason is None for reason in not_scored], dtype=np.bool_) & measures
    watched = np.array([not plan.comfort for plan in plans], dtype=np.bool_)
    facts = _facts(
        rows, stays, plans, vitals, news2, scorable, watched, on_scale_2, prescribed, composed, sets, glucose
    )
    verdicts = judge(facts)
    keys = [row.key for row in rows]
    points = _points(news2, vitals.known, scorable & watched)
    return Scored(
        stays=stays,
        rows=rows,
        plans=plans,
        counts=_counts(rows, sets),
        sets=sets,
        composed=composed,
        news2=news2,
        facts=facts,
        verdicts=verdicts,
        severity=verdicts.severity.tolist(),
        points=points,
        uses=_uses(composed, vitals.known, keys, stays, sets.stay),
        newest_row=newest(sets, before, keys, [[stay.sets[slot] for stay in stays] for slot in range(SLOTS)]),
    )


def _counts(rows: Sequence[Row], sets: Sets) -> list[bool]:
    """A neighbour's score counts where a new set stands before it, within reach: only there all that it needs is read.

    Of the sets before the late one only the values count; what they themselves were carried from is not here.
    """
    is_new = np.array([row.item is not None for row in rows], dtype=np.bool_)
    last_new = np.maximum.accumulate(np.where(is_new, np.arange(len(rows)), -1))
    before = np.maximum(last_new, 0)
    same_stay = (last_new >= 0) & (sets.stay[before] == sets.stay)
    counts: list[bool] = (is_new | (same_stay & (sets.taken_us - sets.taken_us[before] <= REACH_US))).tolist()
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


def _facts(  # noqa: PLR0913 - what is gathered here is what the rules look at
    rows: Sequence[Row],
    stays: Sequence[Stay],
    plans: Sequence[PlanInForce],
    vitals: VitalArrays,
    news2: ScoreArrays,
    scorable: NDArray[np.bool_],
    watched: NDArray[np.bool_],
    on_scale_2: NDArray[np.bool_],
    prescribed: NDArray[np.int32],
    composed: Composed,
    sets: Sets,
    glucose: Sequence[dict[str, Any] | None],
) -> Facts:
    limited = np.zeros((len(LIMITED), len(rows)), dtype=np.int32)
    known = np.zeros((len(LIMITED), len(rows)), dtype=np.bool_)
    for vital, parameter in CARRIED.items():
        limited[LIMITED.index(vital)] = vitals.values[parameter]
        known[LIMITED.index(vital)] = vitals.known[parameter]
    for vital in ("diastolic", "weight", "glucose", "peak_flow"):
        measured = [getattr(row.one, vital) for row in rows]
        known[LIMITED.index(vital)] = [value is not None for value in measured]
        limited[LIMITED.index(vital)] = [
            0 if value is None else in_whole_units(value, DECIMALS.get(vital, 0)) for value in measured
        ]
    scale_1 = (
        np.array(
            [(path.red_low, path.amber_low) for row in rows if (path := stays[row.stay].ward.pathway.spo2)],
            dtype=np.int32,
        )
        .reshape(-1, 2)
        .T
    )
    on_oxygen = vitals.known[OXYGEN] & (vitals.values[OXYGEN] == 1)
    default = default_spo2(scale_1, on_scale_2, on_oxygen)
    default[:LOW, ~scorable], default[LOW:, ~scorable] = NO_LOW, NO_HIGH  # an adult's; the plan's own lines do apply
    lines = table([plan.lines for plan in plans], default)
    flow = [row.one.oxygen_flow_hundredths for row in rows]
    return Facts(
        vitals=vitals,
        news2=news2,
        scorable=scorable,
        watched=watched,
        on_scale_2=on_scale_2,
        limited=limited,
        limited_known=known,
        lines=lines,
        oxygen_flow=np.array([UNKNOWN_FLOW if one is None else one for one in flow], dtype=np.int32),
        oxygen_prescribed=prescribed,
        oxygen_assumed=composed.oxygen_assumed,
        wellness=np.array([WELLNESS[row.one.wellness or ""] for row in rows], dtype=np.int8),
        glucose_lately=_glucose_lately(sets, glucose, np.where(known[GLUCOSE], limited[GLUCOSE], NOT_LOW)),
        consciousness_now=np.where(composed.vitals.known[CONSCIOUSNESS], composed.vitals.values[CONSCIOUSNESS], 0),
    )


def _glucose_lately(
    sets: Sets, before: Sequence[dict[str, Any] | None], tenths: NDArray[np.int32]
) -> NDArray[np.int32]:
    """`before`: the newest that is known of each stay."""
    values = [NOT_LOW if one is None else in_whole_units(one["value"], DECIMALS["glucose"]) for one in before]
    taken_us = [LONG_AGO_US if one is None else one["at_us"] for one in before]
    return glucose_lately(sets, tenths, np.array(values, dtype=np.int32), np.array(taken_us, dtype=np.int64))


GLUCOSE: Final = LIMITED.index("glucose")

CARRIED: Final = {
    "respiratory_rate": RESPIRATORY_RATE,
    "spo2": SPO2,
    "systolic": SYSTOLIC,
    "pulse": PULSE,
    "temperature": TEMPERATURE,
}
"""The limited vitals that are composed; the others count only in the set that measured them."""

WELLNESS: Final = {"": Wellness.UNANSWERED} | {
    answer.name.lower().replace("_", " "): answer for answer in Wellness if answer is not Wellness.UNANSWERED
}


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
