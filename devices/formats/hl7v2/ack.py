"""The answer to a message: MSH mirrored, MSA with the code, ERR with the place and the reason."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devices.formats.hl7v2.message import Header

ACCEPTED, ERROR, REJECTED = "AA", "AE", "AR"
"""HL7 table 0008: taken (or noted); cannot be taken as it is, or not now; not for us."""

TEXT_MAX: Final = 500
REMARKS_MAX: Final = 50
_PLACE: Final = re.compile(r"([A-Z0-9]{3})(?:\[(\d+)\])?(?:-(\d+)(?:\.(\d+))?)?")


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said of one place: it was refused, kept aside, or not used."""

    place: str
    reason: str
    error: int  # HL7 table 0357: 102 of the wrong kind, 103 not in a table, 207 an error of the application


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a message, and of which place in it; or of several."""

    code: str
    text: str
    place: str | None = None
    error: int = 0  # HL7 table 0357
    remarks: tuple[Remark, ...] = ()


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
    severity = "W" if answer.code == ACCEPTED else "E"  # table 0516: W, it succeeded, but there may be issues
    remarks = list(answer.remarks[:REMARKS_MAX])
    if answer.code != ACCEPTED and not remarks:
        remarks = [Remark(answer.place or "", answer.text, answer.error)]
    for one in remarks:
        place, reason = _location(one.place, of.component), _escaped(one.reason[:TEXT_MAX], header)
        lines.append(segment("ERR", "", place, str(one.error), severity, "", "", reason))
    return "".join(f"{line}\r" for line in lines).encode("latin-1", "replace")


def _location(place: str, component: str) -> str:
    """ERR-2: segment, its number in the message, field, repetition, component."""
    if (match := _PLACE.fullmatch(place)) is None:
        return ""
    segment, number, field, inner = match.groups()
    parts = [segment, number or "1", *([field, "1"] if field else []), *([inner] if inner else [])]
    return component.join(parts)


def _escaped(text: str, header: Header) -> str:
    of = header.separators
    named = {of.escape: "E", of.field: "F", of.component: "S", of.repetition: "R", of.subcomponent: "T"}
    plain = "".join(character if " " <= character <= "~" else " " if character.isspace() else "?" for character in text)
    return "".join(f"{of.escape}{named[one]}{of.escape}" if one in named else one for one in plain)
