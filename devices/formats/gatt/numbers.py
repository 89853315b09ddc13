"""SFLOAT (16 bits) and FLOAT (32 bits) of IEEE 11073-20601, decoded exactly: mantissa x 10^exponent, both signed.

Source: HL7's Personal Health Device guide, FLOATS. A special value is one whole number of the format, exponent 0; it
is looked for before any sign is extended, so that 0xF7FF is 204.7 and only 0x07FF is NaN.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final

from devices.reading import Number
from devices.units import Conversion, as_number


class Special(StrEnum):
    """What stands in place of a number."""

    NAN = "NaN"
    NRES = "NRes"  # not at this resolution
    PLUS = "+INF"
    MINUS = "-INF"
    RESERVED = "reserved"


SFLOAT_SPECIALS: Final = {
    0x07FE: Special.PLUS,
    0x07FF: Special.NAN,
    0x0800: Special.NRES,
    0x0801: Special.RESERVED,
    0x0802: Special.MINUS,
}
FLOAT_SPECIALS: Final = {
    0x007FFFFE: Special.PLUS,
    0x007FFFFF: Special.NAN,
    0x00800000: Special.NRES,
    0x00800001: Special.RESERVED,
    0x00800002: Special.MINUS,
}


def sfloat(raw: int) -> Decimal | Special:
    """The value of 16 bits."""
    return SFLOAT_SPECIALS.get(raw) or _value(raw, mantissa_bits=12, exponent_bits=4)


def long_float(raw: int) -> Decimal | Special:
    """The value of 32 bits."""
    return FLOAT_SPECIALS.get(raw) or _value(raw, mantissa_bits=24, exponent_bits=8)


def _value(raw: int, *, mantissa_bits: int, exponent_bits: int) -> Decimal:
    mantissa = _signed(raw & (1 << mantissa_bits) - 1, mantissa_bits)
    return Decimal(mantissa).scaleb(_signed(raw >> mantissa_bits, exponent_bits))


def _signed(raw: int, bits: int) -> int:
    return raw - (1 << bits) if raw >> bits - 1 else raw


class Numbers(dict[int, Number | None]):
    """What each raw value comes to in the contract's unit, found once; None where it is special.

    Sensors show a few hundred distinct values. 65,536 is every SFLOAT there is.
    """

    VALUES_MAX: Final = 65_536

    def __init__(self, decode: Callable[[int], Decimal | Special], how: Conversion) -> None:
        super().__init__()
        self._decode, self._how = decode, how

    def __missing__(self, raw: int) -> Number | None:
        if len(self) >= self.VALUES_MAX:
            self.clear()
        value = self._decode(raw)
        found = self[raw] = None if isinstance(value, Special) else as_number(self._how.of(value))
        return found
