"""A batch's rows, and what was decided for their patients, as arrays."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.accepted import Side, accepted_values
from alert_rules.compose import LONG_AGO_US, Known, Sets
from alert_rules.facts import UNCARRIED, Measured
from alert_rules.kinds import SOFT_SIGNS
from alert_rules.limits import DECIMALS
from alert_rules.severity import NOT_LOW, UNKNOWN_FLOW, Wellness
from alert_rules.soft_signs import bits, lately
from devices.reading import in_whole_units
from workers.drain.neighbours import Row
from workers.drain.stays import PlanInForce, Stay
from workers.drain.versions import Versions
from workers.drain.windows import age_limits_us

WELLNESS: Final = {"": Wellness.UNANSWERED} | {
    answer.name.lower().replace("_", " "): answer for answer in Wellness if answer is not Wellness.UNANSWERED
}


def measured_of(  # noqa: PLR0913 - what a batch is made of
    rows: Sequence[Row],
    stays: Sequence[Stay],
    plans: Sequence[PlanInForce],
    versions: Versions,
    sets: Sets,
    before: Known,
    also: Sequence[Mapping[str, Any]],
    accepted: Mapping[Side, NDArray[np.int32]],
) -> Measured:
    """What the rules judge, of each row of a batch. `also`: the newest that is known of each stay, of what is rare."""
    glucose = [one.get("glucose") for one in also]
    not_scored = [stays[row.stay].not_scored_at(row.one.taken_at) for row in rows]
    spo2 = np.array([(one.spo2.red_low, one.spo2.amber_low) for one in versions.each], dtype=np.int32).reshape(-1, 2)
    flow = [row.one.oxygen_flow_hundredths for row in rows]
    glucose_values = [NOT_LOW if one is None else _units("glucose", one["value"]) for one in glucose]
    return Measured(
        sets=sets,
        before=before,
        uncarried={vital: _uncarried(rows, vital) for vital in UNCARRIED},
        oxygen_flow=np.array([UNKNOWN_FLOW if one is None else one for one in flow], dtype=np.int32),
        wellness=np.array([WELLNESS[row.one.wellness or ""] for row in rows], dtype=np.int8),
        adult=np.array([reason is None for reason in not_scored], dtype=np.bool_),
        watched=np.array([not plan.comfort for plan in plans], dtype=np.bool_),
        on_scale_2=np.array([plan.scale == 2 for plan in plans], dtype=np.bool_),
        prescribed=np.array([plan.oxygen_hundredths for plan in plans], dtype=np.int32),
        scale_1=spo2[versions.of_row].T,
        glucose_before=np.array(glucose_values, dtype=np.int32),
        glucose_before_us=np.array([LONG_AGO_US if one is None else one["at_us"] for one in glucose], dtype=np.int64),
        own_lines=[plan.lines for plan in plans],
        usual_lines=[(one.limits, versions.of_row == place) for place, one in enumerate(versions.each)],
        age_limit_us=age_limits_us(versions),
        soft_signs=_soft_signs(sets, also),
        accepted=accepted,
    )


def accepted_of(rows: Sequence[Row], stays: Sequence[Stay]) -> dict[Side, NDArray[np.int32]]:
    """What was accepted of each row's patient when it was taken; nothing is done where nobody has anything."""
    if not any(stay.accepted for stay in stays):
        return {}
    return accepted_values([stays[row.stay].accepted_at(row.one.taken_at) for row in rows])


def _soft_signs(sets: Sets, also: Sequence[Mapping[str, Any]]) -> NDArray[np.int32]:
    """(n,) those that stand beside each set."""
    told = [one.get(SOFT_SIGNS) for one in also]
    signs = np.array([0 if one is None else bits(one["value"]) for one in told], dtype=np.int32)
    at_us = np.array([LONG_AGO_US if one is None else one["at_us"] for one in told], dtype=np.int64)
    return lately(sets.taken_us, signs[sets.stay], at_us[sets.stay])


def _uncarried(rows: Sequence[Row], vital: str) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    values = [getattr(row.one, vital) for row in rows]
    known = np.array([value is not None for value in values], dtype=np.bool_)
    return np.array([0 if value is None else _units(vital, value) for value in values], dtype=np.int32), known


def _units(vital: str, value: float) -> int:
    return in_whole_units(value, DECIMALS.get(vital, 0))
