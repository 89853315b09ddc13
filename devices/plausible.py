"""What cannot be a measurement, and what is merely improbable.

Only the impossible is refused (docs/clinical/policy.md): peri-arrest values look improbable, and are kept, scored and
flagged. Improbable ranges: the range checks beside the code table in docs/clinical/policy.md.
"""

from datetime import timedelta
from typing import Final, NamedTuple

from alert_rules import limits
from devices.reading import CHARTED, Number, in_chart_units

POSSIBLE: Final[dict[str, tuple[int, int]]] = limits.POSSIBLE
"""Lowest and highest value that can be a measurement."""

PROBABLE: Final[dict[str, tuple[Number, Number]]] = {
    "respiratory_rate": (3, 80),
    "spo2": (50, 100),
    "oxygen_flow": (0, 60),
    "systolic": (40, 300),
    "diastolic": (20, 200),
    "pulse": (20, 300),
    "temperature": (25, 45),
    "weight": (20, 350),
    "glucose": (0.5, 50),
    "peak_flow": (30, 900),
}

ZERO_IS_A_VALUE: Final = frozenset({"oxygen_flow"})
"""From a device, zero of anything else is a failed measurement; staff may record it."""


WEIGHT_JUMP_KG: Final = 20
WEIGHT_KNOWN_FOR: Final = timedelta(days=30)
"""Nobody gains or loses so much in so short a time: somebody else stood on the scale. The design's own."""

SHOWN_MAX: Final = 10**15
"""Values beyond are cut to it where they are shown: neither a message nor a column holds 10**400."""


class Note(NamedTuple):
    """What is to be said of a value: `cannot` says why it cannot be a measurement, where it cannot."""

    rounded: bool = False
    improbable: bool = False
    cannot: str | None = None


class Measured(dict[Number, tuple[Number, Note | None]]):
    """What each value of one field comes to, found once: a ward's readings are a few hundred distinct values."""

    VALUES_MAX: Final = 4096

    def __init__(self, field: str, *, by_staff: bool) -> None:
        super().__init__()
        self._field, self._by_staff = field, by_staff

    def __missing__(self, value: Number) -> tuple[Number, Note | None]:
        if len(self) >= self.VALUES_MAX:
            self.clear()
        found = self[value] = measured(self._field, value, by_staff=self._by_staff)
        return found


def measured(field: str, value: Number, *, by_staff: bool) -> tuple[Number, Note | None]:
    """A value in chart units (where the chart has its field, else as sent), and a note, nearly always None."""
    if reason := impossible(field, value, by_staff=by_staff):
        return 0, Note(cannot=reason)
    units, rounded = _charted(field, value)
    note = Note(rounded, improbable(field, value))
    return units, note if any(note) else None


def impossible(field: str, value: Number, *, by_staff: bool) -> str | None:
    """Why `value` cannot be a measurement of `field`, or None."""
    low, high = POSSIBLE[field]
    if not low <= value <= high:
        return f"{within_reason(value)} cannot be a measurement: {low} to {high} can"
    if not by_staff and field not in ZERO_IS_A_VALUE and _charted(field, value)[0] == 0:
        return "0 is a failed measurement"
    return None


def improbable(field: str, value: Number) -> bool:
    """Whether `value` is kept and flagged."""
    low, high = PROBABLE[field]
    return not low <= value <= high


def hardly_theirs(weight: Number, known: Number, apart: timedelta) -> bool:
    """Whether a weight in kg can hardly be of the patient who weighed `known` so long before, or after."""
    return abs(weight - known) >= WEIGHT_JUMP_KG and abs(apart) <= WEIGHT_KNOWN_FOR


def within_reason(value: Number) -> Number:
    """A value that can be shown and stored, whatever was sent."""
    return max(-SHOWN_MAX, min(SHOWN_MAX, value))


def _charted(field: str, value: Number) -> tuple[Number, bool]:
    """In chart units, and whether that rounded it; as sent where the chart has no such field.

    There 70 and 70.0 are one value: they share a place in `Measured`, and a set's content must not say which came
    first.
    """
    if field in CHARTED:
        return in_chart_units(value, CHARTED[field][1])
    whole = int(value)
    return (whole if whole == value else value), False
