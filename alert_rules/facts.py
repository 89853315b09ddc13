"""From what sets measured to what the rules look at: composed, scored, and beside the lines that apply.

The drain comes through here with a batch, the backtest with months: one path, so that what one says the other says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.compose import AGE_LIMIT_US, ASSESSED, Composed, Known, Sets, compose, glucose_lately
from alert_rules.limits import LIMITED, LOW, NO_HIGH, NO_LOW, Drawn, Lines, default_spo2, table
from alert_rules.news2_arrays import score_arrays
from alert_rules.severity import NOT_LOW, Facts
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

Flags = NDArray[np.bool_]

CARRIED: Final = {
    "respiratory_rate": RESPIRATORY_RATE,
    "spo2": SPO2,
    "systolic": SYSTOLIC,
    "pulse": PULSE,
    "temperature": TEMPERATURE,
}
"""The limited vitals that are composed."""
UNCARRIED: Final = tuple(vital for vital in LIMITED if vital not in CARRIED)
"""The limited vitals that count only in the set that measured them."""
GLUCOSE: Final = LIMITED.index("glucose")


@dataclass(frozen=True, slots=True)
class Measured:
    """Sets as they were measured, and what was decided for their patients at the time; what is known `before` them."""

    sets: Sets
    before: Known
    uncarried: Mapping[str, tuple[NDArray[np.int32], Flags]]  # by vital sign of UNCARRIED: values, and where known
    oxygen_flow: NDArray[np.int32]  # hundredths of L/min, UNKNOWN_FLOW where it was not measured
    wellness: NDArray[np.int8]
    adult: Flags  # NEWS2 applies to the patient
    watched: Flags
    on_scale_2: Flags
    prescribed: NDArray[np.int32]  # hundredths of L/min, 0 where none is
    scale_1: NDArray[np.int32]  # (2, n) or (2, 1) the pathways' red and amber low lines of SpO2
    glucose_before: NDArray[np.int32]  # (stays,) tenths, NOT_LOW where none is known
    glucose_before_us: NDArray[np.int64]  # (stays,)
    own_lines: Sequence[Mapping[str, Lines]] = ()  # of each set's plan, or of none
    usual_lines: Sequence[Drawn] = field(default=())  # an adult's, by pathway
    age_limit_us: NDArray[np.int64] = field(default_factory=lambda: AGE_LIMIT_US[:, None])
    accepted: Mapping[tuple[str, bool], NDArray[np.int32]] = field(default_factory=dict)  # as `Facts` has it
    soft_signs: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))  # (n,) or (1,): none


def facts_of(measured: Measured) -> tuple[Composed, Facts]:
    """What the rules look at, of each set."""
    sets, adult, on_scale_2 = measured.sets, measured.adult, measured.on_scale_2
    composed = compose(sets, measured.before, measured.prescribed > 0, measured.age_limit_us)
    measures = sets.known[:ASSESSED].any(axis=0)  # a set of weight alone has no score
    vitals = VitalArrays(composed.vitals.values, composed.vitals.known & measures)
    scorable = adult & measures
    limited, known = _limited(vitals, measured)
    on_oxygen = vitals.known[OXYGEN] & (vitals.values[OXYGEN] == 1)
    default = default_spo2(measured.scale_1, on_scale_2, on_oxygen)
    default[:LOW, ~scorable], default[LOW:, ~scorable] = NO_LOW, NO_HIGH  # an adult's; the plan's own lines do apply
    tenths = np.where(known[GLUCOSE], limited[GLUCOSE], NOT_LOW).astype(np.int32)
    return composed, Facts(
        vitals=vitals,
        news2=score_arrays(vitals, on_scale_2, composed.oxygen_assumed),
        scorable=scorable,
        adult=adult,
        watched=measured.watched,
        on_scale_2=on_scale_2,
        limited=limited,
        limited_known=known,
        lines=table(measured.own_lines, default, [(lines, of & adult) for lines, of in measured.usual_lines]),
        oxygen_flow=measured.oxygen_flow,
        oxygen_prescribed=measured.prescribed,
        oxygen_assumed=composed.oxygen_assumed,
        wellness=measured.wellness,
        glucose_lately=glucose_lately(sets, tenths, measured.glucose_before, measured.glucose_before_us),
        consciousness_now=np.where(composed.vitals.known[CONSCIOUSNESS], composed.vitals.values[CONSCIOUSNESS], 0),
        accepted=measured.accepted,
        soft_signs=measured.soft_signs,
    )


def _limited(vitals: VitalArrays, measured: Measured) -> tuple[NDArray[np.int32], Flags]:
    limited = np.zeros((len(LIMITED), len(vitals)), dtype=np.int32)
    known = np.zeros((len(LIMITED), len(vitals)), dtype=np.bool_)
    for vital, parameter in CARRIED.items():
        limited[LIMITED.index(vital)] = vitals.values[parameter]
        known[LIMITED.index(vital)] = vitals.known[parameter]
    for vital, (values, is_known) in measured.uncarried.items():
        limited[LIMITED.index(vital)] = values
        known[LIMITED.index(vital)] = is_known
    return limited, known
