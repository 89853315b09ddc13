"""Examples as the rules see them: arrays of facts, as the drain makes them of composed sets."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alert_rules.kinds import PathwayRule
from alert_rules.limits import DECIMALS, LIMITED, default_spo2, table
from alert_rules.news2_arrays import score_arrays
from alert_rules.pathway import pathways
from alert_rules.severity import NOT_LOW, UNKNOWN_FLOW, Facts, Rule, Severity, Verdicts, Wellness, judge
from alert_rules.vitals import CONSCIOUSNESS, OXYGEN, VitalArrays
from tests.spec.severity import Given, units

GLUCOSE = LIMITED.index("glucose")


def facts_of(examples: Sequence[Given]) -> Facts:
    """What is known of each example, a column each."""
    prescribed = np.array([units(one.prescribed, 2) or 0 for one in examples], np.int32)
    assumed = np.array([one.oxygen == "-" and one.prescribed != "-" for one in examples], np.bool_)
    sets = [
        replace(one.vitals(), on_oxygen=True) if to else one.vitals() for one, to in zip(examples, assumed, strict=True)
    ]
    vitals = VitalArrays.of(sets)
    on_scale_2 = np.array([one.scale == 2 for one in examples], np.bool_)
    scorable = np.array([one.scored for one in examples], np.bool_)
    limited, limited_known = _limited(examples)
    limited_known[LIMITED.index("spo2")] &= scorable | np.array(["spo2" in one.limits for one in examples], np.bool_)
    return Facts(
        vitals=vitals,
        news2=score_arrays(vitals, on_scale_2, assumed),
        scorable=scorable,
        adult=scorable,
        watched=~np.array([one.comfort for one in examples], np.bool_),
        on_scale_2=on_scale_2,
        limited=limited,
        limited_known=limited_known,
        lines=_lines(examples, on_scale_2, vitals.known[OXYGEN] & (vitals.values[OXYGEN] == 1)),
        oxygen_flow=np.array([_flow(one) for one in examples], np.int32),
        oxygen_prescribed=prescribed,
        oxygen_assumed=assumed,
        wellness=np.array([_wellness(one.wellness) for one in examples], np.int8),
        glucose_lately=np.where(limited_known[GLUCOSE], limited[GLUCOSE], NOT_LOW),
        consciousness_now=np.where(vitals.known[CONSCIOUSNESS], vitals.values[CONSCIOUSNESS], 0),
    )


def judged(*examples: Given) -> tuple[Facts, Verdicts]:
    """The facts of some examples and what the rules say of them."""
    facts = facts_of(examples)
    return facts, judge(facts)


def severity_of(one: Given) -> Severity:
    """How bad an example is."""
    return Severity(int(judged(one)[1].severity[0]))


def rules_of(one: Given) -> list[Rule | PathwayRule]:
    """Every rule that fires on an example."""
    return judged(one)[1].rules(0)


def _limited(examples: Sequence[Given]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    measured = [[units(getattr(one, vital), DECIMALS.get(vital, 0)) for one in examples] for vital in LIMITED]
    values = np.array([[value or 0 for value in row] for row in measured], np.int32)
    known = np.array([[value is not None for value in row] for row in measured], np.bool_)
    shape = (len(LIMITED), len(examples))
    return values.reshape(shape), known.reshape(shape)


def _lines(examples: Sequence[Given], on_scale_2: NDArray[np.bool_], on_oxygen: NDArray[np.bool_]) -> NDArray[np.int32]:
    spo2 = [pathways()[one.pathway].spo2 for one in examples]
    scale_1 = np.array([[one.red_low for one in spo2], [one.amber_low for one in spo2]], np.int32)
    return table([one.limits for one in examples], default_spo2(scale_1, on_scale_2, on_oxygen))


def _flow(one: Given) -> int:
    if one.oxygen == "air":
        return 0
    flow = one.flow_hundredths()
    return UNKNOWN_FLOW if flow is None else flow


def _wellness(answer: str) -> Wellness:
    return Wellness.UNANSWERED if answer == "-" else Wellness[answer.upper().replace(" ", "_")]
