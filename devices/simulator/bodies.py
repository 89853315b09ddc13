"""What bodies do: usual values, the day's rhythm, good and bad days, scripts; for all patients at once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from alert_rules.vitals import ACVPU
from devices.simulator.patients import PROFILES, Patient
from devices.simulator.scripts import SCRIPTS

Floats = NDArray[np.float64]

LONDON: Final = ZoneInfo("Europe/London")

# fmt: off
# Rhythm: half the way from the day's lowest to its highest, and the local hour of the highest.
# Wander: AR(1) about the usual value, its sd and the hours after which it has forgotten itself.
# Unwell: what one sd of a bad day does.
_RHYTHM_AND_NOISE: Final = (
    #  vital            rhythm  peak h  wander  hours  unwell
    ("respiratory_rate",   0.4,   15.0,   0.7,    6,    0.40),
    ("spo2",               0.3,   14.0,   0.5,    8,   -0.25),
    ("systolic",           5.0,   15.0,   4.0,    8,   -1.50),
    ("diastolic",          3.0,   14.0,   2.0,    8,   -0.60),
    ("pulse",              3.5,   15.0,   2.5,    5,    2.00),
    ("temperature",       0.27,   17.5,  0.09,   10,    0.06),
    ("weight",             0.0,    0.0,   0.0,  120,    0.00),  # wanders by pathway
    ("glucose",            0.0,    0.0,   1.1,    3,    0.20),
    ("peak_flow",         12.0,   15.0,  12.0,   12,   -6.00),
    ("oxygen_flow",        0.0,    0.0,   0.0,    1,    0.00),
    ("felt",               0.0,    0.0,  0.30,   12,    0.30),
)
# fmt: on
COLUMNS: Final = tuple(row[0] for row in _RHYTHM_AND_NOISE)
"""The columns of every array of vital signs: what is measured, then oxygen given and how one feels."""

MEASURED: Final = COLUMNS[: COLUMNS.index("oxygen_flow")]

_RHYTHM, _PEAK_H, _WANDER, _FORGETS_H, _UNWELL = np.array([row[1:] for row in _RHYTHM_AND_NOISE]).T
_UNWELL_FORGETS_H: Final = 30.0
_DIASTOLIC_SHARE: Final = 0.5  # of what moves systolic pressure
_SYSTOLIC, _DIASTOLIC, _WEIGHT, OXYGEN, FELT = map(
    COLUMNS.index, ("systolic", "diastolic", "weight", "oxygen_flow", "felt")
)

_DAYS: Final = 2
"""Keeps the draws of patients' days apart from those that make patients, which may have the same seed."""


class Dice:
    """A seeded generator for each patient: nobody's story depends on who else is simulated."""

    def __init__(self, patients: Sequence[Patient], seed: int) -> None:
        self._generators = [np.random.default_rng((seed, _DAYS, patient.number)) for patient in patients]

    def normal(self, columns: int) -> Floats:
        """Standard normal, a row per patient."""
        drawn = np.empty((len(self._generators), columns))
        for generator, row in zip(self._generators, drawn, strict=True):
            generator.standard_normal(out=row)
        return drawn

    def uniform(self, columns: int) -> Floats:
        """From 0 up to 1, a row per patient."""
        drawn = np.empty((len(self._generators), columns))
        for generator, row in zip(self._generators, drawn, strict=True):
            generator.random(out=row)
        return drawn


