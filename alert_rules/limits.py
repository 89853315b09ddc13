"""Limits: four lines per vital sign, red and amber, low and high. A limit's own value alerts.

Each line that a plan draws stands in place of the default one; the others stay. Source of the SpO2 defaults: NHS
England C1396 for the acute respiratory and oximetry@home pathways, the design's own elsewhere
(docs/clinical/policy.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

LIMITED: Final = (
    "respiratory_rate",
    "spo2",
    "systolic",
    "diastolic",
    "pulse",
    "temperature",
    "weight",
    "glucose",
    "peak_flow",
)
"""The vital signs that can have limits, by their names in the public contract; rows of the arrays below."""

DECIMALS: Final = {"temperature": 1, "weight": 2, "glucose": 1}
"""Resolution of limits and of the values held against them; whole numbers where not named."""

UNITS: Final = {
    "respiratory_rate": "/min",
    "spo2": "%",
    "systolic": "mmHg",
    "diastolic": "mmHg",
    "pulse": "/min",
    "temperature": "°C",
    "weight": "kg",
    "glucose": "mmol/L",
    "peak_flow": "L/min",
}

POSSIBLE: Final[dict[str, tuple[int, int]]] = {
    "respiratory_rate": (0, 120),
    "spo2": (0, 100),
    "oxygen_flow": (0, 100),
    "systolic": (0, 350),
    "diastolic": (0, 350),
    "pulse": (0, 350),
    "temperature": (20, 46),
    "weight": (0, 700),
    "glucose": (0, 150),
    "peak_flow": (0, 1500),
}
"""Lowest and highest value that can be a measurement, in its unit: what is beyond is refused at the door."""

LINES: Final = ("red_low", "amber_low", "amber_high", "red_high")
"""The lines as they rise; the first two are low lines."""
LOW: Final = 2

NO_LOW: Final = np.iinfo(np.int32).min
NO_HIGH: Final = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Lines:
    """The four lines of one vital sign, in whole units of its resolution; None where there is no line."""

    red_low: int | None = None
    amber_low: int | None = None
    amber_high: int | None = None
    red_high: int | None = None

    def as_row(self) -> tuple[int, int, int, int]:
        """The lines as numbers that nothing crosses where there is no line."""
        return (
            NO_LOW if self.red_low is None else self.red_low,
            NO_LOW if self.amber_low is None else self.amber_low,
            NO_HIGH if self.amber_high is None else self.amber_high,
            NO_HIGH if self.red_high is None else self.red_high,
        )


@dataclass(frozen=True, slots=True)
class SpO2Defaults:
    """A pathway's SpO2 lines for scale 1 where the plan names none."""

    amber_low: int
    red_low: int
    red_prompt: str = ""  # what the pathway's own guidance says to do at the red line


SCALE_2: Final = Lines(red_low=85, amber_low=87, amber_high=93, red_high=97)
"""On scale 2, target 88 to 92 %. The high lines hold only on oxygen: on air a high value is no harm."""


def default_spo2(
    scale_1: NDArray[np.int32], on_scale_2: NDArray[np.bool_], on_oxygen: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """(4, n) SpO2 lines where the plan names none; `scale_1` (2, n) holds the pathways' red and amber low lines."""
    red_low, amber_low, amber_high, red_high = SCALE_2.as_row()
    return np.vstack(
        [
            np.where(on_scale_2, red_low, scale_1[0]),
            np.where(on_scale_2, amber_low, scale_1[1]),
            np.where(on_scale_2 & on_oxygen, amber_high, NO_HIGH),
            np.where(on_scale_2 & on_oxygen, red_high, NO_HIGH),
        ]
    ).astype(np.int32)


def impossible(lines: Lines) -> str | None:
    """Why these lines can't be drawn, or None: they rise from red low to red high."""
    named = [(name, value) for name in LINES if (value := getattr(lines, name)) is not None]
    for (low_name, low), (high_name, high) in pairwise(named):
        if low >= high:
            return f"{low_name} must be below {high_name}"
    return None


Drawn = tuple[Mapping[str, Lines], NDArray[np.bool_]]
"""Lines by vital sign, and the sets (n,) that they are drawn for."""


def table(
    rows: Sequence[Mapping[str, Lines]], spo2: NDArray[np.int32], usual: Sequence[Drawn] = ()
) -> NDArray[np.int32]:
    """(4, vitals, n) lines of n sets: each set's own (`rows`, or none) over their pathways' `usual` and `spo2` lines.

    Each line stands alone: a plan that draws a stricter amber keeps the default red, and the prompt that goes with it.
    """
    lines = np.empty((len(LINES), len(LIMITED), spo2.shape[1]), dtype=np.int32)
    lines[:LOW], lines[LOW:] = NO_LOW, NO_HIGH
    lines[:, LIMITED.index("spo2")] = spo2
    for drawn, of in usual:
        for place, row, bound in _bounds(drawn):
            lines[place, row, of] = bound
    for column, own in enumerate(rows):
        for place, row, bound in _bounds(own):
            lines[place, row, column] = bound
    return lines


def _bounds(drawn: Mapping[str, Lines]) -> Iterator[tuple[int, int, int]]:
    """Each line that is drawn: its place in LINES, its vital sign's in LIMITED, and its bound."""
    for vital, four in drawn.items():
        for place, bound in enumerate(four.as_row()):
            if bound not in {NO_LOW, NO_HIGH}:
                yield place, LIMITED.index(vital), bound


def in_range(vital: str) -> tuple[int, int]:
    """The lowest and the highest value that can be measured, in whole units of a vital sign's resolution."""
    low, high = POSSIBLE[vital]
    scale = 10 ** DECIMALS.get(vital, 0)
    return low * scale, high * scale


def crossed(values: NDArray[np.int32], bounds: NDArray[np.int32], line: str) -> NDArray[np.bool_]:
    """Where values are at or beyond their own bound of this line."""
    return values <= bounds if LINES.index(line) < LOW else values >= bounds
