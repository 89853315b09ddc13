"""What a message of admission, transfer, discharge or merge says: who, where, when. Nothing is decided here."""

import re
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from devices.formats.hl7v2.message import Envelope, Refused, Segment, segments
from devices.formats.hl7v2.moments import NoTime, day, instant, zone_of

ADMIT, TRANSFER, DISCHARGE, UPDATE = "A01", "A02", "A03", "A08"
CANCEL_ADMIT, CANCEL_DISCHARGE, MERGE = "A11", "A13", "A40"
TRIGGERS: Final = frozenset({ADMIT, TRANSFER, DISCHARGE, UPDATE, CANCEL_ADMIT, CANCEL_DISCHARGE, MERGE})
_PLACED: Final = frozenset({ADMIT, TRANSFER, DISCHARGE})

NHS: Final = frozenset({"NHS", "NH", "NHSNBR", "NHSNMBR", "NHSNO"})
"""How senders mark an NHS number in PID-3, as its authority or its type."""

SEXES: Final = {
    "1": "male", "2": "female", "0": "unknown", "9": "unknown",  # NHS data dictionary
    "M": "male", "F": "female", "U": "unknown", "O": "other", "A": "other", "N": "other",  # HL7 table 0001
}  # fmt: skip
DIED_METHODS: Final = frozenset({"4", "20", "40", "41", "42"})
"""PV1-36: 4 of the NHS's discharge methods; 20 and 40 to 42 of HL7's table 0112."""
DIED_DESTINATION: Final = "79"

_PRACTICE: Final = re.compile(r"[A-Z][0-9]{5}")
_ETHNICITY: Final = re.compile(r"[A-Z]|99")


@dataclass(frozen=True, slots=True)
class Person:
    """Who is meant, and what is said of them; None, or nothing, where nothing is said."""

    nhs_number: str | None
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    sex: str | None
    address: str | None
    postcode: str | None
    phones: tuple[str, ...]
    ethnicity: str | None
    gp_practice: str | None
    died: bool | None
    died_at: datetime | None


@dataclass(frozen=True, slots=True)
class Visit:
    """Where the patient is or was, and how they left."""

    ward: str | None  # PV1-3.1, point of care
    hospital: str | None  # PV1-3.4, else who sends
    in_emergency: bool
    clinician: str | None
    number: str | None  # the hospital's own of this visit
    admitted_at: datetime | None
    discharged_at: datetime | None
    method: str | None
    destination: str | None

    @property
    def died(self) -> bool:
        """Whether the patient left by dying."""
        return self.method in DIED_METHODS or self.destination == DIED_DESTINATION


@dataclass(frozen=True, slots=True)
class Adt:
    """One message of a hospital's patient administration."""

    trigger: str
    recorded_at: datetime  # EVN-2: by this messages about one patient are put in order
    occurred_at: datetime  # EVN-6, else PV1-44 or PV1-45, else EVN-2
    person: Person
    visit: Visit
    merged_number: str | None  # MRG-1: the NHS number of who is merged away


def decode(envelope: Envelope) -> Adt:
    """The facts of one of the messages in TRIGGERS. Raises Refused."""
    header = envelope.header
    found: dict[str, Segment] = {}
    for segment in segments(envelope):
        found.setdefault(segment.name, segment)
    zone = zone_of(header.whole(7))
    event, patient = _required(found, "EVN"), _required(found, "PID")
    if (said := event.value(1)) is not None and said != header.trigger:
        raise Refused("EVN-1", "is another event than MSH-9.2")
    if (recorded_at := _instant(event, 2, zone)) is None:
        raise Refused("EVN-2", "is required: messages about a patient are put in order by it", 101)
    visit = _visit(found.get("PV1"), header.text(4) or None, zone)
    if header.trigger in _PLACED and visit.ward is None:
        raise Refused("PV1-3.1", "is required", 101)
    merged = _merged(_required(found, "MRG")) if header.trigger == MERGE else None
    told = {ADMIT: visit.admitted_at, DISCHARGE: visit.discharged_at}.get(header.trigger)
    return Adt(
        trigger=header.trigger,
        recorded_at=recorded_at,
        occurred_at=_instant(event, 6, zone) or told or recorded_at,
        person=_person(patient, found.get("PD1"), zone),
        visit=visit,
        merged_number=merged,
    )


