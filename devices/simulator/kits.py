"""What the instruments in the homes show: steps, errors, what is left out, cold fingers and the stairs."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.simulator.bodies import MEASURED, Dice, Floats, local_hour
from devices.simulator.patients import Patient

Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]

# Shares of sets, all of them the design's own.
_LEFT_OUT: Final = 0.03  # an instrument
_COLD_FINGERS: Final = 0.025  # SpO2 reads too low
_COLD_FINGERS_NOTICED: Final = 0.8  # by the oximeter itself
_WEAK_SIGNAL: Final = 0.02  # low quality, though the value is right
_AFTER_STAIRS: Final = 0.03

# fmt: off
_SHOWN: Final = (  # what an instrument can show at all, and what the stairs add
    # vital            lowest highest stairs
    ("respiratory_rate",   4,   60,   4),
    ("spo2",              50,  100,   0),
    ("systolic",          50,  260,  12),
    ("diastolic",         30,  160,   4),
    ("pulse",             28,  220,  15),
    ("temperature",     32.0, 42.5,   0),
    ("weight",            30,  250,   0),
    ("glucose",          1.1, 33.3,   0),
    ("peak_flow",         60,  800,   0),
)
# fmt: on
_LOWEST, _HIGHEST, _STAIRS = np.array([row[1:] for row in _SHOWN]).T
_COLD_FINGERS_LOW_BY: Final = (2, 7)  # %
_SPO2, _SYSTOLIC, _DIASTOLIC, _PULSE, _WEIGHT, _PEAK_FLOW = map(
    MEASURED.index, ("spo2", "systolic", "diastolic", "pulse", "weight", "peak_flow")
)
_WEIGHED_H: Final = (5, 11)  # before breakfast
_PEAK_FLOW_NOT_H: Final = (11, 18)  # morning and evening


class Shown(NamedTuple):
    """What was read off: a row per set, a column for each of MEASURED. A value not `taken` means nothing."""

    values: Floats
    taken: Bools
    low_quality: Bools  # one per set


class Kits:
    """The instruments of a list of patients."""

    def __init__(self, patients: Sequence[Patient], dice: Dice) -> None:
        self._dice = dice
        kits = [[patient.kit.get(vital) for vital in MEASURED] for patient in patients]
        self._has = np.array([[instrument is not None for instrument in kit] for kit in kits])
        self._step = np.array([[instrument.step if instrument else 1 for instrument in kit] for kit in kits])
        self._error = np.array([[instrument.error if instrument else 0 for instrument in kit] for kit in kits])

    def read(self, rows: Rows, seconds: Floats, true: Floats) -> Shown:
        """Read the instruments of the patients in `rows`; `seconds` and `true` are of all patients.

        Everyone's dice are thrown, so that a set not taken leaves the later ones as they would have been.
        """
        error = self._dice.normal(len(MEASURED))[rows] * self._error[rows]
        chance = self._dice.uniform(len(MEASURED) + 5)[rows]
        cold, noticed, how_cold, weak, stairs = chance[:, len(MEASURED) :].T
        values = true[rows, : len(MEASURED)] + error
        low, high = _COLD_FINGERS_LOW_BY
        values[:, _SPO2] -= np.where(cold < _COLD_FINGERS, low + how_cold * (high - low), 0)
        values += np.where(stairs < _AFTER_STAIRS, 1, 0)[:, np.newaxis] * _STAIRS
        values = np.clip(values, _LOWEST, _HIGHEST)
        step = self._step[rows]
        return Shown(
            values=np.round(np.rint(values / step) * step, 2),
            taken=self._has[rows] & ~_left_out(chance, local_hour(seconds[rows])),
            low_quality=((cold < _COLD_FINGERS) & (noticed < _COLD_FINGERS_NOTICED)) | (weak < _WEAK_SIGNAL),
        )


def _left_out(chance: Floats, hour: Floats) -> Bools:
    left_out = chance[:, : len(MEASURED)] < _LEFT_OUT
    left_out[:, _DIASTOLIC] = left_out[:, _SYSTOLIC]  # one cuff
    left_out[:, _PULSE] = left_out[:, _SPO2] & left_out[:, _SYSTOLIC]  # either gives it
    left_out[:, _WEIGHT] |= (hour < _WEIGHED_H[0]) | (hour >= _WEIGHED_H[1])
    left_out[:, _PEAK_FLOW] |= (hour >= _PEAK_FLOW_NOT_H[0]) & (hour < _PEAK_FLOW_NOT_H[1])
    return left_out
