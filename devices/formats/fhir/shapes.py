"""What is read of Observations and the Bundles that hold them, typed; all else in a resource is passed over.

A document is decoded at once. Only where something in it is of another type is it taken apart, resource by resource, so
that one faulty entry is refused by its FHIRPath and the others are read.
"""

from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from devices.formats.fhir.node import DEPTH_MAX, Refused, malformed
from devices.formats.native import explain
from devices.reading import Number

T = TypeVar("T")
ENTRIES_MAX: Final = 1000
_NOTHING: Final = msgspec.Raw()
_NULL: Final = b"null"


class Coding(msgspec.Struct, frozen=True, gc=False):
    """A code of a system."""

    system: str | None = None
    code: str | None = None


class Concept(msgspec.Struct, frozen=True, gc=False):
    """Codings that say the same; hashable, for what they mean is looked up once."""

    coding: tuple[Coding, ...] | None = None


class Identifier(msgspec.Struct, frozen=True, gc=False):
    """A name that somebody gave."""

    system: str | None = None
    value: str | None = None


class Reference(msgspec.Struct, frozen=True, gc=False):
    """Another resource, by its address or by its name."""

    reference: str | None = None
    identifier: Identifier | None = None


class Quantity(msgspec.Struct, gc=False):
    """A number and its unit."""

    value: Number | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Period(msgspec.Struct, gc=False):
    """From and to."""

    start: str | None = None
    end: str | None = None


class Timing(msgspec.Struct, gc=False):
    """Instants."""

    event: tuple[str, ...] | None = None


class SampledData(msgspec.Struct, gc=False):
    """A series: the value of each sample is `origin` + `factor` x sample, `period` ms apart."""

    origin: Quantity | None = None
    period: Number | None = None
    factor: Number | None = None
    dimensions: int | None = None
    data: str | None = None


class Extension(msgspec.Struct, gc=False):
    """What a guide adds."""

    url: str | None = None
    valueReference: Reference | None = None


class Meta(msgspec.Struct, gc=False):
    """Of the resource itself."""

    security: tuple[Coding, ...] | None = None


class Valued(msgspec.Struct, gc=False):
    """What Observations and their components have alike."""

    code: Concept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueInteger: Number | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueDateTime: str | None = None
    valueSampledData: SampledData | None = None
    valueRange: Any = None
    valueRatio: Any = None
    valueTime: Any = None
    valuePeriod: Any = None
    dataAbsentReason: Concept | None = None
    interpretation: tuple[Concept, ...] | None = None
    modifierExtension: Any = None


class Observation(Valued, gc=False):
    """An Observation; of another resource only its type, id and identifiers count."""

    resourceType: str | None = None
    id: str | None = None
    identifier: tuple[Identifier, ...] | None = None
    status: str | None = None
    subject: Reference | None = None
    device: Reference | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    effectiveTiming: Timing | None = None
    component: tuple[Valued, ...] | None = None
    hasMember: tuple[Reference, ...] | None = None
    derivedFrom: tuple[Reference, ...] | None = None
    performer: tuple[Reference, ...] | None = None
    extension: tuple[Extension, ...] | None = None
    meta: Meta | None = None
    implicitRules: str | None = None
    contained: Any = None


class Request(msgspec.Struct, gc=False):
    """What is to be done with an entry."""

    method: str | None = None
    url: str | None = None
    ifNoneExist: str | None = None


class Entry(msgspec.Struct, gc=False):
    """A resource of a Bundle."""

    fullUrl: str | None = None
    resource: Observation | None = None
    request: Request | None = None


class _Whole(Observation, gc=False):
    """An Observation, or a Bundle."""

    type: str | None = None
    entry: tuple[Entry, ...] | None = None


class _Apart(msgspec.Struct):
    """A Bundle of which some resource is not as it should be."""

    resourceType: str | None = None
    type: str | None = None
    entry: list[msgspec.Raw] | None = None


class _EntryApart(msgspec.Struct):
    fullUrl: str | None = None
    resource: msgspec.Raw = _NOTHING
    request: Request | None = None


class _Named(msgspec.Struct):
    """What is read of a resource that is no Observation."""

    resourceType: str | None = None
    id: str | None = None
    identifier: tuple[Identifier, ...] | None = None


class _Typed(msgspec.Struct):
    resourceType: str | None = None


@dataclass(slots=True)
class Document:
    """A body. `type` is None for a single Observation, else the Bundle's. `faults`: by entry, place and reason."""

    body: bytes
    type: str | None
    entries: tuple[Entry, ...] | list[Entry]
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)
    _apart: list[msgspec.Raw] | None = None

    def place(self, index: int) -> str:
        """The FHIRPath of an entry's resource."""
        return "Observation" if self.type is None else f"Bundle.entry[{index}].resource"

    def original(self, index: int) -> msgspec.Raw | None:
        """An entry's resource as it came; None where it cannot be kept. Asked for only of what is kept aside."""
        if self.type is None:
            return keepable(msgspec.Raw(self.body))
        if self._apart is None:
            self._apart = _apart.decode(self.body).entry or []
        return keepable(_entry_apart.decode(self._apart[index]).resource)


