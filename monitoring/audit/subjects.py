"""Which patients an answer shows: found by the names that the contract gives them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final, cast
from uuid import UUID

import msgspec

NAMED: Final = frozenset({"patient", "patients", "merged", "into", "merged_into"})
"""Fields that hold the id of a patient, several, or a patient as answered."""
SELF: Final = "subject_id"
"""The property of what is a patient itself."""


def shown(answer: Any) -> Iterator[UUID]:
    """The public ids of the patients in an answer. What names its patient is about that one alone."""
    if isinstance(answer, list | tuple):
        for one in answer:
            yield from shown(one)
    elif isinstance(answer, dict):
        yield from _of_json(answer)
    elif (found := _fields(cast(type[object], type(answer)))) is not None:
        named, others = found
        ids = [one for name in named for one in _ids(getattr(answer, name))]
        yield from ids
        if not ids:
            for name in others:
                yield from shown(getattr(answer, name))


def key_of(patients: list[UUID]) -> bytes:
    """The name of a sorted list of patients."""
    return sha256(b"".join(one.bytes for one in patients)).digest()


def _ids(value: Any) -> Iterator[UUID]:
    if isinstance(value, UUID):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _ids(one)
    else:
        yield from shown(value)


def _of_json(answer: dict[Any, Any]) -> Iterator[UUID]:
    """Of an answer that was kept as JSON, to be repeated."""
    for name, value in answer.items():
        if name not in NAMED and not (name == "id" and "nhs_number_is_test" in answer):  # that one is a patient
            yield from shown(value)
        elif isinstance(value, str):
            with suppress(ValueError):
                yield UUID(value)


@cache
def _fields(kind: type[object]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Of a kind of answer: the fields that name patients, and the others. None for what has no fields of its own."""
    if hasattr(kind, SELF):
        return (SELF,), ()
    if issubclass(kind, msgspec.Struct):
        names = kind.__struct_fields__
    elif is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
    else:
        return None
    return tuple(name for name in names if name in NAMED), tuple(name for name in names if name not in NAMED)
