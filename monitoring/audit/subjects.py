"""Which patients an answer shows: found by the names that the contract gives them."""

from contextlib import suppress
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec

PATIENT: Final = "patient"
PATIENTS: Final = frozenset({PATIENT, "patients", "merged", "into", "merged_into"})
"""Fields that hold the id of a patient, several, or a patient as answered."""
OBJECTS: Final = frozenset({"alert", "episode", "case"})
"""Fields that hold the id of what is a patient's, asked where no patient is named beside it."""
SELF: Final = "subject_id"
"""The property of what is a patient itself."""

Named = tuple[str, UUID]
"""What an id is of, and the id."""
Fields = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Of a kind of answer: the fields that name patients, those that name what is theirs, and the others."""


def shown(answer: Any) -> list[Named]:
    """The patients in an answer, and what is somebody's. What names its patient is about that one alone."""
    found: list[Named] = []
    _look_into(answer, found)
    return found


def _look_into(answer: Any, found: list[Named]) -> None:
    """As a list that grows: a board has hundreds of views, and everybody waits for this."""
    if isinstance(answer, list | tuple):
        for one in answer:
            _look_into(one, found)
    elif isinstance(answer, dict):
        _look_into_json(answer, found)
    elif (fields_ := _fields(type(answer))) is not None:
        patients, objects, others = fields_
        before = len(found)
        for name in patients:
            _add_ids(getattr(answer, name), found)
        if len(found) == before:
            found += [(name, one) for name in objects if isinstance(one := getattr(answer, name), UUID)]
            for name in others:
                _look_into(getattr(answer, name), found)


def key_of(patients: list[UUID]) -> bytes:
    """The name of a sorted list of patients."""
    return sha256(b"".join(one.bytes for one in patients)).digest()


def _add_ids(value: Any, found: list[Named]) -> None:
    if isinstance(value, UUID):
        found.append((PATIENT, value))
    elif isinstance(value, list | tuple):
        for one in value:
            _add_ids(one, found)
    else:
        _look_into(value, found)


def _look_into_json(answer: dict[Any, Any], found: list[Named]) -> None:
    """Into an answer that was kept as JSON, to be repeated."""
    for name, value in answer.items():
        is_self = name == "id" and "nhs_number_is_test" in answer
        if not isinstance(value, str):
            _look_into(value, found)
        elif is_self or name in PATIENTS | OBJECTS:
            with suppress(ValueError):
                found.append((name if name in OBJECTS else PATIENT, UUID(value)))


_known: dict[type, Fields | None] = {}


def _fields(kind: type) -> Fields | None:
    """None for what has no fields of its own."""
    if kind not in _known:
        _known[kind] = _look_at(kind)
    return _known[kind]


def _look_at(kind: type) -> Fields | None:
    if hasattr(kind, SELF):
        return (SELF,), (), ()
    if issubclass(kind, msgspec.Struct):
        names = kind.__struct_fields__
    elif is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
    else:
        return None
    return (
        tuple(name for name in names if name in PATIENTS),
        tuple(name for name in names if name in OBJECTS),
        tuple(name for name in names if name not in PATIENTS),
    )