class Bodies:
    """The true vital signs of a list of patients, one instant after another. Time only goes forward."""

    def __init__(self, patients: Sequence[Patient], dice: Dice) -> None:
        self._dice = dice
        self._usual = np.array(
            [
                [{**p.usual, "oxygen_flow": p.home_oxygen_l_min, "felt": 0.0}[vital] for vital in COLUMNS]
                for p in patients
            ]
        )
        self._swing = np.array([[p.home.swing] for p in patients])
        self._wander_sd = np.tile(_WANDER, (len(patients), 1))
        self._wander_sd[:, _WEIGHT] = [PROFILES[patient.pathway].weight_wander_kg for patient in patients]
        self._courses = _courses(patients)
        self._wander = np.zeros_like(self._usual)
        self._unwell = np.zeros((len(patients), 1))
        self._at_s = np.full(len(patients), -np.inf)  # the first step draws from the whole distribution

    def at(self, seconds: Floats) -> Floats:
        """The vital signs at these seconds since 1970, one per patient and never before the last."""
        hours = (seconds - self._at_s)[:, np.newaxis] / 3600
        self._at_s = seconds
        fresh = self._dice.normal(len(COLUMNS) + 1)
        self._wander = _step(self._wander, np.exp(-hours / _FORGETS_H), fresh[:, 1:] * self._wander_sd)
        self._unwell = _step(self._unwell, np.exp(-hours / _UNWELL_FORGETS_H), fresh[:, :1])
        clock = local_hour(seconds)[:, np.newaxis]
        rhythm = _RHYTHM * np.cos((clock - _PEAK_H) * (2 * np.pi / 24)) * self._swing
        moved = self._wander + self._unwell * _UNWELL + self._scripted(seconds)
        moved[:, _DIASTOLIC] += _DIASTOLIC_SHARE * moved[:, _SYSTOLIC]
        moved[:, OXYGEN] *= self._usual[:, OXYGEN] > 0
        now: Floats = self._usual + rhythm + moved
        return now

    def consciousness(self, seconds: Floats) -> NDArray[np.int8]:
        """How conscious each patient truly is, as an index in `ACVPU`."""
        index = np.zeros(len(seconds), dtype=np.int8)
        for name, rows, began in self._courses:
            hours = (seconds[rows] - began) / 3600
            for since_h, letter in SCRIPTS[name].consciousness:
                reached = rows[hours >= since_h]
                index[reached] = np.maximum(index[reached], ACVPU.index(letter))
        return index

    def silent(self, seconds: Floats) -> NDArray[np.bool_]:
        """For whom nobody takes a set now, because the script says so."""
        silent = np.zeros(len(seconds), dtype=np.bool_)
        for name, rows, began in self._courses:
            since, until = SCRIPTS[name].silent_h
            hours = (seconds[rows] - began) / 3600
            silent[rows] |= (since <= hours) & (hours < until)
        return silent

    def _scripted(self, seconds: Floats) -> Floats:
        offsets = np.zeros_like(self._usual)
        for name, rows, began in self._courses:
            script = SCRIPTS[name]
            hours = (seconds[rows] - began) / 3600
            for vital, values in script.offsets.items():
                offsets[rows, COLUMNS.index(vital)] += np.interp(hours, script.hours, values, left=0.0)
        return offsets


def local_hour(seconds: Floats) -> Floats:
    """The hour of the day in London, 0 up to 24, with fractions."""
    hour: Floats = (seconds + utc_offset_s(seconds)) / 3600 % 24
    return hour


def utc_offset_s(seconds: Floats) -> Floats:
    """London's offset from UTC at instants in seconds since 1970. It only changes on the hour."""
    hours, place = np.unique(np.floor(seconds / 3600), return_inverse=True)
    offsets = [datetime.fromtimestamp(hour * 3600, LONDON).utcoffset() for hour in hours.tolist()]
    return np.array([offset.total_seconds() if offset else 0.0 for offset in offsets])[place]


def _step(was: Floats, keeps: Floats, fresh: Floats) -> Floats:
    """One step of AR(1): what is kept of the old, and as much new as leaves the spread what it is."""
    now: Floats = was * keeps + fresh * np.sqrt(1 - keeps**2)
    return now


def _courses(patients: Sequence[Patient]) -> list[tuple[str, NDArray[np.intp], Floats]]:
    """By script: rows and when each began. The same script twice for one patient stands in two entries."""
    entries: dict[tuple[str, int], list[tuple[int, float]]] = defaultdict(list)
    for row, patient in enumerate(patients):
        earlier: dict[str, count[int]] = defaultdict(count)
        for course in patient.courses:
            entries[course.script, next(earlier[course.script])].append((row, course.began_at.timestamp()))
    return [
        (name, np.array([row for row, _ in begun]), np.array([at for _, at in begun]))
        for (name, _), begun in entries.items()
    ]
