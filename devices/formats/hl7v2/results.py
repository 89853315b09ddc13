"""ORU^R01 by its groups: whose, which OBR, which OBX; and what of them is found on the way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final

from devices.formats.hl7v2.ack import Remark
from devices.formats.hl7v2.adt import nhs_number
from devices.formats.hl7v2.containment import Containment
from devices.formats.hl7v2.message import Envelope, Refused, Segment, segments
from devices.formats.hl7v2.moments import NoTime, certain
from devices.formats.hl7v2.sets import Ids, Value
from devices.posted import Decoded
from devices.reading import Doubt, Number

OURS: Final = "VW"
"""The authority of PID-3 under which our own id of a patient stands, for who has no NHS number."""
_OUR_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class Order:
    """One OBR with its OBX, each by its number in the message."""

    patient: str | None  # an NHS number, or our id
    is_somebodys: bool  # False: one of several patients, and nobody can say which
    segment: Segment | None
    rows: list[tuple[int, Segment]]

    @property
    def taken_at(self) -> str:
        """OBR-7 as written: when the observation began."""
        one = self.segment
        if one is None or len(one.fields) <= 7:
            return ""
        return one.fields[7].partition(one.separators.component)[0].strip()

    @property
    def number(self) -> str:
        """The sender's own of this observation, the filler's before the placer's; "" where there is none."""
        return "" if self.segment is None else self.segment.value(3) or self.segment.value(2) or ""


def orders(envelope: Envelope) -> list[Order]:
    """The groups of a message. Raises Refused where there is nothing, or no telling whose it is."""
    found: list[tuple[str | None, Segment | None, list[tuple[int, Segment]]]] = []
    patient: str | None = None
    people: set[str] = set()
    number = 0
    for one in _segments(envelope):
        if one.name == "PID":
            patient = _patient(one)
            people.add(one.separators.repetition.join(one.repetitions(3)))
        if one.name in {"PID", "OBR"}:
            found.append((patient, one if one.name == "OBR" else None, []))
        elif one.name == "OBX":
            number += 1
            if not found:
                found.append((patient, None, []))
            found[-1][2].append((number, one))
    if not number:
        raise Refused("OBX", "is required: a message without any says nothing", 100)
    return [Order(who, who is not None or len(people) < 2, segment, rows) for who, segment, rows in found if rows]


def _segments(envelope: Envelope) -> Iterator[Segment]:
    if b"\0" in envelope.body:
        raise Refused("MSH", "is followed by a NUL")
    return segments(envelope)


def _patient(patient: Segment) -> str | None:
    """Whom PID-3 names by NHS number, or by our own id. Raises Refused where two NHS numbers differ."""
    if (number := nhs_number(patient, 3)) is not None:
        return number[:64]
    ours = (patient.part(one, 3) for one in patient.repetitions(3) if patient.part(one, 3, 4) == OURS)
    return next((one for one in ours if one is not None and _OUR_ID.fullmatch(one)), None)


@dataclass(frozen=True, slots=True)
class Worry:
    """A concern that a message carries: somebody is to hear of it as of any other."""

    id: str
    at: datetime | None
    patient: str | None
    text: str
    place: str
    line: str


@dataclass(slots=True)
class Observations:
    """What one message holds."""

    decoded: Decoded = field(default_factory=Decoded)
    worries: list[Worry] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    """What is the same for a whole message, and what was found in it."""

    zone: tzinfo
    assumed_at: datetime  # MSH-7, else when it came: for what says no time, which is kept aside
    found: Observations = field(default_factory=Observations)
    ids: Ids = field(default_factory=Ids)
    known: dict[str, datetime | None] = field(default_factory=dict)

    def at(self, written: str) -> datetime | None:
        """An instant; None where it is none, or could be two."""
        if written not in self.known:
            try:
                self.known[written] = certain(written, self.zone)
            except NoTime:
                self.known[written] = None
        return self.known[written]

    def remark(self, place: str, reason: str, code: int = 207) -> None:
        """Tell the sender something."""
        self.found.remarks.append(Remark(place, reason, code))


@dataclass(slots=True)
class Results:
    """One OBR on its way: what its OBX say."""

    of: Order
    within: Containment = field(default_factory=Containment)
    values: list[Value] = field(default_factory=list)
    impossible: list[Value] = field(default_factory=list)
    empty: list[Value] = field(default_factory=list)  # numbers that stand for no value
    declined: list[Value] = field(default_factory=list)
    doubtful: list[tuple[Doubt, str, Value]] = field(default_factory=list)  # with what it would be, and its detail
    battery: Number | None = None
    total: int | None = None  # a NEWS2 score that came with the values
    local_total: int | None = None  # a score by a local name: NEWS2 where the message says so
    system: str = ""  # of scoring, as the message says

    @property
    def news2(self) -> int | None:
        """The NEWS2 score that came with the values."""
        return self.local_total if self.total is None and "NEWS2" in self.system else self.total


def line(segment: Segment) -> str:
    """A segment as it was sent."""
    return segment.separators.field.join(segment.fields)
