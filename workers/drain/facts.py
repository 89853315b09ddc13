"""A batch's composed sets as the facts that the rules look at."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.compose import LONG_AGO_US, Composed, Sets, glucose_lately
from alert_rules.limits import DECIMALS, LIMITED, LOW, NO_HIGH, NO_LOW, default_spo2, table
from alert_rules.news2_arrays import ScoreArrays
from alert_rules.severity import NOT_LOW, UNKNOWN_FLOW, Facts, Wellness
from alert_rules.vitals import (
    CONSCIOUSNESS,
    OXYGEN,
    PULSE,
    RESPIRATORY_RATE,
    SPO2,
    SYSTOLIC,
    TEMPERATURE,
    VitalArrays,
)
from devices.reading import in_whole_units
from workers.drain.neighbours import Row
from workers.drain.stays import PlanInForce, Stay

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


def facts_of(  # noqa: PLR0913 - what is gathered here is what the rules look at
    rows: Sequence[Row],
    stays: Sequence[Stay],
    plans: Sequence[PlanInForce],
    vitals: VitalArrays,
    news2: ScoreArrays,
    adult: NDArray[np.bool_],
    scorable: NDArray[np.bool_],
    watched: NDArray[np.bool_],
    on_scale_2: NDArray[np.bool_],
    prescribed: NDArray[np.int32],
    composed: Composed,
    sets: Sets,
    glucose: Sequence[dict[str, Any] | None],
) -> Facts:
    """What the rules look at, of each row of a batch. `glucose`: the newest that is known of each stay."""
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
    usual = [
        stays[row.stay].ward.pathway.limits if is_adult else {}
        for row, is_adult in zip(rows, adult.tolist(), strict=True)
    ]
    lines = table([plan.lines for plan in plans], default, usual)
    flow = [row.one.oxygen_flow_hundredths for row in rows]
    return Facts(
        vitals=vitals,
        news2=news2,
        scorable=scorable,
        adult=adult,
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
