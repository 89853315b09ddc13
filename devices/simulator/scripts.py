"""What may happen to a patient, as data: how far each vital sign moves from its usual value, hour by hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final


@dataclass(frozen=True, slots=True)
class Script:
    """A course of events. Values between two of its hours lie on a line; after the last they stay.

    `felt` is how much worse the patient feels, 0 (as usual) to 3 (very ill); below 0 is better. Diastolic
    follows systolic pressure by itself. `oxygen_flow` only changes for those who have oxygen at home.
    """

    about: str
    hours: tuple[float, ...]  # since it began
    offsets: Mapping[str, tuple[float, ...]]  # by vital sign, in its unit, one for each of `hours`
    consciousness: tuple[tuple[float, str], ...] = ()  # from which hour on, which ACVPU letter
    silent_h: tuple[float, float] = (inf, inf)  # nobody takes a set from the one hour to the other


# fmt: off
SCRIPTS: Final[Mapping[str, Script]] = {
    "sepsis": Script(
        "An infection that gets into the blood: NEWS2 from about 1 to 7 and more within 24 hours",
        hours=(0, 6, 12, 18, 24), offsets={
            "temperature":      (0,  0.9,  1.8,  2.3,  2.5),
            "pulse":            (0,   10,   25,   38,   46),
            "respiratory_rate": (0,    2,    6,    9,   11),
            "systolic":         (0,   -3,  -14,  -30,  -44),
            "spo2":             (0, -0.5,   -2, -3.5,   -5),
            "felt":             (0,  1.0,  1.9,  2.6,  3.0),
        }, consciousness=((20, "C"), (34, "V"))),
    "sepsis_without_fever": Script(
        "The same in the very old: hardly a temperature, then a low one; confusion comes first",
        hours=(0, 8, 16, 24, 32), offsets={
            "temperature":      (0,  0.2, -0.3, -0.8, -1.1),
            "pulse":            (0,    6,   18,   30,   40),
            "respiratory_rate": (0,    2,    5,    8,   10),
            "systolic":         (0,   -6,  -18,  -32,  -44),
            "spo2":             (0, -0.5, -1.5,   -3, -4.5),
            "felt":             (0,  0.6,  1.2,  1.8,  2.2),
        }, consciousness=((10, "C"),)),
    "neutropenic_sepsis": Script(
        "Fever after chemotherapy: hours, not days",
        hours=(0, 3, 6, 9, 12), offsets={
            "temperature":      (0,  0.8,  1.7,  2.3,  2.6),
            "pulse":            (0,   10,   25,   38,   48),
            "respiratory_rate": (0,    1,    4,    7,    9),
            "systolic":         (0,   -2,  -12,  -30,  -46),
            "spo2":             (0,    0,   -1, -2.5,   -4),
            "felt":             (0,  0.8,  1.6,  2.3,  2.8),
        }),
    "pneumonia_that_responds": Script(
        "Worse for a day, treated, and well again by the fifth",
        hours=(0, 12, 24, 36, 60, 96, 120), offsets={
            "temperature":      (0,  1.0,  1.7,  1.4,  0.6,  0.1,  0),
            "pulse":            (0,   10,   22,   18,    8,    2,  0),
            "respiratory_rate": (0,    3,    6,    5,    3,    1,  0),
            "systolic":         (0,   -2,   -8,   -6,   -2,    0,  0),
            "spo2":             (0, -1.0, -2.5, -2.0, -1.0, -0.3,  0),
            "felt":             (0,  0.9,  1.9,  1.3,  0.2, -0.8, -0.8),
        }),
    "copd_exacerbation": Script(
        "More breathless over two days; those with oxygen at home turn it up themselves",
        hours=(0, 12, 24, 36, 48), offsets={
            "respiratory_rate": (0,    2,    4,    6,    8),
            "spo2":             (0, -1.0, -2.5, -4.5, -6.5),
            "oxygen_flow":      (0,    0,    0,    1,    1),
            "pulse":            (0,    5,   11,   18,   24),
            "temperature":      (0,  0.2,  0.5,  0.7,  0.8),
            "peak_flow":        (0,  -20,  -50,  -80, -100),
            "felt":             (0,  0.6,  1.3,  2.0,  2.6),
        }),
    "heart_failure_decompensation": Script(
        "Fluid: weight first, breath days later",
        hours=(0, 24, 48, 72, 96, 120), offsets={
            "weight":           (0,  0.7,  1.7,  2.7,  3.6,  4.2),
            "respiratory_rate": (0,    0,    1,    3,    6,    8),
            "spo2":             (0,    0, -0.5, -1.5,   -3, -4.5),
            "pulse":            (0,    2,    5,   10,   17,   24),
            "systolic":         (0,    0,   -2,   -5,   -9,  -14),
            "felt":             (0,  0.1,  0.4,  1.0,  1.8,  2.4),
        }),
    "diuresis": Script(
        "The other way: three kilograms of fluid in a week, and an easier breath",
        hours=(0, 24, 72, 120, 168), offsets={
            "weight":           (0, -0.7, -1.9, -2.6, -3.0),
            "respiratory_rate": (0,    0, -0.5, -1.0, -1.5),
            "spo2":             (0,    0,  0.3,  0.6,  0.8),
            "pulse":            (0,   -1,   -3,   -5,   -6),
            "felt":             (0, -0.2, -0.6, -0.9, -1.0),
        }),
    "silent_hypoxia": Script(
        "Saturation falls and nobody notices: no pulse, no breathlessness, feels as usual",
        hours=(0, 8, 16, 24), offsets={
            "spo2":             (0,   -3,   -7,  -11),
            "respiratory_rate": (0,    0,    1,    2),
        }),
    "new_confusion": Script(
        "Delirium with hardly a change of vital signs: only a carer can tell",
        hours=(0, 12, 24), offsets={
            "pulse":            (0,    5,    8),
            "temperature":      (0,  0.3,  0.5),
            "felt":             (0,  0.4,  0.8),
        }, consciousness=((8, "C"),)),
    "dehydration": Script(
        "Too little to drink for two days",
        hours=(0, 12, 24, 36, 48), offsets={
            "systolic":         (0,   -5,  -12,  -20,  -28),
            "pulse":            (0,    5,   11,   17,   22),
            "weight":           (0, -0.4, -0.9, -1.4, -1.8),
            "temperature":      (0,  0.1,  0.2,  0.3,  0.4),
            "felt":             (0,  0.4,  0.9,  1.3,  1.6),
        }),
    "falls_off_the_map": Script(
        "From one hour to the next nothing comes any more, and nothing said why",
        hours=(0,), offsets={}, silent_h=(0, inf)),
    "away_for_a_day": Script(
        "Nothing for 26 hours, then as before",
        hours=(0,), offsets={}, silent_h=(0, 26)),
}
# fmt: on
