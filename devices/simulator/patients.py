"""Who is at home: usual vital signs by pathway, the kit each home has, and the habits of the people in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, Self

import numpy as np

from devices.simulator.scripts import SCRIPTS

_COHORT: Final = 1
"""Keeps the draws that make patients apart from those of their days, which may have the same seed."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Values across patients: normal, drawn again where outside `low` to `high`."""

    mean: float
    sd: float
    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """One patient's value."""
        while not self.low <= (value := float(rng.normal(self.mean, self.sd))) <= self.high:
            pass
        return value


@dataclass(frozen=True, slots=True)
class Instrument:
    """How finely it reads, and one sd of its error from reading to reading, in the vital sign's unit."""

    step: float
    error: float


INSTRUMENTS: Final[Mapping[str, Mapping[str, Instrument]]] = {
    "oximeter": {"spo2": Instrument(1, 0.5), "pulse": Instrument(1, 1.5)},
    "cuff": {"systolic": Instrument(1, 3.5), "diastolic": Instrument(1, 2.5)},
    "watch": {"respiratory_rate": Instrument(2, 0.8)},  # someone counts for half a minute and doubles
    "ear_thermometer": {"temperature": Instrument(0.1, 0.12)},
    "patch": {"temperature": Instrument(0.05, 0.05), "respiratory_rate": Instrument(0.5, 0.5)},
    "scale": {"weight": Instrument(0.05, 0.1)},
    "glucose_meter": {"glucose": Instrument(0.1, 0.3)},
    "peak_flow_meter": {"peak_flow": Instrument(10, 8)},
}
"""What a home may have; where two measure the same, the later one is used. Errors are the design's own."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the patients of one pathway have in common. All of it is the design's own."""

    readings_per_day: int
    usual: Mapping[str, Spread]
    kit: Mapping[str, float]  # share of homes that have each instrument beside oximeter and cuff
    carer: float  # share of homes where a carer answers
    home_oxygen: float = 0.0
    spo2_scale: Literal[1, 2] = 1
    weight_wander_kg: float = 0.35  # one sd, over days


# fmt: off
_USUAL: Final[Mapping[str, Spread]] = {
    "respiratory_rate": Spread(16.0, 1.2, 13.5, 18.5),
    "spo2":             Spread(97.0, 0.6, 95.9, 98.4),
    "systolic":         Spread( 130,   9,  118,  150),
    "pulse":            Spread(  73,   7,   58,   84),
    "temperature":      Spread(36.7, 0.1, 36.5, 36.95),
    "weight":           Spread(  77,  13,   48,  125),
    "glucose":          Spread( 8.8, 0.8,  7.4, 11.0),
    "peak_flow":        Spread( 380,  60,  270,  540),
}
_KIT: Final = {"ear_thermometer": 0.8, "watch": 0.35, "patch": 0.15, "glucose_meter": 0.15}

PROFILES: Final[Mapping[str, Profile]] = {
    "general": Profile(4, _USUAL, _KIT, carer=0.25),
    "acute_respiratory": Profile(4, {**_USUAL,
        "respiratory_rate": Spread(17.5, 1.0, 15.5, 19.0),
        "spo2":             Spread(96.3, 0.5, 95.6, 97.6),
        "pulse":            Spread(  83,   6,   68,   92),
        "temperature":      Spread(36.9, 0.1, 36.7, 37.2),
    }, {**_KIT, "watch": 0.45, "patch": 0.35, "peak_flow_meter": 0.25}, carer=0.25),
    "copd": Profile(4, {**_USUAL,
        "respiratory_rate": Spread(18.0, 0.8, 16.5, 19.0),
        "spo2":             Spread(90.2, 0.7, 89.2, 91.4),
        "systolic":         Spread( 136,  10,  120,  155),
        "pulse":            Spread(  81,   5,   70,   87),
        "weight":           Spread(  66,  12,   44,  100),
        "peak_flow":        Spread( 210,  40,  150,  320),
    }, {**_KIT, "watch": 0.45, "patch": 0.25, "peak_flow_meter": 0.3},
        carer=0.3, home_oxygen=0.4, spo2_scale=2),
    "heart_failure": Profile(3, {**_USUAL,
        "respiratory_rate": Spread(17.0, 1.0, 15.0, 18.8),
        "spo2":             Spread(96.4, 0.5, 95.6, 97.8),
        "systolic":         Spread( 118,   6,  111,  134),
        "pulse":            Spread(  72,   7,   58,   83),
        "weight":           Spread(  84,  15,   55,  140),
    }, {**_KIT, "scale": 1.0, "glucose_meter": 0.3}, carer=0.35, weight_wander_kg=0.6),
    "frailty": Profile(4, {**_USUAL,
        "respiratory_rate": Spread(17.0, 1.0, 15.0, 18.8),
        "spo2":             Spread(96.6, 0.5, 95.7, 98.0),
        "systolic":         Spread( 128,  11,  113,  152),
        "temperature":      Spread(36.6, 0.1, 36.45, 36.8),
        "weight":           Spread(  61,  10,   41,   90),
    }, {**_KIT, "scale": 0.3, "glucose_meter": 0.2}, carer=0.7),
    "acute_oncology": Profile(4, {**_USUAL,
        "systolic":         Spread( 125,   8,  115,  142),
        "pulse":            Spread(  82,   6,   68,   91),
        "weight":           Spread(  68,  12,   45,  105),
    }, {**_KIT, "ear_thermometer": 1.0, "scale": 0.3}, carer=0.35),
    "recovery": Profile(2, _USUAL, {**_KIT, "watch": 0.2, "patch": 0.05}, carer=0.4),
}
"""By pathway. Home oxygen and SpO2 scale 2 only with COPD, whose usual SpO2 is within its 88–92 %."""

