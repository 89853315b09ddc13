"""What is known of a patient at each set: the set itself, and earlier values that are still fresh.

Home devices post one or two vitals at a time, so most scores are made of several sets. An earlier value counts up to
its age limit and never past a newer one of its kind. All sets of a batch are composed at once.

Source: docs/clinical/policy.md, *Values that are carried forward*; the limits are the design's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.severity import NOT_LOW
from alert_rules.vitals import CONSCIOUSNESS, OXYGEN, PARAMETERS, VitalArrays

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US

ASSESSED: Final = len(PARAMETERS)
"""An eighth slot beside the seven: consciousness as somebody else saw it, or anything but the patient's own "alert"."""
SLOTS: Final = ASSESSED + 1
LONG_AGO_US: Final = -(1 << 62)

AGE_LIMIT_US: Final = np.full(SLOTS, HOUR_US, dtype=np.int64)
AGE_LIMIT_US[[CONSCIOUSNESS, ASSESSED]] = 15 * MINUTE_US
AGE_LIMIT_US[OXYGEN] = 24 * HOUR_US  # a state rather than a measurement

OWN_WORD_US: Final = 24 * HOUR_US
"""A patient's own "alert" does not lift a confusion that somebody saw within this time."""

GLUCOSE_LIMIT_US: Final = HOUR_US
"""Glucose scores nothing, and counts so long beside consciousness."""

REACH_US: Final = max(int(AGE_LIMIT_US.max()), OWN_WORD_US)
"""No set further away than this changes a score."""


@dataclass(frozen=True, slots=True)
class Sets:
    """One set or more, in order of stay, then of time, then of id; `stay` is the place of a stay in `Known`."""

    stay: NDArray[np.intp]  # (n,)
    taken_us: NDArray[np.int64]  # (n,) microseconds since 1970
    values: NDArray[np.int16]  # (SLOTS, n)
    known: NDArray[np.bool_]  # (SLOTS, n)
    late: NDArray[np.bool_]  # (n,) older than what was known of the stay: only neighbours count, not `before`


@dataclass(frozen=True, slots=True)
class Known:
    """The newest value of each slot, per stay, before these sets."""

    values: NDArray[np.int16]  # (SLOTS, stays)
    taken_us: NDArray[np.int64]  # (SLOTS, stays)
    known: NDArray[np.bool_]  # (SLOTS, stays)


@dataclass(frozen=True, slots=True)
class Composed:
    """The vitals that each set is scored with, and where each value came from."""

    vitals: VitalArrays
    origin: NDArray[np.intp]  # (7, n) the row it was measured in, -1 where it was known before these sets
    oxygen_assumed: NDArray[np.bool_]  # (n,)
    held: NDArray[np.bool_]  # (n,) consciousness is that of ASSESSED: the patient's own "alert" counts for nothing


