"""One HL7 v2 message taken apart: separators, character set, segments, fields.

Segments end in CR; LF and CRLF are taken too, and the bytes that frame a message in MLLP. `""` is HL7's explicit
"nothing": it reads as if nothing were said, for nobody's record is emptied by a message.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

BYTES_MAX: Final = 262_144
"""The design's own: messages of admission, transfer and discharge have 1 to 20 KB."""
CONTROL_ID_MAX: Final = 199  # HL7 2.7; 20 before

CHARACTER_SETS: Final = {
    "": "utf-8",  # ASCII by the standard; UTF-8 is what senders mean who say nothing and send more
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "8859/1": "latin-1",
    "8859/15": "iso8859-15",
}
"""MSH-18, HL7 table 0211, by the codec that reads it strictly."""

_PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_ESCAPED: Final = re.compile(r"\.br|\.sp|\.ce|H|N|[FSTRE]|X(?:[0-9A-Fa-f]{2})+")
BATCHES: Final = (b"FHS", b"BHS")


class Unreadable(Exception):
    """The body is not an HL7 v2 message."""


class Refused(Exception):
    """Something in the message cannot be accepted."""

    def __init__(self, place: str, reason: str, code: int = 102) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason
        self.code = code  # HL7 table 0357: 101 missing, 102 of the wrong kind, 204 unknown key


@dataclass(frozen=True, slots=True)
class Separators:
    """The characters that structure a message, from MSH-1 and MSH-2."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    encoding: str  # MSH-2 as sent


@dataclass(frozen=True, slots=True)
class Header:
    """What MSH says. The texts are as sent, escapes and all, so that an answer can mirror them."""

    separators: Separators
    fields: tuple[str, ...]  # by their number; 0 is the segment's name

    def text(self, number: int, component: int = 1) -> str:
        """A field's component as sent, "" where there is none."""
        whole = self.fields[number] if number < len(self.fields) else ""
        parts = whole.split(self.separators.repetition)[0].split(self.separators.component)
        return parts[component - 1].strip() if component <= len(parts) else ""

    def whole(self, number: int) -> str:
        """A field as sent."""
        return self.fields[number] if number < len(self.fields) else ""

    @property
    def code(self) -> str:
        """The kind of message: ADT, ORU, …"""
        return self.text(9)

    @property
    def trigger(self) -> str:
        """The event: A01, …"""
        return self.text(9, 2)

    @property
    def control_id(self) -> str:
        """The sender's own id of the message."""
        return self.text(10)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment's fields by their number; 0 is its name."""

    name: str
    fields: tuple[str, ...]
    separators: Separators

    def repetitions(self, number: int) -> list[str]:
        """A field's repetitions as sent."""
        whole = self.fields[number] if number < len(self.fields) else ""
        return whole.split(self.separators.repetition) if whole else []

    def value(self, number: int, component: int = 1, subcomponent: int = 1) -> str | None:
        """What a field says, of its first repetition. Raises Refused."""
        first = next(iter(self.repetitions(number)), "")
        return self.part(first, number, component, subcomponent)

    def part(self, repetition: str, number: int, component: int = 1, subcomponent: int = 1) -> str | None:
        """What a repetition of a field says; None where nothing is said. Raises Refused."""
        of = self.separators
        parts = repetition.split(of.component)
        if component > len(parts):
            return None
        parts = parts[component - 1].split(of.subcomponent)
        if subcomponent > len(parts):
            return None
        said = unescaped(parts[subcomponent - 1], of).strip()
        if "\0" in said:
            raise Refused(f"{self.name}-{number}.{component}", "holds a NUL")
        return None if said in {"", '""'} else said


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message of which the header could be read, and no more."""

    header: Header
    body: bytes


def bare(body: bytes) -> bytes:
    """A body without what may frame it: MLLP's bytes, a byte order mark, empty lines."""
    return body.removeprefix(b"\x0b").rstrip(b"\x1c\r\n \t").lstrip(b"\xef\xbb\xbf\r\n \t")


def open_envelope(body: bytes) -> Envelope:
    """The header of a message. Raises Unreadable where there is none: nobody could be answered."""
    body = bare(body)
    if body[:3] in BATCHES:
        raise Unreadable("send one message at a time, not a batch")
    if body[:3] != b"MSH":
        raise Unreadable("begins with no MSH segment")
    return Envelope(header_of(re.split(rb"[\r\n]", body, maxsplit=1)[0]), body)


def header_of(segment: bytes) -> Header:
    """A segment that begins with its separators: MSH, BHS, FHS. Raises Unreadable."""
    line = segment.decode("latin-1")
    separators = _separators(line)
    return Header(separators, (line[:3], separators.field, *line[4:].split(separators.field)))


def segments(envelope: Envelope) -> Iterator[Segment]:
    """The segments after the header. Raises Refused for a character set that is not known, or not kept."""
    separators = envelope.header.separators
    lines = _decoded(envelope).replace("\n", "\r").split("\r")
    for line in lines[1:]:
        if not line.strip():
            continue
        name = line[:3]
        if not _SEGMENT.fullmatch(name) or line[3:4] not in {"", separators.field}:
            raise Refused("MSH", "is followed by a line that is no segment")
        if name == "MSH":
            raise Refused("MSH", "stands twice: send one message at a time")
        yield Segment(name, tuple(line.split(separators.field)), separators)


def _separators(line: str) -> Separators:
    """From MSH-1 and MSH-2. Raises Unreadable where they are none, or not all different."""
    field, encoding = line[3:4], line[4:].partition(line[3:4] or "|")[0]
    characters = field + encoding
    if len(encoding) not in {4, 5} or len(set(characters)) != len(characters) or not set(characters) <= _PUNCTUATION:
        raise Unreadable("MSH-1 and MSH-2 are not five different separators")
    component, repetition, escape, subcomponent, *_ = tuple(encoding)
    return Separators(field, component, repetition, escape, subcomponent, encoding)


def _decoded(envelope: Envelope) -> str:
    named = envelope.header.text(18)
    codec = CHARACTER_SETS.get(named.upper())
    if codec is None:
        known = ", ".join(name for name in CHARACTER_SETS if name)
        raise Refused("MSH-18", f"names a character set that is not read here; {known} are", 103)
    try:
        return envelope.body.decode(codec)
    except UnicodeDecodeError:
        raise Refused("MSH-18", f"the message is not in {named or 'UTF-8, nor says what it is in'}", 103) from None


def unescaped(text: str, separators: Separators) -> str:
    r"""Escape sequences read: separators (`\F\`), hexadecimal (`\X..\`), line breaks; what is none stays as it is.

    Source: HL7 2.5.1, chapter 2.7. Highlighting (`\H\`, `\N\`) is dropped: plain text has none.
    """
    if separators.escape not in text:
        return text
    parts = text.split(separators.escape)
    said, place = [parts[0]], 1
    while place < len(parts):
        if place + 1 < len(parts) and _ESCAPED.fullmatch(parts[place]):
            said += [_meant(parts[place], separators), parts[place + 1]]
            place += 2
        else:
            said += [separators.escape, parts[place]]
            place += 1
    return "".join(said)


def _meant(sequence: str, separators: Separators) -> str:
    own = {
        "F": separators.field,
        "S": separators.component,
        "R": separators.repetition,
        "T": separators.subcomponent,
        "E": separators.escape,
        "H": "",
        "N": "",
    }
    if sequence in own:
        return own[sequence]
    if sequence.startswith("."):
        return "\n"
    return bytes.fromhex(sequence[1:]).decode("latin-1")