# One device clock in twenty is wrong: a little, by much, or by the hour that somebody forgot in March.
_CLOCKS_OFF_S: Final = (-95, 70, 200, -420, 900, -3_600, -7_200, 3_600)
# fmt: on


@dataclass(frozen=True, slots=True)
class Hub:
    """The box that sends, and its ways."""

    clock_offset_s: int  # what its clock shows beyond the true time
    local_time: bool  # writes instants with the offset of Europe/London rather than as Z
    outages_per_day: float
    battery_days: float  # from one charge to the next


@dataclass(frozen=True, slots=True)
class Home:
    """The people in it, and their ways."""

    answers: Literal["patient", "carer"] | None  # who answers questions; None is nobody
    tells_oxygen: Literal["flow", "yes_no"] | None  # whether and how sets say anything about oxygen
    reliability: float  # share of due sets that are taken
    habit_min: float  # how much later than the schedule they usually are
    swing: float  # of the day's rhythm, against the average patient's


@dataclass(frozen=True, slots=True)
class Course:
    """A script that begins at an instant."""

    script: str  # of SCRIPTS
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Patient:
    """One simulated patient: what is usual for them, and what is scripted to happen."""

    number: int  # in the cohort; with the seed it decides everything left to chance
    pathway: str
    spo2_scale: Literal[1, 2]
    home_oxygen_l_min: float  # 0 is none prescribed
    readings_per_day: int
    usual: Mapping[str, float]  # by vital sign, in its unit of the public contract
    kit: Mapping[str, Instrument]  # by vital sign; what is not here is never measured
    hub: Hub
    home: Home
    courses: tuple[Course, ...] = ()

    def begins(self, script: str, at: datetime) -> Self:
        """The same patient, to whom `script` happens from `at` on, on top of what is scripted already.

        Raises ValueError for a script that is not one of SCRIPTS, or an instant without an offset.
        """
        if script not in SCRIPTS:
            raise ValueError(f"no script {script!r}; there are {', '.join(SCRIPTS)}")
        if at.tzinfo is None:
            raise ValueError("an instant needs an offset")
        return replace(self, courses=(*self.courses, Course(script, at)))


def cohort(pathways: Sequence[str], n: int, seed: int) -> list[Patient]:
    """`n` patients, dealt to `pathways` in turn (name one more often for more of it).

    The first ones are the same whatever `n` is. Make one cohort of all wards: one seed, the same people.
    Raises ValueError for no pathway, and for one that is not in PROFILES.
    """
    if not pathways or set(pathways) - set(PROFILES):
        raise ValueError(f"pathways {', '.join(pathways)}: some of {', '.join(PROFILES)} are needed, no others")
    return [
        _patient(number, pathways[number % len(pathways)], np.random.default_rng((seed, _COHORT, number)))
        for number in range(n)
    ]


def _patient(number: int, pathway: str, rng: np.random.Generator) -> Patient:
    profile = PROFILES[pathway]
    usual = {vital: spread.draw(rng) for vital, spread in profile.usual.items()}
    usual["diastolic"] = usual["systolic"] * Spread(0.58, 0.03, 0.5, 0.65).draw(rng)
    on_oxygen = rng.random() < profile.home_oxygen
    return Patient(
        number=number,
        pathway=pathway,
        spo2_scale=profile.spo2_scale,
        home_oxygen_l_min=float(rng.choice((1.0, 1.5, 2.0))) if on_oxygen else 0.0,
        readings_per_day=profile.readings_per_day,
        usual=usual,
        kit=_kit(profile, rng),
        hub=_hub(rng),
        home=_home(profile, on_oxygen, rng),
    )


def _kit(profile: Profile, rng: np.random.Generator) -> dict[str, Instrument]:
    has = [name for name in INSTRUMENTS if rng.random() < {"oximeter": 1, "cuff": 1, **profile.kit}.get(name, 0)]
    return {vital: instrument for name in has for vital, instrument in INSTRUMENTS[name].items()}


def _hub(rng: np.random.Generator) -> Hub:
    wrong_clock, flaky = rng.random(2) < (0.05, 0.08)
    return Hub(
        clock_offset_s=int(rng.choice(_CLOCKS_OFF_S)) if wrong_clock else 0,
        local_time=bool(rng.random() < 0.4),
        outages_per_day=0.25 if flaky else 0.03,
        battery_days=float(rng.uniform(4, 12)),
    )


def _home(profile: Profile, on_oxygen: bool, rng: np.random.Generator) -> Home:
    carer, nobody = rng.random(2) < (profile.carer, 0.3)
    told = rng.random()
    return Home(
        answers="carer" if carer else None if nobody else "patient",
        tells_oxygen="flow" if told < (0.85 if on_oxygen else 0.6) else "yes_no" if told < 0.9 else None,
        reliability=Spread(0.9, 0.06, 0.7, 0.98).draw(rng),
        habit_min=float(np.clip(rng.normal(4, 12), -25, 35)),
        swing=Spread(1, 0.15, 0.7, 1.3).draw(rng),
    )
