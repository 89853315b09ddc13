"""The cells of recorded readings, each kind of column read by its own table: a text is understood once, however often.

What is possible, improbable or refused is what `devices.plausible` says of readings that arrive.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from alert_rules.kinds import HOUR_US
from alert_rules.limits import DECIMALS
from alert_rules.severity import Wellness
from alert_rules.vitals import ACVPU
from devices.plausible import measured
from devices.reading import CHARTED, Number, in_whole_units

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EMPTY: Final = np.iinfo(np.int64).min
"""Stands for a cell that says nothing."""
REFUSED: Final = EMPTY + 1
"""Stands for a cell that cannot be read, or cannot be a measurement."""

NOT_KNOWN: Final = frozenset({"", "NA", "NaN", "nan", "null"})
TEXTS_MAX: Final = 1 << 20
"""Different texts kept of one column: instants are as many as readings."""

OXYGEN_IN_AIR: Final = 0.21
"""As a fraction; what is breathed in holds that much without any added."""


class Cells(dict[str, int]):
    """What each text of one column comes to; why not, by text; and which numbers are improbable."""

    def __init__(self, read: Callable[[str, "Cells"], int]) -> None:
        super().__init__()
        self._read = read
        self.reasons: dict[str, str] = {}
        self.improbable: set[int] = set()

    def __missing__(self, text: str) -> int:
        if len(self) >= TEXTS_MAX:
            self.clear()
        stripped = text.strip()
        found = self[text] = EMPTY if stripped in NOT_KNOWN else self._read(stripped, self)
        return found

    def refuse(self, text: str, reason: str) -> int:
        """Say why a cell cannot be taken."""
        self.reasons.setdefault(text, reason)
        return REFUSED


def vital(name: str) -> Cells:
    """A vital sign by its wire name, to whole units as the drain has them."""

    def read(text: str, cells: Cells) -> int:
        value = _number(text)
        if value is None:
            return cells.refuse(text, f"{text[:40]!r} is not a number")
        units, note = measured(name, value, by_staff=False)
        if note is not None and note.cannot:
            return cells.refuse(text, note.cannot)
        whole = int(units) if name in CHARTED else in_whole_units(units, DECIMALS.get(name, 0))
        if note is not None and note.improbable:
            cells.improbable.add(whole)
        return whole

    return Cells(read)


def one_of(*words: str, first: int = 0) -> Cells:
    """A word of a list, by its place."""

    def read(text: str, cells: Cells) -> int:
        return words.index(text) + first if text in words else cells.refuse(text, f"must be one of {', '.join(words)}")

    return Cells(read)


def flag() -> Cells:
    """Yes or no."""
    said = {"1": 1, "0": 0, "true": 1, "false": 0, "yes": 1, "no": 0}

    def read(text: str, cells: Cells) -> int:
        return said[text.lower()] if text.lower() in said else cells.refuse(text, "must be true or false")

    return Cells(read)


def hundredths() -> Cells:
    """Litres a minute of oxygen that are prescribed."""

    def read(text: str, cells: Cells) -> int:
        value = _number(text)
        return round(value * 100) if value is not None and 0 <= value <= 100 else cells.refuse(text, "must be 0 to 100")

    return Cells(read)


def span(unit_us: int) -> Cells:
    """Time since some start of the patient's own."""
    most = 100 * 365 * 24 * HOUR_US // unit_us

    def read(text: str, cells: Cells) -> int:
        value = _number(text)
        if value is None or not 0 <= value <= most:
            return cells.refuse(text, "is not a time since the start")
        return round(value * unit_us)

    return Cells(read)


def instant() -> Cells:
    """RFC 3339 with an offset."""

    def read(text: str, cells: Cells) -> int:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return cells.refuse(text, "is not a date and time")
        if at.tzinfo is None:
            return cells.refuse(text, "has no offset from UTC")
        return (at - EPOCH) // timedelta(microseconds=1)

    return Cells(read)


def inspired_oxygen() -> Cells:
    """FiO2, as a fraction or in per cent, as air (0) or oxygen (1)."""

    def read(text: str, cells: Cells) -> int:
        value = _number(text)
        if value is not None and value > 1:
            value /= 100
        if value is None or not OXYGEN_IN_AIR - 0.01 <= value <= 1:
            return cells.refuse(text, f"{text[:40]!r} cannot be a share of oxygen")
        return int(value > OXYGEN_IN_AIR)

    return Cells(read)


def coma_scale() -> Cells:
    """The Glasgow coma scale as ACVPU: 15 A, 14 C, 9 to 13 V, 5 to 8 P, 3 and 4 U. The design's own."""

    def read(text: str, cells: Cells) -> int:
        value = _number(text)
        if value is None or not 3 <= value <= 15:
            return cells.refuse(text, "must be 3 to 15")
        letter = next(
            letter for least, letter in ((15, "A"), (14, "C"), (9, "V"), (5, "P"), (3, "U")) if value >= least
        )
        return ACVPU.index(letter)

    return Cells(read)


def consciousness() -> Cells:
    """A letter of ACVPU."""
    return one_of(*ACVPU)


def wellness() -> Cells:
    """An answer to the daily question."""
    return one_of(*(answer.name.lower().replace("_", " ") for answer in Wellness if answer), first=1)


def _number(text: str) -> Number | None:
    """As JSON would have it: 70 and 70.0 are one value; neither NaN nor infinite."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not np.isfinite(value):
        return None
    return int(value) if value.is_integer() else value
