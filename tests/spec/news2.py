# ruff: noqa: E501 (an example is one line, as on paper)
"""NEWS2 by example. Sub-scores stand in the order of the chart; temperatures are as sent, not yet rounded."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from alert_rules.news2 import Scale
from alert_rules.vitals import Consciousness, Vitals, to_chart


@dataclass(frozen=True, slots=True)
class Example:
    """A set as a nurse would write it: `-` is not measured."""

    respiratory_rate: str
    spo2: str
    oxygen: str  # air, oxygen or -
    systolic: str
    pulse: str
    consciousness: str
    temperature: str
    scale: Scale

    def vitals(self) -> Vitals:
        """The set in chart units."""
        return Vitals(
            respiratory_rate=_units(self.respiratory_rate),
            spo2=_units(self.spo2),
            on_oxygen={"air": False, "oxygen": True, "-": None}[self.oxygen],
            systolic=_units(self.systolic),
            pulse=_units(self.pulse),
            consciousness=None if self.consciousness == "-" else Consciousness(self.consciousness),
            temperature_tenths=_units(self.temperature, decimals=1),
        )


@dataclass(frozen=True, slots=True)
class Complete:
    """A complete set, the points of each parameter, their total and what the example is there to show."""

    example: Example
    points: tuple[int, ...]
    total: int
    risk: str
    shows: str


@dataclass(frozen=True, slots=True)
class Incomplete:
    """An incomplete set and the range of its score."""

    example: Example
    score: int
    score_max: int
    risk: str
    risk_max: str
    shows: str


@dataclass(frozen=True, slots=True)
class Rounded:
    """A temperature as sent, what it is rounded to, in tenths, and its points."""

    sent: str
    tenths: int
    points: int


def _units(written: str, decimals: int = 0) -> int | None:
    return None if written == "-" else to_chart(Decimal(written), decimals)


# fmt: off
COMPLETE: Final = (
    Complete(Example("16", "98", "air",    "120", "72",  "A", "36.8", 1), (0, 0, 0, 0, 0, 0, 0),  0, "low",        "nothing scores"),
    Complete(Example("21", "93", "air",    "120", "95",  "A", "37.5", 1), (2, 2, 0, 0, 1, 0, 0),  5, "medium",     "UK Core's published example carries 6: it scores 37.5 °C as 1"),
    Complete(Example("21", "93", "air",    "120", "95",  "A", "38.5", 1), (2, 2, 0, 0, 1, 0, 1),  6, "medium",     "the same with 38.5 °C is 6"),
    Complete(Example("8",  "98", "air",    "120", "72",  "A", "36.8", 1), (3, 0, 0, 0, 0, 0, 0),  3, "low_medium", "one parameter alone scores 3"),
    Complete(Example("25", "91", "oxygen", "90",  "131", "U", "35.0", 1), (3, 3, 2, 3, 3, 3, 3), 20, "high",       "the most that can be scored"),
    Complete(Example("25", "91", "oxygen", "90",  "131", "U", "39.1", 1), (3, 3, 2, 3, 3, 3, 2), 19, "high",       "fever scores 2 at most, cold 3"),
    Complete(Example("18", "92", "oxygen", "130", "88",  "A", "37.0", 2), (0, 0, 2, 0, 0, 0, 0),  2, "low",        "scale 2: within the target, oxygen itself scores 2"),
    Complete(Example("18", "93", "air",    "130", "88",  "A", "37.0", 2), (0, 0, 0, 0, 0, 0, 0),  0, "low",        "scale 2: 93 % or more on air scores 0"),
    Complete(Example("18", "93", "oxygen", "130", "88",  "A", "37.0", 2), (0, 1, 2, 0, 0, 0, 0),  3, "low",        "scale 2: 93 % on oxygen scores; a total of 3 is no single 3"),
    Complete(Example("18", "97", "oxygen", "130", "88",  "A", "37.0", 2), (0, 3, 2, 0, 0, 0, 0),  5, "medium",     "scale 2: too much oxygen"),
    Complete(Example("18", "93", "air",    "130", "88",  "A", "37.0", 1), (0, 2, 0, 0, 0, 0, 0),  2, "low",        "scale 1: the same 93 % on air scores 2"),
    Complete(Example("20", "96", "air",    "111", "90",  "A", "38.0", 1), (0, 0, 0, 0, 0, 0, 0),  0, "low",        "edges of the middle bands"),
    Complete(Example("20", "96", "air",    "219", "51",  "A", "36.1", 1), (0, 0, 0, 0, 0, 0, 0),  0, "low",        "their other edges"),
    Complete(Example("21", "95", "air",    "220", "50",  "C", "36.0", 1), (2, 1, 0, 3, 1, 3, 1), 11, "high",       "one step outside each of them"),
    Complete(Example("24", "94", "oxygen", "101", "110", "A", "38.1", 1), (2, 1, 2, 1, 1, 0, 1),  8, "high",       "high without any single 3"),
    Complete(Example("12", "88", "air",    "110", "41",  "A", "39.0", 2), (0, 0, 0, 1, 1, 0, 1),  3, "low",        "a total of 3 from three parameters"),
    Complete(Example("12", "87", "air",    "110", "41",  "A", "39.0", 2), (0, 1, 0, 1, 1, 0, 1),  4, "low",        "scale 2: one per cent below the target"),
    Complete(Example("18", "96", "air",    "120", "80",  "C", "37.0", 1), (0, 0, 0, 0, 0, 3, 0),  3, "low_medium", "new confusion alone"),
)

INCOMPLETE: Final = (
    Incomplete(Example("-",  "-",  "-",      "-",   "-",  "-", "-",    1),  0, 20, "low",        "high",       "nothing measured says nothing"),
    Incomplete(Example("30", "-",  "-",      "-",   "-",  "-", "-",    1),  3, 20, "low_medium", "high",       "one parameter is enough to act on"),
    Incomplete(Example("-",  "95", "air",    "120", "88", "-", "37.2", 1),  1,  7, "low",        "high",       "a usual home kit: no breaths, no consciousness"),
    Incomplete(Example("18", "95", "air",    "120", "88", "-", "37.2", 1),  1,  4, "low",        "low_medium", "a missing parameter might be a 3"),
    Incomplete(Example("18", "98", "-",      "120", "88", "A", "37.2", 1),  0,  2, "low",        "low",        "oxygen can add 2, and is never a single 3"),
    Incomplete(Example("25", "93", "air",    "105", "-",  "A", "37.0", 1),  6,  9, "medium",     "high",       "urgent as it stands, and may be worse"),
    Incomplete(Example("16", "92", "-",      "120", "72", "A", "36.8", 2),  0,  2, "low",        "low",        "scale 2 within the target needs no oxygen status"),
    Incomplete(Example("16", "95", "-",      "120", "72", "A", "36.8", 2),  0,  4, "low",        "low",        "scale 2 above the target: 0 on air, 2 and 2 on oxygen"),
    Incomplete(Example("16", "97", "-",      "120", "72", "A", "36.8", 2),  0,  5, "low",        "medium",     "scale 2 above the target: 0 on air, 3 and 2 on oxygen"),
    Incomplete(Example("16", "83", "-",      "120", "72", "A", "36.8", 2),  3,  5, "low_medium", "medium",     "scale 2 below the target: 3, whatever the oxygen"),
    Incomplete(Example("16", "-",  "air",    "120", "72", "A", "36.8", 2),  0,  3, "low",        "low_medium", "SpO2 missing on air: it might be 83 %"),
)

ROUNDED: Final = (
    Rounded("35.04", 350, 3),
    Rounded("35.05", 351, 1),
    Rounded("36.04", 360, 1),
    Rounded("36.05", 361, 0),
    Rounded("38.04", 380, 0),
    Rounded("38.05", 381, 1),
    Rounded("39.04", 390, 1),
    Rounded("39.05", 391, 2),
)
# fmt: on
