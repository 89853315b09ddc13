"""`POST /v1/gatt`: a request's frames, each a reading set of its own, a refusal by its place, or kept aside."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from devices.formats.gatt.clocks import Heard, When, instant, offsets, sent_at_once, settle
from devices.formats.gatt.frames import NO_READINGS, READ, Wrong
from devices.formats.native import SETS_MAX, Malformed, TooManySets, explain
from devices.posted import YEAR_MAX, YEAR_MIN, Decoded, Observed, judge
from devices.reading import NO_TIME, Odd, Refusal

Hexadecimal = Annotated[str, msgspec.Meta(max_length=1024, description="The attribute's bytes, hexadecimal")]
HubTime = Annotated[datetime, msgspec.Meta(tz=True, description="When the hub heard it, by its clock; RFC 3339")]


class Frame(msgspec.Struct, forbid_unknown_fields=True):
    """One notification or indication of a sensor."""

    characteristic: Annotated[str, msgspec.Meta(description="Its UUID of 16 bits, as 2A5F, or of 128")]
    value: Hexadecimal
    received_at: HubTime


class Frames(msgspec.Struct, forbid_unknown_fields=True):
    """What one hub heard."""

    frames: Annotated[list[Frame], msgspec.Meta(extra_json_schema={"minItems": 1, "maxItems": SETS_MAX})]


class _Loose(msgspec.Struct, forbid_unknown_fields=True):
    frames: list[msgspec.Raw]


_whole = msgspec.json.Decoder(Frames)
_loose = msgspec.json.Decoder(_Loose)
_one = msgspec.json.Decoder(Frame)
_json = msgspec.json.Decoder(msgspec.Raw)

_BASE: Final = re.compile(
    r"(?:0x)?([0-9a-f]{4})|0000([0-9a-f]{4})-0000-1000-8000-00805f9b34fb", re.ASCII | re.IGNORECASE
)
_VENDORS: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_ID_MAX: Final = 64


class NoReading(Exception):
    """No characteristic, or one that holds no reading."""


class Unknown(Exception):
    """A characteristic that nobody here knows."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A frame to be kept aside, with its place in the request."""

    index: int
    member: str
    odd: Odd


Outcome = tuple[int, Observed] | Refusal | Aside


def decode(body: bytes) -> Decoded:
    """Decode a hub's frames. Raises Malformed and TooManySets."""
    decoded = Decoded()
    for outcome in observe(body, decoded):
        if isinstance(outcome, Refusal):
            decoded.refused.append(outcome)
        elif isinstance(outcome, Aside):
            decoded.keep_aside(outcome.odd, outcome.index, f"frames[{outcome.index}].{outcome.member}")
        else:
            _judge(*outcome, decoded)
    return decoded


def observe(body: bytes, decoded: Decoded) -> Iterator[Outcome]:
    """What became of each frame, in order: a set to be judged, or why there is none. The kit's state: `decoded`."""
    heard = [_hear(index, frame) for index, frame in enumerate(_split(body))]
    batteries = [one for one in heard if isinstance(one, Heard) and one.said.battery is not None]
    if batteries:
        decoded.battery = max(batteries, key=lambda one: one.received_at).said.battery
    frames = [one for one in heard if isinstance(one, Heard)]
    measured, at_once = offsets(frames), sent_at_once(frames)
    if measured:
        decoded.clock_offset_s = round(max(measured.values())[1].total_seconds())
    for one in heard:
        if not isinstance(one, Heard):
            yield one
        elif one.said.battery is None:
            off = measured.get(one.characteristic)
            when = settle(one, off and off[1], at_once=one.index in at_once)
            yield _undated(one, when) if isinstance(when, str) else (one.index, _observed(one, when))


def _hear(index: int, frame: Frame | Refusal) -> Heard | Refusal | Aside:
    if isinstance(frame, Refusal):
        return frame
    try:
        return _heard(index, frame)
    except Wrong as error:
        return Refusal(index, f"frames[{index}].value", str(error))
    except NoReading as error:
        return Refusal(index, f"frames[{index}].characteristic", str(error))
    except Unknown:
        return _unknown(index, frame)


def _observed(one: Heard, when: When) -> Observed:
    """The id is the frame itself, so that a stored one sent again is the same set.

    The second of its reception stands in it where the frame shows no date: two equal ones may then be two measurements.
    """
    text = f"{one.characteristic}-{one.value.hex()}"
    if when.clock == "assumed":
        text = f"{text}-{int(when.taken_at.timestamp())}"
    return Observed(id=_short(text), taken_at=when.taken_at, clock=when.clock, **one.said.fields)


