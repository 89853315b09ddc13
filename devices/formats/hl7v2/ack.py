"""The answer to a message: MSH mirrored, MSA with the code, ERR with the place and the reason."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devices.formats.hl7v2.message import Header

ACCEPTED, ERROR, REJECTED = "AA", "AE", "AR"
"""HL7 table 0008: taken (or noted); cannot be taken as it is, or not now; not for us."""

TEXT_MAX: Final = 500
_PLACE: Final = re.compile(r"([A-Z0-9]{3})(?:-(\d+)(?:\.(\d+))?)?")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a message, and of which place in it."""

    code: str
    text: str
    place: str | None = None
    error: int = 0  # HL7 table 0357


def acknowledge(header: Header, answer: Answer, own_id: str, now: datetime) -> bytes:
    """The ACK, in the sender's separators. Bytes of theirs are given back as they came; ours are ASCII."""
    of = header.separators

    def segment(*fields: str) -> str:
        return of.field.join(fields).rstrip(of.field)

    trigger = header.trigger
    kind = of.component.join(["ACK", trigger, "ACK"] if trigger else ["ACK"])
    text = _escaped(answer.text[:TEXT_MAX], header)
    lines = [
        segment(
            "MSH", of.encoding, header.whole(5), header.whole(6), header.whole(3), header.whole(4),
            now.strftime("%Y%m%d%H%M%S+0000"), "", kind, own_id, header.whole(11), header.whole(12),
            "", "", "", "", "", header.whole(18),
        ),
        segment("MSA", answer.code, header.whole(10), text),
    ]  # fmt: skip
    if answer.code != ACCEPTED:
        lines.append(segment("ERR", "", _location(answer.place, of.component), str(answer.error), "E", "", "", text))
    return "".join(f"{line}\r" for line in lines).encode("latin-1", "replace")


def _location(place: str | None, component: str) -> str:
    """ERR-2: segment, its number, field, repetition, component."""
    if place is None or (match := _PLACE.fullmatch(place)) is None:
        return ""
    segment, field, inner = match.groups()
    parts = [segment, "1", *([field, "1"] if field else []), *([inner] if inner else [])]
    return component.join(parts)


def _escaped(text: str, header: Header) -> str:
    of = header.separators
    named = {of.escape: "E", of.field: "F", of.component: "S", of.repetition: "R", of.subcomponent: "T"}
    plain = "".join(character if " " <= character <= "~" else " " if character.isspace() else "?" for character in text)
    return "".join(f"{of.escape}{named[one]}{of.escape}" if one in named else one for one in plain)
