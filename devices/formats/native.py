"""Our own JSON, `POST /v1/readings`: bytes in, reading sets or named refusals out. Knows no I/O."""

import re
from typing import Final

import msgspec

from devices.posted import Decoded, Posted, PostedByStaff, judge
from devices.reading import Refusal

SETS_MAX: Final = 1000


class Malformed(Exception):
    """The body is not JSON."""


class TooManySets(Exception):
    """An array holds at most 1,000 sets."""


_json = msgspec.json.Decoder(msgspec.Raw)  # well-formed, and nothing more
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_one = msgspec.json.Decoder(Posted)
_many = msgspec.json.Decoder(list[Posted])
_one_by_staff = msgspec.json.Decoder(PostedByStaff)
_many_by_staff = msgspec.json.Decoder(list[PostedByStaff])

Typed = Posted | msgspec.ValidationError


def decode(body: bytes, *, by_staff: bool = False) -> Decoded:
    """Decode one set or an array of sets, each judged alone. Raises Malformed and TooManySets."""
    decoded = Decoded()
    for index, posted in enumerate(_split(body, by_staff=by_staff)):
        if isinstance(posted, Posted):
            judge(posted, index, decoded)
        else:
            decoded.refused.append(Refusal(index, *explain(posted)))
    return decoded


_PLACE: Final = re.compile(r" - at (?P<key>`key` in )?`\$\.?(?P<place>[^`]*)`$")
_NAMED: Final = re.compile(r"^Object (?P<what>contains unknown|missing required) field `(?P<name>[^`]*)`")


def explain(error: msgspec.ValidationError) -> tuple[str, str]:
    """(field, reason) of what msgspec refused, in words for whoever sent it."""
    message = str(error)
    place = match["place"] + "[...]" * bool(match["key"]) if (match := _PLACE.search(message)) else ""
    reason = _PLACE.sub("", message).replace("`", "")
    if named := _NAMED.match(message):
        place = f"{place}.{named['name']}" if place else named["name"]
        reason = "unknown field" if named["what"] == "contains unknown" else "required"
    return place[:200], reason[:200]


def _split(body: bytes, *, by_staff: bool) -> list[Typed]:
    """The body's sets as far as their types are right; where one's are not, what is wrong with it."""
    try:
        if body.lstrip()[:1] != b"[":
            return [_typed(body, by_staff=by_staff)]
        try:  # nearly always every element is sound
            whole = list[Typed]((_many_by_staff if by_staff else _many).decode(body))
        except msgspec.ValidationError:
            elements = _elements.decode(body)
            _refuse_too_many(len(elements))
            return [_typed(element, by_staff=by_staff) for element in elements]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error
    except RecursionError as error:
        raise Malformed("nested too deeply") from error
    _refuse_too_many(len(whole))
    return whole


def _refuse_too_many(sets: int) -> None:
    if sets > SETS_MAX:
        raise TooManySets(f"{sets} sets; send at most {SETS_MAX} at once")


def _typed(raw: bytes | msgspec.Raw, *, by_staff: bool) -> Typed:
    try:
        return (_one_by_staff if by_staff else _one).decode(raw)
    except msgspec.ValidationError as error:
        _json.decode(raw)  # what is not JSON at all is malformed, whatever stands before the place where it breaks
        return error
