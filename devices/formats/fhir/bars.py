"""A referral as 111 and 999 send it: BaRS application 4, `servicerequest-request`, use case a4t3 (999 to UCR).

What it says, and nothing decided. Source: NHS England's Booking and Referral Standard, APP4 v1.2.2; the message is a
Bundle whose first entry is a MessageHeader that points to the ServiceRequest.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from devices.formats.fhir.node import Node, Refused, malformed, read, words
from devices.formats.fhir.person import LINE_MAX, Person, address_of, person_of, postcode_of, short

EVENTS: Final = "https://fhir.nhs.uk/CodeSystem/message-events-bars"
REASONS: Final = "https://fhir.nhs.uk/CodeSystem/message-reason-bars"
CATEGORIES: Final = "https://fhir.nhs.uk/CodeSystem/message-category-servicerequest"
USE_CASES: Final = "https://fhir.nhs.uk/CodeSystem/usecases-categories-bars"
OWN_USE_CASES: Final = "urn:virtual-ward:use-cases"

REQUEST: Final = "servicerequest-request"
TO_UCR: Final = "a4t3"
FROM_WARD: Final = "virtual-ward-to-ucr"
"""There is no BaRS use case for this: a category of our own in its shape."""
USE_CASES_TAKEN: Final = frozenset({(USE_CASES, TO_UCR), (OWN_USE_CASES, FROM_WARD)})

ENTRIES_MAX: Final = 200
REASON_MAX: Final = 2_000
NEED_MAX: Final = 400
NAMES_MAX: Final = 20
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")


class Asks(StrEnum):
    """What a message asks for."""

    NEW = "new"
    UPDATE = "update"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Request:
    """One message. `key`: the sender's own name of the request; `ids`: every name by which it may be ours."""

    asks: Asks
    bundle_id: str
    reply_to: str | None
    key: str
    ids: tuple[str, ...]
    place: str  # of the ServiceRequest
    need: str
    reason: str
    starts_at: datetime | None
    asked_by: datetime | None
    authored_at: datetime | None
    seen_at: str | None  # where the patient is, if not at home
    seen_postcode: str | None
    flags: tuple[str, ...]
    person: Person


