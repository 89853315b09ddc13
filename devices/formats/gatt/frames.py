"""What the bytes of each characteristic say: flags, then fields that are there or not, and nothing after them.

Layouts: the GATT specifications of the Bluetooth SIG (PLX, Blood Pressure, Heart Rate, Health Thermometer, Weight
Scale, Battery). Everything is little-endian. What a frame shows as its time is left to clocks.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from struct import Struct
from typing import Any, Final

from devices.formats.gatt.numbers import FLOAT_SPECIALS, SFLOAT_SPECIALS, Numbers, long_float, sfloat
from devices.reading import Quality
from devices.units import AS_IT_IS, Conversion, conversion


class Wrong(Exception):
    """A frame is not what its characteristic says, or no reading: why, in words for an engineer."""


@dataclass(slots=True)
class Said:
    """What one frame says. `fields` are the contract's, with `quality` and `slot`; empty of a battery."""

    fields: dict[str, Any] = field(default_factory=dict)
    shown: bytes | None = None  # the sensor's own date and time, 7 bytes
    stored: bool | None = None  # from the sensor's memory; None: it does not say
    clock_set: bool = True
    battery: int | None = None  # %


def _known(name: str, unit: str) -> Conversion:
    found = conversion(name, unit)
    assert found is not None, unit
    return found


PLAIN: Final = Numbers(sfloat, AS_IT_IS)
KILOPASCALS: Final = Numbers(sfloat, _known("systolic", "kPa"))
CELSIUS: Final = Numbers(long_float, AS_IT_IS)
FAHRENHEIT: Final = Numbers(long_float, _known("temperature", "[degF]"))
KILOGRAMS: Final = Numbers(lambda raw: raw * Decimal("0.005"), AS_IT_IS)
POUNDS: Final = Numbers(lambda raw: raw * Decimal("0.01"), _known("weight", "[lb_av]"))

_ONE: Final = Struct("<H")
_TWO: Final = Struct("<HH")
_THREE: Final = Struct("<HHH")
_LONG: Final = Struct("<L")

TIME_BYTES: Final = 7
FROM_MEMORY: Final = 1 << 9
IS_TEST: Final = 1 << 10 | 1 << 11 | 1 << 12  # demonstration, test, calibration
NO_VALUE: Final = 1 << 13 | 1 << 15  # not available, invalid
DOUBTFUL: Final = 1 << 6 | 1 << 14  # early estimate, questionable
"""Bits of a PLX measurement status."""
SENSOR_DOUBTFUL: Final = 0xFFFE
"""Of a PLX device and sensor status: all but `extended display update`. Poor perfusion is what shock gives: the value
is kept, as one of low quality."""
CUFF_DOUBTFUL: Final = 1 << 0 | 1 << 1 | 1 << 5
"""Of a blood pressure status: the body moved, the cuff was loose, its position wrong. An irregular pulse is none."""
NO_USER: Final = 255
NO_CONTACT: Final = 2
UNSUCCESSFUL: Final = 0xFFFF
PERIPHERAL: Final = frozenset({4, 8})
"""Types of a temperature: of a finger or a toe, which says little of the body's."""


def spot_check(value: bytes) -> Said:
    """2A5E: PLX spot-check measurement."""
    flags = _flags(value)
    has_time, has_status, has_sensor = flags & 1, flags >> 1 & 1, flags >> 2 & 1
    _is_long(value, 5 + TIME_BYTES * has_time + 2 * has_status + 3 * has_sensor + 2 * (flags >> 3 & 1))
    said = _saturation(value)
    after = 5
    if has_time:
        said.shown, after = value[5:12], 12
    said.clock_set = not flags & 1 << 4
    _judge_status(said, value, after, has_status=bool(has_status), has_sensor=bool(has_sensor))
    return said


def continuous(value: bytes) -> Said:
    """2A5F: PLX continuous measurement. The fast and the slow pair are other averages of the same: not read."""
    flags = _flags(value)
    pairs, has_status, has_sensor = (flags & 1) + (flags >> 1 & 1), flags >> 2 & 1, flags >> 3 & 1
    _is_long(value, 5 + 4 * pairs + 2 * has_status + 3 * has_sensor + 2 * (flags >> 4 & 1))
    said = _saturation(value)
    if has_status or has_sensor:
        _judge_status(said, value, 5 + 4 * pairs, has_status=bool(has_status), has_sensor=bool(has_sensor))
    return said


def _saturation(value: bytes) -> Said:
    spo2, pulse = _TWO.unpack_from(value, 1)
    fields: dict[str, Any] = {}
    if (percent := PLAIN[spo2]) is not None:
        fields["spo2"] = percent
    if (rate := PLAIN[pulse]) is not None:
        fields["pulse"] = rate
    if not fields:
        raise Wrong(f"no value: SpO2 is {SFLOAT_SPECIALS[spo2]}, pulse is {SFLOAT_SPECIALS[pulse]}")
    return Said(fields)


def _judge_status(said: Said, value: bytes, after: int, *, has_status: bool, has_sensor: bool) -> None:
    """What the two status fields say of the measurement."""
    status = sensor = 0
    if has_status:
        (status,) = _ONE.unpack_from(value, after)
        after += 2
        said.stored = bool(status & FROM_MEMORY)
    if has_sensor:
        sensor = int.from_bytes(value[after : after + 3], "little")
    if status & NO_VALUE:
        raise Wrong(f"no value: the sensor says that it is {'invalid' if status >> 15 else 'not available'}")
    if status & IS_TEST:
        said.fields["quality"] = _quality("test")
    elif status & DOUBTFUL or sensor & SENSOR_DOUBTFUL:
        said.fields["quality"] = _quality("low")


