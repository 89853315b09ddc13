"""Sets of vital signs for properties: anything may be missing, and edges of the chart come often."""

from dataclasses import fields
from typing import TypeVar

from hypothesis import strategies as st

from alert_rules.news2 import Scale
from alert_rules.vitals import Consciousness, Vitals

T = TypeVar("T")

FIELDS = tuple(field.name for field in fields(Vitals))
SCALES: tuple[Scale, ...] = (1, 2)


def vital_signs(*, complete: bool = False) -> st.SearchStrategy[Vitals]:
    """Any set, possible or not; with anything missing, or nothing where `complete`."""

    def perhaps(measured: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
        return measured if complete else st.none() | measured

    return st.builds(
        Vitals,
        respiratory_rate=perhaps(_near([8, 11, 20, 24], 0, 120)),
        spo2=perhaps(_near([83, 85, 87, 91, 92, 93, 94, 95, 96], 0, 100)),
        on_oxygen=perhaps(st.booleans()),
        systolic=perhaps(_near([90, 100, 110, 219], 0, 350)),
        pulse=perhaps(_near([40, 50, 90, 110, 130], 0, 350)),
        consciousness=perhaps(st.sampled_from(Consciousness)),
        temperature_tenths=perhaps(_near([350, 360, 380, 390], 200, 460)),
    )


def _near(edges: list[int], low: int, high: int) -> st.SearchStrategy[int]:
    return st.sampled_from([edge + step for edge in edges for step in (-1, 0, 1)]) | st.integers(low, high)
