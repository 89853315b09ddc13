"""What the tests of our own JSON share: a set as a device posts it, and what became of it."""

import json
from typing import Any

from devices.formats.native import decode
from devices.posted import Decoded
from devices.reading import ReadingSet

AT = "2026-11-21T10:00:00Z"


def posted(**fields: Any) -> dict[str, Any]:
    """A sound set of one measurement, with these fields in place of its own."""
    return only(spo2=96) | fields


def only(*without: str, **fields: Any) -> dict[str, Any]:
    """A set of these fields and what every set has, but for what is named."""
    whole = {"id": "a1", "taken_at": AT} | fields
    return {name: value for name, value in whole.items() if name not in without}


def body(*sets: object) -> bytes:
    """One set as an object, several as an array."""
    return json.dumps(sets[0] if len(sets) == 1 else sets).encode()


def numbers(**written: str) -> bytes:
    """A set with numbers exactly as they are written here."""
    members = "".join(f', "{name}": {number}' for name, number in written.items())
    return f'{{"id": "a1", "taken_at": "{AT}"{members}}}'.encode()


def taken(document: bytes, *, by_staff: bool = False) -> ReadingSet:
    """The one set of a document. Fails where anything was refused."""
    decoded = decode(document, by_staff=by_staff)
    assert decoded.refused == []
    (one,) = decoded.sets
    return one


def refused(document: bytes, *, by_staff: bool = False) -> tuple[str, str]:
    """Field and reason of the one refusal of a document. Fails where anything was taken."""
    decoded = decode(document, by_staff=by_staff)
    assert decoded.sets == []
    (one,) = decoded.refused
    return one.field, one.reason


def fields_of(decoded: Decoded) -> list[tuple[int, str]]:
    """Place and field of each refusal."""
    return [(one.index, one.field) for one in decoded.refused]
