"""Examples for properties: any set and plan, edges of the chart often, and what is worse than each."""

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

from alert_rules.limits import DECIMALS, LINES, Lines
from alert_rules.pathway import pathways
from alert_rules.words import shown
from tests.spec.severity import Given

CENTRE: Final = {
    "respiratory_rate": 16,
    "systolic": 165,
    "diastolic": 80,
    "pulse": 70,
    "temperature": 370,
    "weight": 8000,
    "glucose": 60,
    "peak_flow": 350,
}
"""In whole units: nobody worries about it, and to either side of it everything gets worse, limits included."""

LOWEST_TO_HIGHEST: Final = {
    "respiratory_rate": (0, 120),
    "systolic": (0, 350),
    "diastolic": (0, 250),
    "pulse": (0, 350),
    "temperature": (200, 460),
    "weight": (2000, 30000),
    "glucose": (1, 500),
    "peak_flow": (0, 900),
}

EDGES: Final = {
    "respiratory_rate": (8, 11, 20, 24),
    "systolic": (90, 100, 110, 219),
    "diastolic": (60, 100),
    "pulse": (40, 50, 90, 110, 130),
    "temperature": (350, 360, 380, 390),
    "weight": (7000, 9000),
    "glucose": (30, 40, 200),
    "peak_flow": (200, 500),
}

WORSENING: Final = {
    "consciousness": ("A", "C", "V", "P", "U"),
    "wellness": ("much better", "better", "same", "worse", "much worse"),
    "oxygen": ("air", "0.5", "1", "2", "2.01", "4", "15"),
}
"""Answers from best to worst."""

VITALS: Final = (*CENTRE, "spo2", *WORSENING)

NORMAL: Final = {"consciousness": "A", "wellness": "same", "oxygen": "air", "spo2": "90"} | {
    vital: shown(vital, units) for vital, units in CENTRE.items()
}
"""Scores nothing and crosses nothing; 90 % SpO2 holds for scale 2."""


def _values() -> dict[str, tuple[str, ...]]:
    """For each vital sign what a set may hold: nothing, both sides of every edge, and what is far beyond."""
    values = {"spo2": ("-", "0", *map(str, range(78, 101)))}
    for vital, edges in EDGES.items():
        units = {edge + step for edge in edges for step in (0, 1)} | {CENTRE[vital], *LOWEST_TO_HIGHEST[vital]}
        values[vital] = ("-", *(shown(vital, one) for one in sorted(units)))
    return values | {name: ("-", *answers) for name, answers in WORSENING.items()}


def _limits(chance: Random) -> dict[str, Lines]:
    """A plan's own limits: some lines below what is normal and some above; below only for SpO2."""
    own = {}
    for vital in chance.sample([*CENTRE, "spo2"], k=chance.randint(0, 3)):
        if vital == "spo2":
            own[vital] = Lines(*sorted(chance.sample(range(70, 88), k=2)))
            continue
        (lowest, highest), centre = LOWEST_TO_HIGHEST[vital], CENTRE[vital]
        low = sorted(chance.sample(range(lowest, centre), k=2))
        high = sorted(chance.sample(range(centre + 1, highest), k=2))
        drawn = [line for line in LINES if chance.random() < 0.6]
        own[vital] = Lines(**{line: edge for line, edge in zip(LINES, (*low, *high), strict=True) if line in drawn})
    return own


_chance = Random(1)
OWN_LIMITS: Final = ({}, *(_limits(_chance) for _ in range(100)))
MEASURED: Final = {vital: st.sampled_from(values) for vital, values in _values().items()}


def examples() -> st.SearchStrategy[Given]:
    """Any set under any plan; anything may be missing."""
    measured: dict[str, Any] = MEASURED
    return st.builds(
        Given,
        **measured,
        scale=st.sampled_from([1, 2]),
        pathway=st.sampled_from(sorted(pathways())),
        prescribed=st.sampled_from(["-", "-", "2"]),
        scored=st.sampled_from([True, True, True, False]),
        limits=st.sampled_from(OWN_LIMITS),
    )


def but(one: Given, vital: str, value: str) -> Given:
    """The same example with another value of one vital sign."""
    changed: dict[str, Any] = {vital: value}
    return replace(one, **changed)


def worse_values(one: Given, vital: str) -> st.SearchStrategy[str]:
    """Values of a measured vital sign that are as bad or worse, by its chart and by any limits."""
    value = getattr(one, vital)
    if vital in WORSENING:
        answers = WORSENING[vital]
        return st.sampled_from(answers[answers.index(value) :])
    if vital == "spo2":
        on_oxygen = one.oxygen not in {"-", "air"} or (one.oxygen == "-" and one.prescribed != "-")  # then assumed
        too_high = one.scale == 2 and on_oxygen and int(value) > 92
        return (st.integers(int(value), 100) if too_high else st.integers(0, int(value))).map(str)
    units = int(Decimal(value).scaleb(DECIMALS.get(vital, 0)))
    lowest, highest = LOWEST_TO_HIGHEST[vital]
    further = st.integers(lowest, units) if units <= CENTRE[vital] else st.integers(units, highest)
    return further.map(lambda worse: shown(vital, worse))
