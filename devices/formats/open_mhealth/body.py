"""A request's data points: each a reading set of its own, a refusal by its place, or kept aside.

What describes many measurements (`descriptive_statistic`) is no reading, and is refused.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import msgspec
import nhs_number

from devices.formats.native import SETS_MAX, Malformed, TooManySets, explain
from devices.formats.open_mhealth.schema import (
    AT_WORK,
    BLOOD,
    MEASURES,
    MEMBER_OF,
    NAMESPACES,
    NO_READINGS,
    ON_OXYGEN,
    ONE_VALUE,
    PERIPHERAL,
    SCHEMAS,
    TOGETHER,
    Body,
    DataPoint,
    Header,
    SchemaId,
    UnitValue,
)
from devices.formats.open_mhealth.times import NoFrame, taken_at
from devices.posted import Decoded, Observed, judge
from devices.reading import NO_TIME, Doubt, Odd, ReadingSet, Refusal
from devices.units import as_number, conversion

_ID_MAX: Final = 64
_SHOWN_MAX: Final = 40  # characters of a sender's word in a reason
_DOCUMENT_MAX: Final = 8192
_HUGE: Final = re.compile(rb"[eE][+-]?[0-9]{3}")
_OUR_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_NHS_NUMBER: Final = re.compile(r"[0-9]{10}")

_point = msgspec.json.Decoder(DataPoint)
_points = msgspec.json.Decoder(list[DataPoint])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_json = msgspec.json.Decoder(msgspec.Raw)
_encode = msgspec.json.Encoder().encode

Typed = DataPoint | msgspec.ValidationError


class Wrong(Exception):
    """A data point is not as its schema says, or no reading: at which place, and why."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(reason)
        self.place, self.reason = place, reason