def _short(text: str) -> str:
    return text if len(text) <= _ID_MAX else f"{text[:4]}-{sha256(text.encode()).hexdigest()[:48]}"


def _heard(index: int, frame: Frame) -> Heard:
    """A frame's bytes, read. Raises Wrong, NoReading, Unknown."""
    name, value = frame.characteristic, _bytes(frame.value)
    if (read := READ.get(name)) is None:
        name = _named(name)
        read = READ[name]
    said = read(value)
    one = Heard(index, name, value, frame.received_at, said)
    if said.shown is not None:
        one.at = instant(said.shown, frame.received_at)
    return one


def _named(text: str) -> str:
    """The characteristic's 16 bits. Raises NoReading, Unknown."""
    if (match := _BASE.fullmatch(text)) is None:
        raise Unknown if _VENDORS.fullmatch(text) else NoReading("is no UUID of 16 or 128 bits")
    name = (match[1] or match[2]).upper()
    if name in NO_READINGS:
        raise NoReading(f"{name} is no reading: {NO_READINGS[name]}")
    if name not in READ:
        raise Unknown
    return name


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Wrong("is not hexadecimal") from None


def _judge(index: int, posted: Observed, decoded: Decoded) -> None:
    before = len(decoded.refused)
    judge(posted, index, decoded)
    for place in range(before, len(decoded.refused)):
        said = decoded.refused[place]
        decoded.refused[place] = Refusal(index, f"frames[{index}].value", f"{said.field}: {said.reason}")


def _undated(one: Heard, why: str) -> Outcome:
    """What is sound but for its time; without when it was heard, so that it is kept once however often it is sent."""
    alone = Decoded()
    _judge(one.index, _observed(one, When(NO_TIME, None)), alone)
    if alone.refused:
        return alone.refused[0]
    document = {"characteristic": one.characteristic, "value": one.value.hex()}
    odd = Odd(
        id=alone.sets[0].id,
        reason="time not known",
        detail=f"{one.characteristic}: {why}",
        document=msgspec.Raw(msgspec.json.encode(document)),
        reads=alone.sets[0],
    )
    return Aside(one.index, "value", odd)


def _unknown(index: int, frame: Frame) -> Aside:
    document = {"characteristic": frame.characteristic, "value": frame.value}
    odd = Odd(
        id=_short(f"{frame.characteristic}-{frame.value}"),
        reason="code not known",
        detail=f"{frame.characteristic} is no characteristic that is read here",
        document=msgspec.Raw(msgspec.json.encode(document)),
    )
    return Aside(index, "characteristic", odd)


def _split(body: bytes) -> Sequence[Frame | Refusal]:
    """The frames as far as their types are right; where one's are not, what is wrong with it."""
    try:
        try:
            frames: Sequence[Frame | Refusal] = _whole.decode(body).frames
        except msgspec.ValidationError:
            frames = _one_by_one(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error
    except RecursionError as error:
        raise Malformed("nested too deeply") from error
    if len(frames) > SETS_MAX:
        raise TooManySets(f"{len(frames)} frames; send at most {SETS_MAX} at once")
    return [
        one if isinstance(one, Refusal) or YEAR_MIN <= one.received_at.year <= YEAR_MAX else _of_no_year(index, one)
        for index, one in enumerate(frames)
    ]


def _one_by_one(body: bytes) -> Sequence[Frame | Refusal]:
    try:
        raws = _loose.decode(body).frames
    except msgspec.ValidationError as error:
        _json.decode(body)  # what is not JSON at all is malformed, whatever stands before the place where it breaks
        return [Refusal(0, *explain(error))]
    if len(raws) > SETS_MAX:
        return [Refusal(0, "frames", "too many")] * len(raws)
    return [_typed(index, raw) for index, raw in enumerate(raws)]


def _typed(index: int, raw: msgspec.Raw) -> Frame | Refusal:
    try:
        return _one.decode(raw)
    except msgspec.ValidationError as error:
        field, reason = explain(error)
        return Refusal(index, f"frames[{index}].{field}" if field else f"frames[{index}]", reason)


def _of_no_year(index: int, one: Frame) -> Refusal:
    reason = f"year {one.received_at.year} is not between {YEAR_MIN} and {YEAR_MAX}"
    return Refusal(index, f"frames[{index}].received_at", reason)
