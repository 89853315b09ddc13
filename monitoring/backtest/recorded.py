"""Recorded readings in order of patient and time, as the rules take them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.accepted import ACCEPTED_FOR_MAX, Side
from alert_rules.compose import Sets, slots
from alert_rules.facts import UNCARRIED
from alert_rules.limits import NO_HIGH, NO_LOW
from alert_rules.severity import UNKNOWN_FLOW
from alert_rules.vitals import OXYGEN, PARAMETERS, VitalArrays
from monitoring.backtest.columns import EMPTY
from monitoring.backtest.reading import ACCEPTED, STAFF, LeftOut, Part

Flags = NDArray[np.bool_]

LOW, TEST = 1, 2
"""Places among the qualities."""
IN_HOSPITAL_HUNDREDTHS: Final = 10_000
"""Prescribed to whoever is given oxygen in a hospital: more than can be measured, so that no flow is above it."""

_ACCEPTED_FOR_US: Final = ACCEPTED_FOR_MAX // timedelta(microseconds=1)

MEASURES: Final = (*(name for name in PARAMETERS if name != "oxygen"), "on_oxygen", "oxygen_flow", *UNCARRIED)
FIELDS: Final = (
    *MEASURES, "wellness", "assessed_by", "quality", "spo2_scale", "home_oxygen_l_min",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labels:
    """Labelled deteriorations: of whom, from when, until when it was last seen on."""

    stay: NDArray[np.intp]
    start_us: NDArray[np.int64]
    end_us: NDArray[np.int64]
    begun_before: int  # on from a patient's first row: nothing could have foretold them; they are not among these


@dataclass(frozen=True, slots=True)
class Recorded:
    """All sets of all patients. `stay` numbers the patients in the order of their names."""

    patients: tuple[str, ...]
    first_us: NDArray[np.int64]  # (patients,)
    last_us: NDArray[np.int64]
    labels: Labels | None  # None: nothing says who deteriorated
    sets: Sets
    uncarried: dict[str, tuple[NDArray[np.int32], Flags]]
    oxygen_flow: NDArray[np.int32]
    wellness: NDArray[np.int8]
    poor: Flags
    low: Flags  # of low quality: asked for again before anything is raised
    on_scale_2: Flags
    prescribed: NDArray[np.int32]
    in_hospital: bool
    accepted: dict[Side, NDArray[np.int32]]  # as `Facts` has it

    def of(self, stays: slice) -> "Recorded":
        """Some patients, numbered anew from nought; without labels."""
        start, stop = np.searchsorted(self.sets.stay, [stays.start, stays.stop]).tolist()
        rows = slice(start, stop)
        sets = self.sets
        return replace(
            self,
            patients=self.patients[stays],
            first_us=self.first_us[stays],
            last_us=self.last_us[stays],
            labels=None,
            sets=Sets(
                sets.stay[rows] - stays.start,
                sets.taken_us[rows],
                sets.values[:, rows],
                sets.known[:, rows],
                sets.late[rows],
            ),
            uncarried={vital: (values[rows], known[rows]) for vital, (values, known) in self.uncarried.items()},
            oxygen_flow=self.oxygen_flow[rows],
            wellness=self.wellness[rows],
            poor=self.poor[rows],
            low=self.low[rows],
            on_scale_2=self.on_scale_2[rows],
            prescribed=self.prescribed[rows],
            accepted={side: values[rows] for side, values in self.accepted.items()},
        )


def recorded(parts: Sequence[Part], left_out: LeftOut) -> Recorded:
    """Put rows in order. What says the same of one patient and instant twice counts once."""
    patients, stay = _patients(parts)
    taken_us = _joined([part.taken_us for part in parts])
    names = [*FIELDS, *(name for name in ACCEPTED if any(name in part.fields for part in parts))]
    fields = {name: _joined([_field(part, name) for part in parts]) for name in names}
    improbable = np.concatenate([part.improbable for part in parts] or [np.zeros(0, np.bool_)])
    taken = np.concatenate([part.taken for part in parts] or [np.zeros(0, np.bool_)])
    first_us, last_us = _spans(stay, taken_us, len(patients))
    labels = _labels(parts, stay, taken_us, first_us)
    answers = np.logical_or.reduce([fields[name] != EMPTY for name in (*MEASURES, "wellness")])
    is_test = fields["quality"] == TEST
    left_out.empty += int((taken & ~answers).sum())
    left_out.tests += int((taken & answers & is_test).sum())
    order = _order(stay, taken_us, fields, np.flatnonzero(taken & answers & ~is_test), left_out)
    fields = {name: values[order] for name, values in fields.items()}
    in_hospital = any(part.in_hospital for part in parts)
    return Recorded(
        patients=patients,
        first_us=first_us,
        last_us=last_us,
        labels=labels,
        sets=_sets(stay[order], taken_us[order], fields),
        uncarried={name: (_known(fields[name]), fields[name] != EMPTY) for name in UNCARRIED},
        oxygen_flow=np.where(fields["oxygen_flow"] == EMPTY, UNKNOWN_FLOW, fields["oxygen_flow"]).astype(np.int32),
        wellness=_known(fields["wellness"]).astype(np.int8),
        poor=improbable[order] | (fields["quality"] == LOW),
        low=fields["quality"] == LOW,
        on_scale_2=_carried(stay[order], fields["spo2_scale"], 1) == 2,
        prescribed=_prescribed(parts, stay, order, fields, in_hospital=in_hospital),
        in_hospital=in_hospital,
        accepted={
            side: _accepted(stay[order], taken_us[order], fields[name], high=side[1])
            for name, side in ACCEPTED.items()
            if name in fields
        },
    )


def _patients(parts: Sequence[Part]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    names = sorted({name for part in parts for name in part.patients})
    number = {name: place for place, name in enumerate(names)}
    stay = np.fromiter((number[name] for part in parts for name in part.patients), np.intp)
    return tuple(names), stay


def _field(part: Part, name: str) -> NDArray[np.int64]:
    found = part.fields.get(name)
    if found is not None:
        return found
    if name == "assessed_by" and part.in_hospital:
        return np.full(len(part.taken_us), STAFF, np.int64)
    return np.full(len(part.taken_us), EMPTY, np.int64)


def _joined(arrays: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _known(values: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.where(values == EMPTY, 0, values).astype(np.int32)


def _spans(stay: NDArray[np.intp], taken_us: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, last = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(first, stay, taken_us)
    np.maximum.at(last, stay, taken_us)
    return first, last


def _order(
    stay: NDArray[np.intp],
    taken_us: NDArray[np.int64],
    fields: dict[str, NDArray[np.int64]],
    rows: NDArray[np.intp],
    left_out: LeftOut,
) -> NDArray[np.intp]:
    """The rows by patient, then by time, then by what they say: the order of files and lines decides nothing."""
    rows = rows[np.lexsort((taken_us[rows], stay[rows]))]
    same = (np.diff(stay[rows]) == 0) & (np.diff(taken_us[rows]) == 0)
    if not same.any():
        return rows
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    few = rows[tied]
    rows[tied] = few[np.lexsort((*(values[few] for values in fields.values()), taken_us[few], stay[few]))]
    again = (np.diff(stay[rows]) == 0) & (np.diff(taken_us[rows]) == 0)
    for values in fields.values():
        again &= np.diff(values[rows]) == 0
    left_out.repeated += int(again.sum())
    first: NDArray[np.intp] = rows[~np.append(False, again)]
    return first


def _sets(stay: NDArray[np.intp], taken_us: NDArray[np.int64], fields: dict[str, NDArray[np.int64]]) -> Sets:
    values = np.zeros((len(PARAMETERS), len(stay)), np.int16)
    known = np.zeros(values.shape, np.bool_)
    for slot, name in enumerate(PARAMETERS):
        if slot == OXYGEN:
            flow, said = fields["oxygen_flow"], fields["on_oxygen"]
            known[slot] = (flow != EMPTY) | (said != EMPTY)
            values[slot] = np.where(flow != EMPTY, flow > 0, said > 0)
        else:
            known[slot] = fields[name] != EMPTY
            values[slot] = _known(fields[name])
    values *= known
    own_word = fields["assessed_by"] <= 0  # the patient's, also where nothing says whose
    all_values, all_known = slots(VitalArrays(values, known), own_word)
    return Sets(stay, taken_us, all_values, all_known, np.zeros(len(stay), np.bool_))


def _carried(stay: NDArray[np.intp], values: NDArray[np.int64], otherwise: int) -> NDArray[np.int64]:
    """What was decided holds from its row on."""
    rows = np.arange(len(stay))
    newest = np.maximum.accumulate(np.where(values != EMPTY, rows, -1))
    is_own = newest >= np.searchsorted(stay, stay, side="left")
    carried: NDArray[np.int64] = np.where(is_own, values[np.maximum(newest, 0)], otherwise)
    return carried


def _accepted(
    stay: NDArray[np.intp], taken_us: NDArray[np.int64], values: NDArray[np.int64], *, high: bool
) -> NDArray[np.int32]:
    """What was accepted holds from its row on, for as long as it can at most."""
    newest_us = _carried(stay, np.where(values != EMPTY, taken_us, EMPTY), EMPTY)
    nothing = NO_LOW if high else NO_HIGH
    holds = (newest_us != EMPTY) & (taken_us - np.maximum(newest_us, 0) < _ACCEPTED_FOR_US)
    return np.where(holds, _carried(stay, values, 0), nothing).astype(np.int32)


def _prescribed(
    parts: Sequence[Part],
    stay: NDArray[np.intp],
    order: NDArray[np.intp],
    fields: dict[str, NDArray[np.int64]],
    *,
    in_hospital: bool,
) -> NDArray[np.int32]:
    prescribed = _carried(stay[order], fields["home_oxygen_l_min"], 0).astype(np.int32)
    if not in_hospital:
        return prescribed
    of_hospital = np.concatenate([np.full(len(part.taken_us), part.in_hospital) for part in parts])[order]
    given = np.zeros(int(stay.max(initial=-1)) + 1, np.bool_)
    given[stay[order][(fields["on_oxygen"] > 0) & of_hospital]] = True
    return np.where(given[stay[order]], np.int32(IN_HOSPITAL_HUNDREDTHS), prescribed)


def _labels(
    parts: Sequence[Part], stay: NDArray[np.intp], taken_us: NDArray[np.int64], first_us: NDArray[np.int64]
) -> Labels | None:
    if not any("label" in part.fields for part in parts):
        return None
    on = _joined([_field(part, "label") for part in parts])
    rows = np.flatnonzero(on != EMPTY)
    rows = rows[np.lexsort((on[rows], taken_us[rows], stay[rows]))]
    stay, taken_us, on = stay[rows], taken_us[rows], on[rows]
    last_of_instant = np.append((np.diff(stay) != 0) | (np.diff(taken_us) != 0), True)[: len(rows)]
    stay, taken_us, is_on = stay[last_of_instant], taken_us[last_of_instant], on[last_of_instant] > 0
    follows = np.append(False, (np.diff(stay) == 0) & is_on[:-1])[: len(stay)]
    starts = np.flatnonzero(is_on & ~follows)
    goes_on = np.append((np.diff(stay) == 0) & is_on[1:], False)[: len(stay)]
    ends = np.flatnonzero(is_on & ~goes_on)
    foretold = taken_us[starts] > first_us[stay[starts]]
    begun = int((~foretold).sum())
    return Labels(stay[starts][foretold], taken_us[starts][foretold], taken_us[ends][foretold], begun)