_raw = msgspec.json.Decoder(msgspec.Raw)
_whole = msgspec.json.Decoder(_Whole)
_apart = msgspec.json.Decoder(_Apart)
_entry_apart = msgspec.json.Decoder(_EntryApart)
_observation = msgspec.json.Decoder(Observation)
_named = msgspec.json.Decoder(_Named)
_typed = msgspec.json.Decoder(_Typed)


def read(body: bytes) -> Document:
    """An Observation or a Bundle. Raises Refused where it is neither."""
    try:
        body.decode("utf-8")  # what is passed over is kept all the same
        try:
            whole = _whole.decode(body)
        except msgspec.ValidationError as error:
            _raw.decode(body)  # what is not JSON at all is malformed, whatever stands before the place where it breaks
            return _in_parts(body, error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise malformed("", "the body is not JSON in UTF-8") from None
    except RecursionError:
        raise malformed("", "is nested too deeply") from None
    if whole.resourceType == "Bundle":
        return Document(body, _type(whole.type), _few(whole.entry or ()))
    _refuse_others(whole.resourceType)
    return Document(body, None, (Entry(resource=whole),))


def keepable(raw: msgspec.Raw) -> msgspec.Raw | None:
    """A resource as it can be kept; None where it holds what no database does, or nests deeper than any resource."""
    if b"\\u0000" in bytes(raw):
        return None
    try:
        whole: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    level: list[Any] = [whole]
    for _ in range(DEPTH_MAX):
        inner = [one for part in level for one in (part.values() if isinstance(part, dict) else part)]
        level = [one for one in inner if isinstance(one, dict | list)]
        if not level:
            return msgspec.Raw(msgspec.json.encode(whole))
    return None


def contained(one: Observation) -> dict[str, tuple[Identifier, ...]]:
    """The identifiers of the resources within a resource, by the name under which it refers to them."""
    if one.contained is None:
        return {}
    try:
        resources = msgspec.convert(one.contained, list[_Named])
    except msgspec.ValidationError:
        return {}
    return {f"#{each.id}": each.identifier or () for each in resources}


def _in_parts(body: bytes, why: msgspec.ValidationError) -> Document:
    try:
        kind = _typed.decode(body).resourceType
        if kind != "Bundle":
            _refuse_others(kind)
            raise _refused(why, "Observation")
        apart = _apart.decode(body)
    except msgspec.ValidationError as error:
        raise _refused(error, "Bundle") from None
    document = Document(body, _type(apart.type), [])
    entries: list[Entry] = []
    for index, raw in enumerate(_few(apart.entry or ())):
        try:
            entries.append(_entry(raw, index, document))
        except msgspec.ValidationError as error:
            place, reason = explain(error)
            document.faults[index] = (f"Bundle.entry[{index}].{place}".rstrip("."), reason)
            entries.append(Entry())
    document.entries = entries
    return document


def _entry(raw: msgspec.Raw, index: int, document: Document) -> Entry:
    """One entry of a Bundle. Raises ValidationError."""
    apart = _entry_apart.decode(raw)
    if bytes(apart.resource) in {b"", _NULL}:
        return Entry(apart.fullUrl, None, apart.request)
    try:
        return Entry(apart.fullUrl, _observation.decode(apart.resource), apart.request)
    except msgspec.ValidationError as error:
        kind = _typed.decode(apart.resource).resourceType
        if kind == "Observation":
            place, reason = explain(error)
            document.faults[index] = (f"{document.place(index)}.{place}".rstrip("."), reason)
            return Entry(apart.fullUrl, Observation(resourceType=kind), apart.request)
    try:
        other = _named.decode(apart.resource)
    except msgspec.ValidationError:
        other = _Named()
    return Entry(apart.fullUrl, Observation(resourceType=kind, id=other.id, identifier=other.identifier), apart.request)


def _few(entries: tuple[T, ...] | list[T]) -> tuple[T, ...] | list[T]:
    if len(entries) > ENTRIES_MAX:
        raise malformed("Bundle.entry", f"holds {len(entries)} entries; send at most {ENTRIES_MAX}", "too-long")
    return entries


def _type(said: str | None) -> str:
    if said is None:
        raise malformed("Bundle.type", "is required", "required")
    return said


def _refuse_others(kind: str | None) -> None:
    if kind != "Observation":
        raise malformed("resourceType", "is neither Bundle nor Observation")


def _refused(error: msgspec.ValidationError, within: str) -> Refused:
    place, reason = explain(error)
    return malformed(f"{within}.{place}".rstrip("."), reason)
