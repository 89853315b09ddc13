"""FHIR R4 Observations, alone or in a Bundle: bytes in, what each of them is, and the sets of readings they make.

`read` says of each entry what becomes of it; `compose` makes sets of those that are taken: the Observations of one
subject, sensor and instant are one set. `decode` is both. Knows no I/O, and raises nothing but Refused.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from devices.formats.fhir import times
from devices.formats.fhir.asking import own_name, refused_request
from devices.formats.fhir.grouping import RIDERS, Part, compose
from devices.formats.fhir.meanings import meaning, shown
from devices.formats.fhir.members import (
    BLANK_TIME,
    Doubts,
    Fate,
    Member,
    Reading,
    add_odd,
    cannot,
    keep_aside,
    note,
    refuse,
    refuse_impossible,
)
from devices.formats.fhir.node import Refused
from devices.formats.fhir.shapes import Document, Entry, Observation, Reference, Valued
from devices.formats.fhir.shapes import read as read_document
from devices.formats.fhir.times import Stamp, When
from devices.formats.fhir.values import GROUPS, Found, take
from devices.formats.fhir.whose import PERSONS, Subject, Whose, assessor_of, resources
from devices.posted import YEAR_MAX, YEAR_MIN, Decoded
from devices.reading import Doubt, Quality

COLLECTIONS: Final = frozenset({"batch", "transaction", "collection"})
AS_RESULT: Final[dict[str, Quality]] = {"final": "good", "preliminary": "low", "registered": "low"}
"""Statuses of a measurement: what is not verified yet, or not whole, is of low quality."""
KEPT_ASIDE: Final[dict[str, tuple[Doubt, str]]] = {
    "amended": ("corrected by its sender", "amends what was sent before"),
    "corrected": ("corrected by its sender", "corrects what was sent before"),
    "entered-in-error": ("withdrawn by its sender", "was entered in error"),
    "unknown": ("code not known", "its sender does not know its status"),
}
CANCELLED: Final = "cancelled"
HEALTH_TESTS: Final = frozenset({"HTEST"})
"""In `meta.security`: test data, of HL7's v3 ActReason."""
PARTS_MAX: Final = 1000


@dataclass(slots=True)
class _Context:
    """What a document says beside its Observations."""

    document: Document
    whose: Whose
    header: str | None  # If-None-Exist
    stamps: dict[str, Stamp] = field(default_factory=dict)  # by every name of the timestamp, and of its sensor
    subjects: set[str] = field(default_factory=set)  # who is named, and not known to us
    has_groups: bool = False  # some Observation refers to others


def decode(body: bytes) -> Decoded:
    """The sets of an Observation or a Bundle. Raises Refused where the document as a whole is none."""
    reading = read(body)
    settle(reading, reading.taken)
    return reading.decoded


def settle(reading: Reading, members: list[Member]) -> None:
    """Make the sets of these members. A score or a charge that finds no set to go with is noted only."""
    by_index = {one.index: one for one in members}
    for part in compose((one.part for one in members if one.part is not None), reading.decoded):
        member = by_index[part.index]
        member.part = None
        note(member, reading.decoded, member.place, "comes without the measurements that it is about")


def read(body: bytes, *, if_none_exist: str | None = None) -> Reading:
    """What each entry is. Raises Refused where the document as a whole cannot be read."""
    document = read_document(body)
    if document.type is not None and document.type not in COLLECTIONS:
        raise Refused("Bundle.type", "is none of batch, transaction, collection", "not-supported")
    context = _context(document, if_none_exist)
    decoded = Decoded(clock_offset_s=_clock_offset(context))
    members = [_member(index, entry, context, decoded) for index, entry in enumerate(document.entries)]
    return Reading(document, members, decoded)


def _context(document: Document, header: str | None) -> _Context:
    context = _Context(document, Whose(resources(document) if document.type is not None else {}), header)
    references = set()
    for entry in document.entries:
        one = entry.resource
        if one is None or one.resourceType != "Observation":
            continue
        if one.subject is not None and one.subject not in references:
            references.add(one.subject)
            subject = context.whose.subject(one)
            if subject.patient is None and subject.name is not None and subject.kind in PERSONS:
                context.subjects.add(subject.name)
        if one.valueQuantity is None:  # of a device that counts ticks its gateway makes instants
            _note_stamp(context, entry, one)
        if one.derivedFrom is not None or one.hasMember is not None:
            context.has_groups = True
    return context


