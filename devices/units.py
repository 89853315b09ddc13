"""Units that devices send, brought to the contract's, exactly. The table is data: units.toml."""

import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from typing import Any, Final

from devices.reading import Number

DECIMALS: Final = Decimal("1e-6")
"""To which a converted value is kept: finer than anything that measures a person."""
QUANTIZED_BELOW: Final = Decimal("1e20")
"""Beyond, a decimal of 28 digits has no sixth place; nothing so large is a measurement."""
INTEGERS_MAX: Final = 10**15
"""Beyond, a float says as much."""

_ANNOTATION: Final = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Conversion:
    """(value + before) x times is in the contract's unit."""

    before: Fraction = Fraction(0)
    times: Fraction = Fraction(1)

    def of(self, value: Decimal) -> Decimal:
        """The value in the contract's unit; the same digits where it was in it already."""
        if self == AS_IT_IS:
            return value
        exact = (Fraction(value) + self.before) * self.times
        near = Decimal(exact.numerator) / Decimal(exact.denominator)
        return near if abs(near) >= QUANTIZED_BELOW else near.quantize(DECIMALS).normalize()


def as_number(value: Decimal) -> Number:
    """As it travels on: the float whose shortest text is this decimal, or a whole number."""
    whole = int(value) if abs(value) < INTEGERS_MAX else 0
    return whole if whole == value else float(value)


AS_IT_IS: Final = Conversion()


def conversion(field: str, unit: str) -> Conversion | None:
    """How a value in a unit (UCUM, or a variant of it) becomes one of `field`; None where the unit is not known."""
    return _UNITS.get((field, _ANNOTATION.sub("", unit).strip()))


def mdc_conversion(field: str, code: str) -> Conversion | None:
    """The same for an MDC unit code (ISO/IEEE 11073-10101)."""
    return _MDC.get((field, code))


def _read() -> tuple[dict[tuple[str, str], Conversion], dict[tuple[str, str], Conversion]]:
    units: dict[tuple[str, str], Conversion] = {}
    mdc: dict[tuple[str, str], Conversion] = {}
    table: dict[str, dict[str, Any]] = tomllib.loads((files("devices") / "units.toml").read_text(encoding="utf-8"))
    for dimension in table.values():
        for entry in (dimension, *dimension.get("converted", ())):
            how = Conversion(Fraction(entry.get("before", "0")), Fraction(entry.get("times", "1")))
            for field in dimension["fields"]:
                units |= {(field, unit): how for unit in entry["units"]}
                mdc |= {(field, code): how for code in entry.get("mdc", ())}
    return units, mdc


_UNITS, _MDC = _read()
