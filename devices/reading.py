"""The canonical reading set: what every format is decoded to, what travels on the stream, what is stored.

Vital signs stand in chart units, whole numbers, rounded half up once (`alert_rules.vitals.to_chart`); `as_sent` keeps
each value that rounding changed. None is not measured.
"""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal

import msgspec

from alert_rules.vitals import to_chart
from devices.original import Original, derived_id

Number = int | float
Quality = Literal["good", "low", "test"]
Assessor = Literal["patient", "carer", "staff"]
WellnessAnswer = Literal["much better", "better", "same", "worse", "much worse"]
ConsciousnessLetter = Literal["A", "C", "V", "P", "U"]
ClockTrust = Literal["synced", "corrected", "assumed"]
"""Whether a device's clock was right, was put right by what it was off, or the time of reception stands in for it."""
Doubt = Literal[
    "code not known", "unit not known", "time not known", "withdrawn by its sender", "corrected by its sender",
    "another user of the device", "can hardly be this patient's", "same id, other content",
]  # fmt: skip
"""Why part of a document is kept aside by its decoder: nothing is guessed."""


NO_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands in `Odd.reads` where the time is what is not known: never taken for one."""


class ReadingSet(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One set of readings taken together."""

    id: str  # the source's own
    taken_at: datetime  # UTC
    patient: str | None = None  # named by a hub: our id, or an NHS number
    respiratory_rate: int | None = None  # /min
    spo2: int | None = None  # %
    on_oxygen: bool | None = None
    oxygen_flow_hundredths: int | None = None  # of L/min
    systolic: int | None = None  # mmHg
    diastolic: int | None = None  # mmHg
    pulse: int | None = None  # /min
    consciousness: ConsciousnessLetter | None = None
    temperature_tenths: int | None = None  # of °C
    weight: Number | None = None  # kg, as sent
    glucose: Number | None = None  # mmol/L, as sent
    peak_flow: Number | None = None  # L/min, as sent
    assessed_by: Assessor | None = None
    wellness: WellnessAnswer | None = None
    battery: int | None = None  # %
    quality: Quality = "good"
    declined: str | None = None  # why the patient gave none
    method: str | None = None  # how staff came by it
    measured_by: str | None = None
    sensor: str | None = None  # the sensor behind a hub: EUI-64 or EUI-48, hexadecimal in capitals
    slot: int | None = None  # which of its users the sensor says it was
    clock: ClockTrust | None = None
    reported_news2: int | None = None  # a score that came with the values
    as_sent: dict[str, Number] | None = None
    flags: tuple[str, ...] = ()  # improbable values, by field


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why one set of a request was not taken. `index` is its place in the request."""

    index: int
    field: str
    reason: str


class NoValue(msgspec.Struct, frozen=True):
    """What cannot be a measurement, and why."""

    field: str
    value: Number
    reason: str


class Impossible(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A set refused because a value cannot be a measurement: it travels on, so that somebody is told."""

    id: str
    taken_at: datetime
    values: tuple[NoValue, ...]
    rest: ReadingSet | None = None  # what else it held: poor perfusion fails one measurement and shows in another
    patient: str | None = None


class Odd(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Part of a document that nobody can score as it is: kept aside for a person, with what it came as."""

    id: str
    reason: Doubt
    detail: str  # with the place in the document
    document: msgspec.Raw  # the original part as JSON; text and hexadecimal as a JSON string
    taken_at: datetime | None = None
    reads: ReadingSet | None = None  # what it would be, were the doubt settled
    patient: str | None = None


class Arrival(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one request brought: an entry of the stream."""

    source: int  # a device's internal key, or the negative of a member of staff's
    received_at: datetime  # UTC
    sets: list[ReadingSet] = []
    impossible: list[Impossible] = []
    odd: list[Odd] = []
    clock_offset_s: int | None = None  # device minus true, where the request shows both at once
    patient: str | None = None  # public id, where staff sent it for one patient, or released it to one
    released: str | None = None  # public id of what was kept aside, where a person released it
    battery: int | None = None  # % of the device, where it was told apart from any set
    original: Original | None = None  # the document, where it is of another format than our own


CHARTED: Final[dict[str, tuple[str, int]]] = {
    "respiratory_rate": ("respiratory_rate", 0),
    "spo2": ("spo2", 0),
    "oxygen_flow": ("oxygen_flow_hundredths", 2),
    "systolic": ("systolic", 0),
    "diastolic": ("diastolic", 0),
    "pulse": ("pulse", 0),
    "temperature": ("temperature_tenths", 1),
}
"""What is brought to chart units: by wire name, the canonical field and the decimals of its unit."""


def in_chart_units(value: Number, decimals: int) -> tuple[int, bool]:
    """A value from the wire in whole chart units, and whether rounding changed it.

    A float's shortest decimal text is what the device wrote: 35.05 is never 35.049999.
    """
    exact = Decimal(repr(value))
    units = to_chart(exact, decimals)
    return units, exact != Decimal(units).scaleb(-decimals)


@lru_cache(maxsize=8192)
def in_whole_units(value: Number, decimals: int) -> int:
    """A rarer value (weight, glucose, peak flow) in whole units of its resolution, half up in decimal."""
    return int(Decimal(repr(value)).scaleb(decimals).to_integral_value(ROUND_HALF_UP))


def content_of(one: ReadingSet | Impossible | Odd) -> bytes:
    """16 bytes that two sets share if and only if they say the same.

    How we came by the time is no part of it: what a sensor sends live it sends again from its memory.
    """
    if isinstance(one, ReadingSet) and one.clock is not None:
        one = msgspec.structs.replace(one, clock=None)
    return sha256(_encode(one)).digest()[:16]


def set_key(source: int, own_id: str) -> str:
    """A set's id everywhere: a UUID of version 8, made from its source and the source's own id."""
    return derived_id(f"{source}/{own_id}".encode())


_encode = msgspec.json.Encoder().encode