def _quality(word: Quality) -> Quality:
    return word


def blood_pressure(value: bytes) -> Said:
    """2A35: systolic, diastolic, mean (not read), and the cuff's pulse."""
    flags = _flags(value)
    has_time, has_pulse, has_user, has_status = flags >> 1 & 1, flags >> 2 & 1, flags >> 3 & 1, flags >> 4 & 1
    _is_long(value, 7 + TIME_BYTES * has_time + 2 * has_pulse + has_user + 2 * has_status)
    said = Said()
    fields, after = said.fields, 7
    pressures = KILOPASCALS if flags & 1 else PLAIN
    systolic, diastolic, _ = _THREE.unpack_from(value, 1)
    if (high := pressures[systolic]) is not None:
        fields["systolic"] = high
    if (low := pressures[diastolic]) is not None:
        fields["diastolic"] = low
    if has_time:
        said.shown, after = value[7:14], 14
    if has_pulse:
        (pulse,) = _ONE.unpack_from(value, after)
        after += 2
        if (rate := PLAIN[pulse]) is not None:
            fields["pulse"] = rate
    if not fields:
        raise Wrong(f"no value: systolic is {SFLOAT_SPECIALS[systolic]}, diastolic is {SFLOAT_SPECIALS[diastolic]}")
    if has_user and value[after] != NO_USER:
        fields["slot"] = value[after]
    if has_status and _ONE.unpack_from(value, after + has_user)[0] & CUFF_DOUBTFUL:
        fields["quality"] = _quality("low")
    return said


def heart_rate(value: bytes) -> Said:
    """2A37. The energy spent and the intervals between beats are not read."""
    flags = _flags(value)
    is_long, has_energy, has_intervals = flags & 1, flags >> 3 & 1, flags >> 4 & 1
    least = 2 + is_long + 2 * has_energy
    if not has_intervals:
        _is_long(value, least)
    elif len(value) < least or (len(value) - least) % 2:
        raise Wrong(f"{len(value)} bytes: its flags say {least} and two for each interval between beats")
    fields: dict[str, Any] = {"pulse": _ONE.unpack_from(value, 1)[0] if is_long else value[1]}
    if flags >> 1 & 3 == NO_CONTACT:
        fields["quality"] = _quality("low")
    return Said(fields)


def temperature(value: bytes) -> Said:
    """2A1C."""
    flags = _flags(value)
    has_time, has_type = flags >> 1 & 1, flags >> 2 & 1
    _is_long(value, 5 + TIME_BYTES * has_time + has_type)
    (raw,) = _LONG.unpack_from(value, 1)
    degrees = (FAHRENHEIT if flags & 1 else CELSIUS)[raw]
    if degrees is None:
        raise Wrong(f"no value: temperature is {FLOAT_SPECIALS[raw]}")
    said = Said({"temperature": degrees})
    if has_time:
        said.shown = value[5:12]
    if has_type and value[-1] in PERIPHERAL:
        said.fields["quality"] = _quality("low")
    return said


def weight(value: bytes) -> Said:
    """2A9D. The body mass index and the height are not read."""
    flags = _flags(value)
    has_time, has_user = flags >> 1 & 1, flags >> 2 & 1
    _is_long(value, 3 + TIME_BYTES * has_time + has_user + 4 * (flags >> 3 & 1))
    (raw,) = _ONE.unpack_from(value, 1)
    if raw == UNSUCCESSFUL:
        raise Wrong("no value: the measurement was unsuccessful")
    said = Said({"weight": (POUNDS if flags & 1 else KILOGRAMS)[raw]})
    after = 3
    if has_time:
        said.shown, after = value[3:10], 10
    if has_user and value[after] != NO_USER:
        said.fields["slot"] = value[after]
    return said


def battery(value: bytes) -> Said:
    """2A19."""
    _is_long(value, 1)
    if value[0] > 100:
        raise Wrong(f"no value: a battery is never {value[0]} % full")
    return Said(battery=value[0])


READ: Final[dict[str, Callable[[bytes], Said]]] = {
    "2A5E": spot_check,
    "2A5F": continuous,
    "2A35": blood_pressure,
    "2A37": heart_rate,
    "2A1C": temperature,
    "2A9D": weight,
    "2A19": battery,
}
"""By characteristic: what reads its frames."""

NO_READINGS: Final = {
    "2A36": "intermediate cuff pressure: the cuff is still being inflated",
    "2A1E": "intermediate temperature: still being measured",
    "2A08": "date time",
    "2A2B": "current time",
    "2A1D": "temperature type",
    "2A38": "body sensor location",
    "2A49": "blood pressure feature",
    "2A60": "PLX features",
    "2A9E": "weight scale feature",
    "2A24": "model number",
    "2A25": "serial number",
    "2A26": "firmware revision",
    "2A29": "manufacturer name",
}
"""Characteristics that such sensors have, and that are no readings."""


def _flags(value: bytes) -> int:
    if not value:
        raise Wrong("0 bytes: not even flags")
    return value[0]


def _is_long(value: bytes, expected: int) -> None:
    if len(value) != expected:
        raise Wrong(f"{len(value)} bytes: its flags say {expected}")