def slots(vitals: VitalArrays, own_word: NDArray[np.bool_]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """The seven parameters and ASSESSED beside them. `own_word`: the patient answered for themselves."""
    own_alert = own_word & (vitals.values[CONSCIOUSNESS] == 0)
    values = np.vstack([vitals.values, vitals.values[CONSCIOUSNESS]])
    known = np.vstack([vitals.known, vitals.known[CONSCIOUSNESS] & ~own_alert])
    return values, known


def compose(
    sets: Sets,
    before: Known,
    oxygen_prescribed: NDArray[np.bool_],
    age_limit_us: NDArray[np.int64] = AGE_LIMIT_US[:, None],
) -> Composed:
    """Carry what is fresh into each set. `oxygen_prescribed` (n,): then silence is never taken for air.

    `age_limit_us`: (SLOTS, n) or (SLOTS, 1).
    """
    origin = _newest_so_far(sets)
    here = origin >= 0
    row = np.maximum(origin, 0)
    values = np.take_along_axis(sets.values, row, axis=1)
    taken = np.where(here, sets.taken_us[row], np.iinfo(np.int64).min)
    earlier = before.known[:, sets.stay] & ~sets.late & (before.taken_us[:, sets.stay] > taken)
    values = np.where(earlier, before.values[:, sets.stay], values)
    taken = np.where(earlier, before.taken_us[:, sets.stay], taken)
    origin = np.where(earlier, -1, origin)
    age = sets.taken_us - np.where(here | earlier, taken, 0)
    known = (here | earlier) & (age <= age_limit_us)

    held = _hold_confusion(values, known, origin, (here | earlier)[ASSESSED] & (age[ASSESSED] <= OWN_WORD_US))
    assumed = oxygen_prescribed & ~sets.known[OXYGEN] & ~(known[OXYGEN] & (values[OXYGEN] == 1))
    values[OXYGEN][assumed] = 1
    known[OXYGEN] |= assumed
    return Composed(VitalArrays(values[:ASSESSED], known[:ASSESSED]), origin[:ASSESSED], assumed, held)


def glucose_lately(
    sets: Sets, tenths: NDArray[np.int32], before: NDArray[np.int32], before_us: NDArray[np.int64]
) -> NDArray[np.int32]:
    """(n,) the newest glucose up to each set, while it is fresh; NOT_LOW is none.

    `tenths` (n,): as measured in each set; `before` and `before_us` (stays,): the newest before these sets.
    """
    row = _last_so_far(sets, tenths != NOT_LOW)
    taken = np.where(row >= 0, sets.taken_us[row], LONG_AGO_US)
    earlier = ~sets.late & (before_us[sets.stay] > taken)
    value = np.where(earlier, before[sets.stay], tenths[row])
    is_fresh = sets.taken_us - np.where(earlier, before_us[sets.stay], taken) <= GLUCOSE_LIMIT_US
    return np.where(is_fresh, value, NOT_LOW).astype(np.int32)


def newest(
    sets: Sets, before: Known, ids: Sequence[str], before_ids: Sequence[Sequence[str | None]]
) -> NDArray[np.intp]:
    """Per slot and stay, the row that is now the newest: (SLOTS, stays), -1 where what was known before still is.

    `ids` name the rows and `before_ids[slot][stay]` what was known: they decide between values of one instant.
    """
    stays = np.arange(before.values.shape[1])
    last_row = np.searchsorted(sets.stay, stays, side="right") - 1
    row = np.where(sets.stay[last_row] == stays, _newest_so_far(sets)[:, last_row], -1)  # another's, where it has none
    at = sets.taken_us[np.maximum(row, 0)]
    wins = (row >= 0) & (~before.known | (at > before.taken_us))
    tied = (row >= 0) & before.known & (at == before.taken_us)
    for slot, stay in np.argwhere(tied).tolist():
        known_id = before_ids[slot][stay]
        wins[slot, stay] = known_id is None or ids[row[slot, stay]] > known_id
    return np.where(wins, row, -1)


def _newest_so_far(sets: Sets) -> NDArray[np.intp]:
    """(SLOTS, n): the last row up to each, of the same stay, in which the slot was measured; -1 for none."""
    return _last_so_far(sets, sets.known)


def _last_so_far(sets: Sets, measured: NDArray[np.bool_]) -> NDArray[np.intp]:
    rows = np.arange(len(sets.stay))
    first_of_stay = np.searchsorted(sets.stay, sets.stay, side="left")
    seen = np.maximum.accumulate(np.where(measured, rows, -1), axis=-1)
    return np.where(seen >= first_of_stay, seen, -1)


def _hold_confusion(
    values: NDArray[np.int16],
    known: NDArray[np.bool_],
    origin: NDArray[np.intp],
    assessed_lately: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Where somebody saw confusion or worse lately, the patient's own "alert" counts for nothing."""
    own_alert = known[CONSCIOUSNESS] & (values[CONSCIOUSNESS] == 0)  # anybody else's would be the newest ASSESSED
    held: NDArray[np.bool_] = own_alert & assessed_lately & (values[ASSESSED] > 0)
    for slotwise in (values, origin, known):
        np.copyto(slotwise[CONSCIOUSNESS], slotwise[ASSESSED], where=held)
    return held