class Doubtful(Wrong):
    """Nobody can score it as it is."""

    def __init__(self, doubt: Doubt, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.doubt = doubt


def decode(body: bytes) -> Decoded:
    """Decode one data point or an array, each judged alone. Raises Malformed and TooManySets."""
    decoded = Decoded()
    for index, (raw, point) in enumerate(_split(body)):
        if isinstance(point, DataPoint):
            _take(index, raw, point, decoded)
        else:
            decoded.refused.append(Refusal(index, *explain(point)))
    return decoded


def _take(index: int, raw: bytes | msgspec.Raw, point: DataPoint, decoded: Decoded) -> None:
    body, header = point.body or point, point.header or Header()
    place = "body." if point.body is not None else ""
    own_id = _id_of(header, body)
    try:
        fields = _fields(header, body, place)
        when = taken_at(body.effective_time_frame)
    except NoFrame as error:
        decoded.refused.append(Refusal(index, f"{place}effective_time_frame{error.member}", error.reason))
        return
    except Doubtful as error:
        odd = Odd(id=own_id, reason=error.doubt, detail=error.reason, document=_as_document(raw))
        decoded.keep_aside(odd, index, error.place)
        return
    except Wrong as error:
        decoded.refused.append(Refusal(index, error.place, error.reason))
        return
    if not isinstance(when, str):
        _judge(Observed(id=own_id, taken_at=when, **fields), index, place, decoded)
        return
    alone = Decoded()
    _judge(Observed(id=own_id, taken_at=NO_TIME, **fields), index, place, alone)
    if alone.refused:
        decoded.refused.extend(alone.refused)
        return
    odd = _undated(own_id, when, raw, alone.sets[0])
    decoded.keep_aside(odd, index, f"{place}effective_time_frame")


def _undated(own_id: str, why: str, raw: bytes | msgspec.Raw, reads: ReadingSet) -> Odd:
    return Odd(
        id=own_id, reason="time not known", detail=why, document=_as_document(raw), reads=reads, patient=reads.patient
    )


def _judge(posted: Observed, index: int, place: str, decoded: Decoded) -> None:
    before = len(decoded.refused)
    judge(posted, index, decoded)
    for number in range(before, len(decoded.refused)):
        said = decoded.refused[number]
        decoded.refused[number] = Refusal(index, _place_of(said.field, place), said.reason)


def _place_of(field: str, place: str) -> str:
    """Where in a data point a field of the contract stands."""
    if field in MEMBER_OF:
        return f"{place}{MEMBER_OF[field]}.value"
    return {"id": "header.id", "patient": "header.user_id", "taken_at": f"{place}effective_time_frame"}.get(field, "")


def _fields(header: Header, body: Body, place: str) -> dict[str, Any]:
    """The contract's fields. Raises Wrong, Doubtful."""
    members = _members(header.schema_id, body, place)
    if body.descriptive_statistic is not None:
        said = body.descriptive_statistic[:_SHOWN_MAX]
        raise Wrong(f"{place}descriptive_statistic", f"{said} of many measurements is no reading: not kept here")
    if body.specimen_source not in BLOOD:
        said = str(body.specimen_source)[:_SHOWN_MAX]
        raise Doubtful("code not known", f"{place}specimen_source", f"{said}: is that blood?")
    fields: dict[str, Any] = {}
    for member, one in members.items():
        fields[MEASURES[member].field] = _converted(member, one, place)
    if body.oxygen_therapy_mode_of_administration == ON_OXYGEN and "oxygen_flow" not in fields:
        fields["on_oxygen"] = True
    if _says_little(body):
        fields["quality"] = "low"
    if "self-reported" in {header.modality, header.acquisition_provenance and header.acquisition_provenance.modality}:
        fields["assessed_by"] = "patient"
    if header.user_id is not None and _is_patient(header.user_id):
        fields["patient"] = header.user_id
    return fields


def _is_patient(user_id: str) -> bool:
    """Whether it is an NHS number or an id of ours (a UUID of version 7), and not a name that the sender made up."""
    is_number = _NHS_NUMBER.fullmatch(user_id) is not None and bool(nhs_number.is_valid(user_id))
    return is_number or _OUR_ID.fullmatch(user_id) is not None


def _says_little(body: Body) -> bool:
    """Whether it was measured so that it says little of how the patient is."""
    return (
        body.temporal_relationship_to_physical_activity in AT_WORK
        or body.temporal_relationship_to_sleep == "during sleep"
        or (body.body_temperature is not None and body.measurement_location in PERIPHERAL)
    )


def _members(schema_id: SchemaId | None, body: Body, place: str) -> dict[str, UnitValue]:
    """What was measured, by its member. Raises Wrong, Doubtful."""
    found = {member: value for member in MEASURES if (value := getattr(body, member)) is not None}
    if schema_id is not None:
        needed = _needed(schema_id)
        if schema_id.name in ONE_VALUE and not found and (one := _one_value(body, place)) is not None:
            found = {needed[0]: one}
        missing = [member for member in needed if member not in found]
    else:
        missing = [other for member, other in TOGETHER if member in found and other not in found]
    if missing:
        raise Wrong(f"{place}{missing[0]}", "required")
    if not found and body.value is not None:
        raise Doubtful("code not known", "", "a value without a header that names its schema")
    if not found:
        raise Wrong(place.rstrip("."), "holds no vital sign that is read here")
    return found


def _one_value(body: Body, place: str) -> UnitValue | None:
    if body.value is None and body.unit is None:
        return None
    if body.value is None or body.unit is None:
        raise Wrong(f"{place}{'value' if body.value is None else 'unit'}", "required")
    return UnitValue(body.value, body.unit)


def _needed(schema_id: SchemaId) -> tuple[str, ...]:
    """The members that a schema must have. Raises Wrong, Doubtful."""
    name, version = schema_id.name, schema_id.version
    schema = SCHEMAS.get(name) if schema_id.namespace in NAMESPACES else None
    if schema is None:
        if NO_READINGS.search(name):
            raise Wrong("header.schema_id", f"{name[:_SHOWN_MAX]} is no vital sign: not kept here")
        raise Doubtful("code not known", "header.schema_id", f"{name[:_SHOWN_MAX]} is no schema that is read here")
    if version is not None and version.partition(".")[0] not in map(str, range(1, schema.newest + 1)):
        raise Doubtful("code not known", "header.schema_id", f"version {version[:_SHOWN_MAX]} of {name} is not known")
    return schema.members


def _converted(member: str, one: UnitValue, place: str) -> int | float:
    measure = MEASURES[member]
    how = conversion(measure.field, one.unit) if one.unit in measure.units else None
    if how is None:
        allowed = ", ".join(measure.units)
        detail = f"{one.unit[:_SHOWN_MAX]} is none of {allowed}"
        raise Doubtful("unit not known", f"{place}{member}.unit", detail)
    return as_number(how.of(Decimal(repr(one.value))))


def _id_of(header: Header, body: Body) -> str:
    """The header's id, where it has one that is short enough; else one made of it, or of what the body says."""
    own = header.id or header.uuid
    if own and len(own) <= _ID_MAX and "\0" not in own:
        return own
    return f"omh-{sha256(own.encode() if own else _encode(body)).hexdigest()[:48]}"


def _as_document(raw: bytes | msgspec.Raw) -> msgspec.Raw:
    """The original as JSON; as a JSON string where PostgreSQL might refuse what JSON allows."""
    text = bytes(raw)
    if len(text) <= _DOCUMENT_MAX and b"\\u" not in text and not _HUGE.search(text):
        return msgspec.Raw(text)
    return msgspec.Raw(_encode(text.decode()))


def _split(body: bytes) -> Iterator[tuple[bytes | msgspec.Raw, Typed]]:
    """The body's data points as far as their types are right, each with its bytes."""
    try:
        body.decode()  # what is passed over is not looked at, and yet is kept
        if body.lstrip()[:1] != b"[":
            yield body, _typed(body)
            return
        raws = _raws.decode(body)
        if len(raws) > SETS_MAX:
            raise TooManySets(f"{len(raws)} data points; send at most {SETS_MAX} at once")
        try:  # nearly always every one is sound
            points: list[Typed] = [*_points.decode(body)]
        except msgspec.ValidationError:
            points = [_typed(raw) for raw in raws]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error
    except RecursionError as error:
        raise Malformed("nested too deeply") from error
    yield from zip(raws, points, strict=True)


def _typed(raw: bytes | msgspec.Raw) -> Typed:
    try:
        return _point.decode(raw)
    except msgspec.ValidationError as error:
        _json.decode(raw)  # what is not JSON at all is malformed, whatever stands before the place where it breaks
        return error