def _note_stamp(context: _Context, entry: Entry, one: Observation) -> None:
    if meaning(one.code)[0] != "clock":
        return
    stamp = times.stamp_of(one)
    reference = (one.subject or one.device or Reference()).reference
    for name in (entry.fullUrl, one.id and f"Observation/{one.id}", one.id and f"urn:uuid:{one.id}"):
        if name:
            context.stamps[name] = stamp
    if reference and not (stamp.is_fault and reference in context.stamps):  # a fault is of what refers to it
        context.stamps[reference] = stamp


def _clock_offset(context: _Context) -> int | None:
    """Where the document shows one clock, how far it is off, in whole seconds."""
    offsets = {offset for stamp in context.stamps.values() if (offset := stamp.offset) is not None}
    return round(offsets.pop().total_seconds()) if len(offsets) == 1 else None


def _member(index: int, entry: Entry, context: _Context, decoded: Decoded) -> Member:
    member = Member(index, context.document.place(index), Fate.TAKEN)
    if (fault := context.document.faults.get(index)) is not None:
        member.is_unreadable = True
        return refuse(member, decoded, *fault, "structure")
    one, request = entry.resource, entry.request
    if request is not None and (request.method != "POST" or request.url != "Observation"):  # nearly always they are
        wrong = refused_request(entry, context.document, index)
        if wrong is not None:
            return refuse(member, decoded, *wrong)
    if one is None:
        return refuse(member, decoded, member.place, "is required", "required")
    if one.resourceType != "Observation":
        if one.resourceType is None:
            return refuse(member, decoded, f"{member.place}.resourceType", "is required", "required")
        member.fate, member.reason = Fate.NOTED, f"a {one.resourceType[:40]} is read for its identifiers only"
        return member
    return _observation(member, entry, one, context, decoded)


def _observation(member: Member, entry: Entry, one: Observation, context: _Context, decoded: Decoded) -> Member:
    status, place = one.status, member.place
    if status is None:
        return refuse(member, decoded, f"{place}.status", "is required", "required")
    if status == CANCELLED:
        return note(member, decoded, f"{place}.status", "was cancelled: no measurement")
    if status not in AS_RESULT and status not in KEPT_ASIDE:
        return refuse(member, decoded, f"{place}.status", "is no status of an Observation", "code-invalid")
    if one.code is None:
        return refuse(member, decoded, f"{place}.code", "is required", "required")
    concept, contradiction = meaning(one.code)
    if concept == "clock":
        member.fate, member.reason = Fate.NOTED, "the clock of a device"
        return member
    found = _found(one, concept, contradiction)
    if status != "final" and found.quality == "good":
        found.quality = AS_RESULT.get(status, "good")
    if one.meta is not None and any(label.code in HEALTH_TESTS for label in one.meta.security or ()):
        found.quality = "test"
    if found.refused is not None:
        where, reason, issue = found.refused
        return refuse(member, decoded, f"{place}.{where}", reason, issue)
    if not found.fields and not found.doubts:
        return _empty(member, one, concept, found, decoded)
    subject = context.whose.subject(one)
    if subject.fault is not None:
        return refuse(member, decoded, f"{place}.subject", subject.fault)
    try:
        member.own = own_name(entry, one, subject, context.header)
    except Refused as error:
        return refuse(member, decoded, _place_of_name(place, error.place), error.reason, error.issue)
    return _placed(member, one, found, subject, context, decoded)


def _place_of_name(place: str, within: str) -> str:
    """In the resource, or in the entry's request beside it."""
    if within.startswith("request."):
        return f"{place.removesuffix('.resource')}.{within}"
    return f"{place}.{within}"


def _placed(
    member: Member, one: Observation, found: Found, subject: Subject, context: _Context, decoded: Decoded
) -> Member:
    """What holds a value, in its time; kept aside where that, or whose it is, or the value itself is in doubt."""
    said = times.when(one)
    if said.is_wrong:
        return refuse(member, decoded, f"{member.place}.{said.place}", said.doubt or "is no time")
    sensor, device = context.whose.sensor(one) if one.device is not None else (None, None)
    at, clock, time_doubt = said.at, None, said.doubt
    if context.stamps and time_doubt is None:
        at, clock, time_doubt = _in_time(one, said, device, context)
    if at is not None and time_doubt is None and not YEAR_MIN <= at.year <= YEAR_MAX:
        wrong = f"year {at.year} is not between {YEAR_MIN} and {YEAR_MAX}"
        return refuse(member, decoded, f"{member.place}.{said.place}", wrong)
    fields = found.fields
    if fields.get("on_oxygen") and fields.get("oxygen_flow") == 0:
        return refuse(member, decoded, member.place, "says both oxygen and a flow of 0", "invariant")
    part = Part(
        member.index, member.own, fields, subject.patient, subject.name, device, sensor, at or BLANK_TIME,
        found.quality, clock,
    )  # fmt: skip
    if "consciousness" in fields:
        part.assessed_by = assessor_of(one)
    elif ("battery" in fields or "reported_news2" in fields) and fields.keys() <= RIDERS:
        part.is_rider = True
    if context.has_groups:
        part.names = _names(context.document, member.index, one)
        part.refers_to = [to.reference for to in (*(one.derivedFrom or ()), *(one.hasMember or ())) if to.reference]
    is_plain = one.status == "final" and time_doubt is None and fields and subject.kind == "Patient"
    if not (is_plain and one.implicitRules is None and len(context.subjects) <= 1) and (
        doubts := _doubts(one, found, subject, said, time_doubt, context)
    ):
        return keep_aside(member, part, doubts, context.document, decoded)
    if (reason := cannot(fields)) is not None:
        return refuse_impossible(member, part, reason, decoded)
    member.part = part
    if found.doubts:
        left = [(why, f"{where}: {detail}", reads) for why, where, detail, reads in found.doubts]
        add_odd(member, part, left, at, context.document, decoded)
    return member