def _required(found: dict[str, Segment], name: str) -> Segment:
    if name not in found:
        raise Refused(name, "is required", 101)
    return found[name]


def _person(patient: Segment, more: Segment | None, zone: tzinfo) -> Person:
    born, sex, died = patient.value(7), patient.value(8), patient.value(30)
    if sex is not None and sex not in SEXES:
        raise Refused("PID-8", f"is none of {', '.join(SEXES)}", 103)
    if died is not None and died not in {"Y", "N"}:
        raise Refused("PID-30", "is neither Y nor N", 103)
    ethnicity = patient.value(22)
    lines = (patient.value(11, number) for number in range(1, 5))
    return Person(
        nhs_number=nhs_number(patient, 3),
        family_name=patient.value(5),
        given_name=patient.value(5, 2),
        birth_date=None if born is None else _day(born, "PID-7"),
        sex=None if sex is None else SEXES[sex],
        address=", ".join(line for line in lines if line is not None) or None,
        postcode=patient.value(11, 5),
        phones=_phones(patient),
        ethnicity=ethnicity if ethnicity is not None and _ETHNICITY.fullmatch(ethnicity) else None,
        gp_practice=_practice(more),
        died=None if died is None else died == "Y",
        died_at=_instant_if_whole(patient, 29, zone),
    )


def _visit(visit: Segment | None, sender: str | None, zone: tzinfo) -> Visit:
    if visit is None:
        return Visit(
            ward=None, hospital=sender, in_emergency=False, clinician=None, number=None, admitted_at=None,
            discharged_at=None, method=None, destination=None,
        )  # fmt: skip
    name = " ".join(part for number in (3, 2) if (part := visit.value(7, number)) is not None)
    return Visit(
        ward=visit.value(3),
        hospital=visit.value(3, 4) or sender,
        in_emergency=(visit.value(2) or "").upper().startswith("E"),
        clinician=name or None,
        number=visit.value(19),
        admitted_at=_instant_if_whole(visit, 44, zone),
        discharged_at=_instant_if_whole(visit, 45, zone),
        method=visit.value(36),
        destination=visit.value(37),
    )


def _merged(merge: Segment) -> str | None:
    return nhs_number(merge, 1)


def nhs_number(segment: Segment, number: int) -> str | None:
    """The one NHS number among a person's identifiers; None where there is none. Raises Refused where two differ."""
    found = {
        said.replace(" ", "").replace("-", "")
        for one in segment.repetitions(number)
        if NHS & {segment.part(one, number, 4), segment.part(one, number, 5)}
        and (said := segment.part(one, number)) is not None
    }
    if len(found) > 1:
        raise Refused(f"{segment.name}-{number}", "holds two NHS numbers")
    return next(iter(found), None)


def _phones(patient: Segment) -> tuple[str, ...]:
    """Numbers as text (component 1), or as HL7 2.7 has them (component 12)."""
    said = (patient.part(one, 13) or patient.part(one, 13, 12) for one in patient.repetitions(13))
    return tuple(dict.fromkeys(one for one in said if one is not None))


def _practice(more: Segment | None) -> str | None:
    """PD1-3, the practice: its code stands third, or tenth in newer versions."""
    codes = [] if more is None else [more.value(3, 3), more.value(3, 10)]
    return next((code for code in codes if code is not None and _PRACTICE.fullmatch(code)), None)


def _day(said: str, place: str) -> date:
    try:
        return day(said)
    except NoTime as error:
        raise Refused(place, str(error)) from None


def _instant(segment: Segment, number: int, zone: tzinfo) -> datetime | None:
    if (said := segment.value(number)) is None:
        return None
    try:
        return instant(said, zone)
    except NoTime as error:
        raise Refused(f"{segment.name}-{number}", str(error)) from None


def _instant_if_whole(segment: Segment, number: int, zone: tzinfo) -> datetime | None:
    """A time that only adds to what is known: a day without hours says too little, and is passed over."""
    try:
        return _instant(segment, number, zone)
    except Refused:
        return None
