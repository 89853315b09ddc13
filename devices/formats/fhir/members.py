"""What becomes of each entry of a document, and what is said of it: taken, kept aside, noted or refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from devices.formats.fhir.grouping import Part, observed, set_id
from devices.formats.fhir.shapes import Document
from devices.posted import NUMBERS, Decoded, judge
from devices.reading import Doubt, Odd, ReadingSet, Refusal

BLANK_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
PERCENT_MAX: Final = 100
DETAIL_MAX: Final = 500

_CANNOT: Final = {name: values for name, _, values in NUMBERS}


Doubts = Sequence[tuple[Doubt, str, dict[str, Any]]]
"""Why something is left to a person: reason, detail from its place on, what it reads."""


class Fate(StrEnum):
    """What becomes of an entry."""

    TAKEN = "taken"
    ASIDE = "kept aside"
    NOTED = "noted"  # understood, and nothing of it is kept
    REFUSED = "refused"


class Member(msgspec.Struct, gc=False):
    """An entry of a document, and what becomes of it. `issue`: FHIR's type of what is wrong."""

    index: int
    place: str
    fate: Fate
    own: str = ""  # the sender's name of it, or one made of what it says
    reason: str = ""
    issue: str = "value"
    is_unreadable: bool = False
    part: Part | None = None


@dataclass(slots=True)
class Reading:
    """What a document is."""

    document: Document
    members: list[Member]
    decoded: Decoded  # until it is settled without sets: what is refused, impossible and odd

    @property
    def type(self) -> str | None:
        """Of the Bundle; None for a single Observation."""
        return self.document.type

    @property
    def taken(self) -> list[Member]:
        """What is to become sets."""
        return [one for one in self.members if one.part is not None]


def contradicts(reading: Reading, member: Member) -> None:
    """Keep a member aside whose name was given before to something else."""
    part = member.part
    assert part is not None
    member.part, member.fate, member.issue = None, Fate.REFUSED, "conflict"
    member.reason = f"{member.own[:200]} was sent before with other content"
    detail = f"{member.place}: {member.reason}"[:DETAIL_MAX]
    if (original := reading.document.original(member.index)) is not None:
        odd = Odd(
            id=set_id([part.own]), reason="same id, other content", detail=detail, document=original,
            taken_at=part.taken_at, reads=_would_be(part, part.fields), patient=part.patient,
        )  # fmt: skip
        reading.decoded.odd.append(odd)


def cannot(fields: dict[str, Any]) -> str | None:
    """Why a value of it cannot be a measurement."""
    for name, value in fields.items():
        if (values := _CANNOT.get(name)) is not None:
            note = values[value][1]
            if note is not None and note.cannot is not None:
                return f"{name} {note.cannot}"
        elif name == "battery" and not 0 <= value <= PERCENT_MAX:
            return "battery is no percentage"
    return None


def refuse_impossible(member: Member, part: Part, reason: str, decoded: Decoded) -> Member:
    """Refused by itself, the others of its set are not; it travels on, so that somebody is told."""
    if part.fields.keys() != {"battery"}:
        scratch = Decoded()
        judge(observed([part]), member.index, scratch)
        decoded.impossible += scratch.impossible
    return refuse(member, decoded, member.place, reason)


def keep_aside(member: Member, part: Part, doubts: Doubts, document: Document, decoded: Decoded) -> Member:
    """Leave it to a person. Nothing of it is a reading."""
    member.fate = Fate.ASIDE
    at = None if doubts[0][0] == "time not known" else part.taken_at
    add_odd(member, part, doubts, at, document, decoded)
    return member


def add_odd(
    member: Member, part: Part, doubts: Doubts, at: datetime | None, document: Document, decoded: Decoded
) -> None:
    """Add what is left to a person of an Observation: once, whatever the number of its doubts; the first names it."""
    original = document.original(member.index)
    if original is None:
        member.part = None
        refuse(member, decoded, member.place, "holds what cannot be kept: the character NUL, or nests too deeply")
        return
    detail = "; ".join(f"{member.place}.{detail}" for _, detail, _ in doubts)[:DETAIL_MAX]
    reads = {name: value for *_, several in reversed(doubts) for name, value in several.items()}
    odd = Odd(
        id=set_id([part.own]), reason=doubts[0][0], detail=detail, document=original,
        taken_at=None if at == BLANK_TIME else at, reads=_would_be(part, reads), patient=part.patient,
    )  # fmt: skip
    decoded.odd.append(odd)
    member.reason = detail


def _would_be(part: Part, reads: dict[str, Any]) -> ReadingSet | None:
    """The set that it would be, were the doubt settled; None where it would be none."""
    if not reads:
        return None
    scratch = Decoded()
    judge(observed([part.reading(reads, BLANK_TIME)]), 0, scratch)
    if not scratch.sets:
        return None
    return msgspec.structs.replace(scratch.sets[0], taken_at=part.taken_at)


def refuse(member: Member, decoded: Decoded, place: str, reason: str, issue: str = "value") -> Member:
    member.fate, member.place, member.reason, member.issue = Fate.REFUSED, place, reason, issue
    decoded.refused.append(Refusal(member.index, place, reason))
    return member


def note(member: Member, decoded: Decoded, place: str, reason: str) -> Member:
    """Nothing of it is kept, and its sender is told so."""
    member.fate, member.reason = Fate.NOTED, reason
    decoded.refused.append(Refusal(member.index, place, reason))
    return member
