"""Vital signs in chart units: whole numbers, temperature in tenths, and never a number for "not measured".

The NEWS2 chart is printed in whole numbers, temperature in tenths of a degree. A value is brought to that
resolution once, at the edge, by `to_chart`. After that rules see whole numbers: there is no NaN, and no 35.05
that is really 35.049.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

PARAMETERS: Final = (
    "respiratory_rate",
    "spo2",
    "oxygen",
    "systolic",
    "pulse",
    "consciousness",
    "temperature",
)
"""The seven parameters of NEWS2, in the order of the chart, by their names in the public contract."""

RESPIRATORY_RATE, SPO2, OXYGEN, SYSTOLIC, PULSE, CONSCIOUSNESS, TEMPERATURE = range(7)

ACVPU: Final = "ACVPU"
"""Consciousness is kept in arrays as its index here, 0 (alert) to 4 (unresponsive)."""

_DIGITS_MAX: Final = 5  # before the point; looked at first, as int(Decimal("1E+3000000")) runs for minutes
_UNITS: Final = np.iinfo(np.int16)


class Consciousness(StrEnum):
    """The ACVPU scale. Confusion is *new* confusion; where it is not clear whether it is new, it is."""

    ALERT = "A"
    CONFUSED = "C"
    VOICE = "V"
    PAIN = "P"
    UNRESPONSIVE = "U"


def to_chart(value: Decimal, decimals: int) -> int:
    """Round `value` half up to the chart's resolution, in whole chart units: 35.05 with one decimal is 351.

    Raises ValueError for what no vital sign can be: not a number, infinite, or more than 16 bits hold.
    """
    if not value.is_finite() or value.adjusted() >= _DIGITS_MAX:
        raise ValueError("not a number that a vital sign can have")
    rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    units = int(rounded.scaleb(decimals))
    if not _UNITS.min <= units <= _UNITS.max:
        raise ValueError("not a number that a vital sign can have")
    return units


@dataclass(frozen=True, slots=True)
class Vitals:
    """One set of vital signs in chart units; None is not measured, which is never the same as normal."""

    respiratory_rate: int | None = None  # breaths per minute
    spo2: int | None = None  # per cent
    on_oxygen: bool | None = None  # False is room air
    systolic: int | None = None  # mmHg
    pulse: int | None = None  # beats per minute
    consciousness: Consciousness | None = None
    temperature_tenths: int | None = None  # tenths of a degree Celsius

    def chart_units(self) -> tuple[int | None, ...]:
        """The seven values as `VitalArrays` holds them, in the order of `PARAMETERS`."""
        return (
            self.respiratory_rate,
            self.spo2,
            None if self.on_oxygen is None else int(self.on_oxygen),
            self.systolic,
            self.pulse,
            None if self.consciousness is None else ACVPU.index(self.consciousness),
            self.temperature_tenths,
        )


@dataclass(frozen=True, slots=True, eq=False)
class VitalArrays:
    """Many sets of vital signs, one column each, a row per parameter in the order of `PARAMETERS`.

    `values` are in chart units: oxygen 0 for air and 1 for oxygen, consciousness its index in `ACVPU`,
    temperature in tenths of a degree Celsius. Where `known` is False nothing was measured, whatever number
    stands there.
    """

    values: NDArray[np.int16]  # (7, n)
    known: NDArray[np.bool_]  # (7, n)

    def __post_init__(self) -> None:
        """Raise ValueError for other shapes and types: floats could bring in NaN, which scores as fever."""
        shape = self.values.shape
        if len(shape) != 2 or shape[0] != len(PARAMETERS) or self.known.shape != shape:
            raise ValueError(f"not of one shape (7, n), but {shape} and {self.known.shape}")
        if self.values.dtype != np.int16 or self.known.dtype != np.bool_:
            raise ValueError(f"not int16 and bool, but {self.values.dtype} and {self.known.dtype}")

    @classmethod
    def of(cls, sets: Sequence[Vitals]) -> Self:
        """A column for each set. Raises OverflowError for a value that does not fit 16 bits."""
        columns = [one.chart_units() for one in sets]
        shape = (len(sets), len(PARAMETERS))
        values = np.array([[value or 0 for value in column] for column in columns], np.int16)
        known = np.array([[value is not None for value in column] for column in columns], np.bool_)
        return cls(values.reshape(shape).T.copy(), known.reshape(shape).T.copy())

    def __len__(self) -> int:
        """How many sets there are."""
        return int(self.values.shape[1])

    def at(self, column: int) -> Vitals:
        """The set in one column."""
        values, known = self.values[:, column].tolist(), self.known[:, column].tolist()
        measured = [value if is_known else None for value, is_known in zip(values, known, strict=True)]
        oxygen, consciousness = measured[OXYGEN], measured[CONSCIOUSNESS]
        return Vitals(
            respiratory_rate=measured[RESPIRATORY_RATE],
            spo2=measured[SPO2],
            on_oxygen=None if oxygen is None else bool(oxygen),
            systolic=measured[SYSTOLIC],
            pulse=measured[PULSE],
            consciousness=None if consciousness is None else Consciousness(ACVPU[consciousness]),
            temperature_tenths=measured[TEMPERATURE],
        )
