"""A FHIR resource taken apart by its paths: what is there is of the right type, or refused by its FHIRPath.

Fields that nobody asks for are passed over: FHIR's senders may add what they like.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

YEARS: Final = range(2000, 2101)
DEPTH_MAX: Final = 64
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class Refused(Exception):
    """The message cannot be accepted as it is. `place`: a FHIRPath; `issue`: a code of FHIR's issue types."""

    def __init__(self, place: str, reason: str, issue: str = "value", *, is_unreadable: bool = False) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.place = place
        self.reason = reason
        self.issue = issue
        self.is_unreadable = is_unreadable  # its form is wrong, not what it says


def malformed(place: str, reason: str, issue: str = "structure") -> Refused:
    """A refusal of the message's form."""
    return Refused(place, reason, issue, is_unreadable=True)


@dataclass(frozen=True, slots=True)
class Node:
    """An object of a resource, and where it stands."""

    value: dict[str, Any]
    place: str

    def get(self, name: str) -> "Node | None":
        """An object that is one, or None. Raises Refused."""
        found = self.value.get(name)
        return None if found is None else _node(found, f"{self.place}.{name}")

    def each(self, name: str) -> Iterator["Node"]:
        """The objects of a list. Raises Refused."""
        place = f"{self.place}.{name}"
        for number, one in enumerate(_list(self.value.get(name), place)):
            yield _node(one, f"{place}[{number}]")

    def text(self, name: str) -> str | None:
        """A string that says something, without its outer spaces. Raises Refused."""
        return _text(self.value.get(name), f"{self.place}.{name}")

    def texts(self, name: str) -> list[str]:
        """The strings of a list. Raises Refused."""
        place = f"{self.place}.{name}"
        found = (_text(one, f"{place}[{at}]") for at, one in enumerate(_list(self.value.get(name), place)))
        return [one for one in found if one is not None]

    def needed(self, name: str) -> str:
        """A string that has to be there. Raises Refused."""
        if (found := self.text(name)) is None:
            raise malformed(f"{self.place}.{name}", "is required", "required")
        return found

    def instant(self, name: str) -> datetime | None:
        """An instant in UTC. Raises Refused."""
        if (said := self.text(name)) is None:
            return None
        place = f"{self.place}.{name}"
        if not _INSTANT.fullmatch(said):
            raise malformed(place, "is no instant with an offset, such as 2026-11-21T10:00:00Z", "value")
        try:
            moment = datetime.fromisoformat(said)
        except ValueError:
            raise malformed(place, "is no instant that exists", "value") from None
        if moment.year not in YEARS:
            raise Refused(place, f"its year is not between {YEARS[0]} and {YEARS[-1]}")
        return moment.astimezone(UTC)

    def day(self, name: str) -> date | None:
        """A whole day. Raises Refused."""
        if (said := self.text(name)) is None:
            return None
        place = f"{self.place}.{name}"
        if not _DAY.fullmatch(said):
            raise Refused(place, "has to be a whole day, YYYY-MM-DD")
        try:
            return date.fromisoformat(said)
        except ValueError:
            raise malformed(place, "is no day that exists", "value") from None


def read(body: bytes, resource: str) -> Node:
    """A resource of that type from JSON. Raises Refused."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise malformed("", "the body is not JSON", "structure") from None
    if not isinstance(found, dict) or found.get("resourceType") != resource:
        raise malformed("resourceType", f"is not {resource}")
    _refuse_deep(found)
    return Node(found, resource)


def words(concept: Node | None) -> str | None:
    """What a CodeableConcept says to people: its text, else the first display, else the first code. Raises Refused."""
    if concept is None:
        return None
    codings = list(concept.each("coding"))
    shown = [one.text("display") for one in codings] + [one.text("code") for one in codings]
    return concept.text("text") or next((one for one in shown if one is not None), None)


def _refuse_deep(found: dict[str, Any]) -> None:
    """What nests deeper than any resource is no resource: whoever keeps or shows it would have to recurse."""
    level: list[Any] = [found]
    for _ in range(DEPTH_MAX):
        inner = [one for part in level for one in (part.values() if isinstance(part, dict) else part)]
        level = [one for one in inner if isinstance(one, dict | list)]
        if not level:
            return
    raise malformed("", "is nested too deeply")


def _node(found: Any, place: str) -> Node:
    if not isinstance(found, dict):
        raise malformed(place, "is not an object")
    return Node(found, place)


def _list(found: Any, place: str) -> list[Any]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise malformed(place, "is not a list")
    return found


def _text(found: Any, place: str) -> str | None:
    if found is None:
        return None
    if not isinstance(found, str):
        raise malformed(place, "is not a string")
    if "\0" in found:
        raise malformed(place, "holds a NUL", "value")
    return found.strip() or None