def _in_time(
    one: Observation, said: When, device: str | None, context: _Context
) -> tuple[datetime | None, Any, str | None]:
    """The instant on the true timeline, what its clock was worth, and why it is not known."""
    assert said.at is not None
    named = times.refers_to(one, context.stamps)
    reference = one.device.reference if one.device is not None else None
    stamp = context.stamps.get(named or "") or context.stamps.get(reference or "") or context.stamps.get(device or "")
    if stamp is None:
        return said.at, None, None
    if stamp.is_fault:
        return said.at, None, "the clock of its device is not to be trusted (coincident timestamp without a value)"
    at, clock = times.corrected(said.at, stamp, is_named=named is not None)
    return at, clock, None


def _doubts(
    one: Observation, found: Found, subject: Subject, said: When, time_doubt: str | None, context: _Context
) -> Doubts:
    """Why the whole Observation is left to a person, where it is: reason, detail from its place on, what it reads."""
    status = one.status or ""
    if status in KEPT_ASIDE:
        why, detail = KEPT_ASIDE[status]
        return [(why, f"status: {detail}", found.fields)]
    if one.implicitRules is not None:
        return [("code not known", "implicitRules: rules that are not understood here", found.fields)]
    if not found.fields:
        return [(why, f"{place}: {detail}", reads) for why, place, detail, reads in found.doubts]
    if time_doubt is not None:
        return [("time not known", f"{said.place}: {time_doubt}", found.fields)]
    if subject.kind not in PERSONS and not found.fields.keys() <= {"battery"}:
        return [("can hardly be this patient's", f"subject: is a {subject.kind[:40]}", found.fields)]
    if subject.patient is None and len(context.subjects) > 1 and subject.name is not None:
        detail = f"subject: one of {len(context.subjects)} in this document, and nobody that is known here"
        return [("another user of the device", detail, found.fields)]
    return []


def _found(one: Observation, concept: str | None, contradiction: str | None) -> Found:
    found = Found()
    if concept is not None:
        take(one, concept, "", found)
        if one.component is None or concept == "not_kept":
            return found
    parts = one.component or ()
    if len(parts) > PARTS_MAX:
        found.refuse("component", f"holds more than {PARTS_MAX}", "too-long")
        return found
    for number, component in enumerate(parts):
        _component(component, f"component[{number}].", found)
    if concept is None:  # it may change what its components mean
        reads, found.fields, found.doubts = found.fields, {}, ()
        found.doubt("code not known", "code", contradiction or shown(one.code), reads)
    return found


def _component(component: Valued, within: str, found: Found) -> None:
    concept, contradiction = meaning(component.code)
    if component.code is None:
        found.refuse(f"{within}code", "is required", "required")
    elif contradiction is not None:
        found.doubt("code not known", f"{within}code", contradiction)
    else:
        take(component, concept, within, found)


def _empty(member: Member, one: Observation, concept: str | None, found: Found, decoded: Decoded) -> Member:
    """What holds no value: a group, a part of a score, or something that says why."""
    if found.says_nothing is not None:
        return note(member, decoded, member.place, found.says_nothing)
    if (concept in GROUPS and not one.component) or concept == "news2_part":
        member.fate, member.reason = Fate.NOTED, "has no value of its own that is kept"
        return member
    return refuse(member, decoded, f"{member.place}.value", "holds no value", "required")


def _names(document: Document, index: int, one: Observation) -> list[str]:
    """By which others refer to it."""
    if document.type is None:
        return []
    full_url = document.entries[index].fullUrl
    return ([] if full_url is None else [full_url]) + ([] if one.id is None else [f"Observation/{one.id}"])