def decode(body: bytes) -> Request:
    """What a message says. Raises Refused naming the FHIRPath."""
    bundle = read(body, "Bundle")
    if bundle.needed("type") != "message":
        raise malformed("Bundle.type", "is not message")
    entries = _entries(bundle)
    header = _header(entries)
    request = _focus(header, entries)
    reason = _reason_code(header)
    asks = _asks(reason, request)
    _refuse_other_use_cases(request)
    period = request.get("occurrencePeriod")
    identifiers = [one.text("value") for one in request.each("identifier")]
    names = [one for one in (*identifiers, request.text("id")) if one is not None]
    if not names:
        raise malformed(f"{request.place}.id", "is required, or an identifier", "required")
    where = _resolved(entries, request.each("locationReference"), "Location")
    place = next((one for one in where if one.get("address") is not None), None)
    flags = tuple(_flags(entries))
    return Request(
        asks=asks,
        bundle_id=_id(bundle),
        reply_to=_reply_to(header),
        key=short(names[0], f"{request.place}.id") or "",
        ids=tuple(names[:NAMES_MAX]),
        place=request.place,
        need=(_need(request) or "urgent community response")[:NEED_MAX],
        reason=_reason(request, entries, flags),
        starts_at=None if period is None else period.instant("start"),
        asked_by=None if period is None else period.instant("end"),
        authored_at=request.instant("authoredOn"),
        seen_at=None if place is None else address_of(place.get("address")),
        seen_postcode=None if place is None else postcode_of(place.get("address")),
        flags=flags,
        person=person_of(_subject(request, entries)),
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource of the bundle, and the name by which others point to it."""

    kind: str
    full_url: str | None
    resource: Node


def _entries(bundle: Node) -> list[Entry]:
    found = list(bundle.each("entry"))
    if len(found) > ENTRIES_MAX:
        raise malformed("Bundle.entry", f"holds more than {ENTRIES_MAX}", "too-long")
    entries: list[Entry] = []
    for one in found:
        resource = one.get("resource")
        if resource is None:
            raise malformed(f"{one.place}.resource", "is required", "required")
        entries.append(Entry(resource.needed("resourceType"), one.text("fullUrl"), resource))
    return entries


def _header(entries: list[Entry]) -> Node:
    if not entries or entries[0].kind != "MessageHeader":
        raise malformed("Bundle.entry[0].resource", "is not a MessageHeader", "required")
    header = entries[0].resource
    event = header.get("eventCoding")
    if event is None:
        raise malformed(f"{header.place}.eventCoding", "is required", "required")
    if event.needed("code") != REQUEST or event.text("system") not in {EVENTS, None}:
        raise Refused(f"{event.place}.code", f"is not {REQUEST}: nothing else is taken here", "not-supported")
    return header


def _reason_code(header: Node) -> str:
    reason = header.get("reason")
    codes = [] if reason is None else [one.text("code") for one in reason.each("coding")]
    found = next((one for one in codes if one is not None), None)
    if found is None:
        raise malformed(f"{header.place}.reason.coding.code", "is required", "required")
    if found not in {Asks.NEW, Asks.UPDATE}:
        raise Refused(f"{header.place}.reason.coding.code", "is neither new nor update", "code-invalid")
    return found


def _focus(header: Node, entries: list[Entry]) -> Node:
    found = list(_resolved(entries, header.each("focus"), "ServiceRequest"))
    if len(found) != 1:
        raise malformed(f"{header.place}.focus", "does not lead to one ServiceRequest of this bundle", "required")
    return found[0]


def _asks(reason: str, request: Node) -> Asks:
    status = request.needed("status")
    place = f"{request.place}.status"
    if status == "active":
        return Asks(reason)
    if status not in {"revoked", "entered-in-error"}:
        raise Refused(place, "is none of active, revoked, entered-in-error", "code-invalid")
    if reason == Asks.NEW:
        raise Refused(place, f"is {status}: a new request has to be active", "invariant")
    return Asks.CANCEL


def _refuse_other_use_cases(request: Node) -> None:
    said = {
        (coding.text("system"), coding.text("code"))
        for category in request.each("category")
        for coding in category.each("coding")
    }
    if not said:
        raise malformed(f"{request.place}.category", "is required", "required")
    if not said & USE_CASES_TAKEN:
        raise Refused(
            f"{request.place}.category", f"names no use case that is taken here: {TO_UCR} is", "not-supported"
        )


def _id(bundle: Node) -> str:
    """The message's id, which an answer names."""
    found = bundle.needed("id")
    if not _ID.fullmatch(found):
        raise malformed("Bundle.id", "is not 1 to 64 of A-Z, a-z, 0-9, - and .", "value")
    return found


def _reply_to(header: Node) -> str | None:
    source = header.get("source")
    return None if source is None else source.text("endpoint")


def _need(request: Node) -> str | None:
    concepts = [request.get("code"), *request.each("reasonCode")]
    return next((said for one in concepts if (said := words(one)) is not None), None)


def _reason(request: Node, entries: list[Entry], flags: tuple[str, ...]) -> str:
    """All that is said of why, in the order in which it is read: the request, the care plan, the flags."""
    said = [words(one) for one in request.each("reasonCode")]
    said += [one.text("text") for one in request.each("note")]
    for entry in entries:
        if entry.kind == "CarePlan":
            said.append(entry.resource.text("description"))
            said += _activities(entry.resource)
            said += [one.text("text") for one in entry.resource.each("note")]
    said += [f"FLAG: {one}" for one in flags]
    return "; ".join(dict.fromkeys(one for one in said if one is not None))[:REASON_MAX]


def _activities(plan: Node) -> Iterator[str | None]:
    for activity in plan.each("activity"):
        for outcome in activity.each("outcomeCodeableConcept"):
            yield words(outcome)
        yield None if (detail := activity.get("detail")) is None else detail.text("description")


def _flags(entries: list[Entry]) -> Iterator[str]:
    """Warnings that are in force: of the scene, of the person."""
    for entry in entries:
        if entry.kind == "Flag" and entry.resource.text("status") in {"active", None}:
            said = words(entry.resource.get("code"))
            if said is not None:
                yield said[:LINE_MAX]


def _resolved(entries: list[Entry], references: Iterable[Node], kind: str) -> Iterator[Node]:
    """The resources of a kind to which references lead: by the entry's full address, or by type and id."""
    for one in references:
        said = one.text("reference")
        for entry in entries:
            own = entry.resource.text("id")
            names = {entry.full_url} if own is None else {entry.full_url, f"{kind}/{own}", f"urn:uuid:{own}"}
            if said is not None and entry.kind == kind and said in names:
                yield entry.resource
                break


def _subject(request: Node, entries: list[Entry]) -> Node:
    subject = request.get("subject")
    found = None if subject is None else next(_resolved(entries, [subject], "Patient"), None)
    if found is None:
        raise malformed(f"{request.place}.subject", "does not lead to a Patient of this bundle", "required")
    return found
