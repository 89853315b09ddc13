"""Batches and files of messages (FHS, BHS … BTS, FTS), taken apart and answered as such.

A batch that has no end was cut off in the middle of a message: nothing of it is taken. Source: HL7 2.5.1, chapter 2.10.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from devices.formats.hl7v2.message import BATCHES, Header, Unreadable, bare, header_of

MESSAGES_MAX: Final = 1000
_ENDS: Final = {b"FHS": b"FTS", b"BHS": b"BTS"}
_LINE: Final = re.compile(rb"[\r\n]+")


def is_batch(body: bytes) -> bool:
    """Whether a body holds messages in an envelope of its own."""
    return bare(body)[:3] in BATCHES


def messages(body: bytes) -> list[bytes]:
    """The messages of a batch, or the one that a body is. Raises Unreadable."""
    if not is_batch(body):
        return [body]
    open_: list[bytes] = []
    found: list[list[bytes]] = []
    in_batch = 0
    for line in _LINE.split(bare(body)):
        name = line[:3]
        if name in _ENDS:
            header_of(line)  # it will be answered in its separators
            open_.append(_ENDS[name])
            in_batch = len(found)
        elif name in _ENDS.values():
            if not open_ or open_.pop() != name:
                raise Unreadable(f"{name.decode()} ends what was not begun")
            _count(line, name, len(found) - in_batch)
        elif name == b"MSH":
            found.append([line])
        elif found:
            found[-1].append(line)
        else:
            raise Unreadable("a batch begins with no MSH segment")
    if open_:
        raise Unreadable(f"has no {open_[-1].decode()}: the batch may have been cut off, and nothing of it was taken")
    if not 1 <= len(found) <= MESSAGES_MAX:
        raise Unreadable(f"a batch holds 1 to {MESSAGES_MAX} messages")
    return [b"\r".join(lines) for lines in found]


def _count(line: bytes, name: bytes, held: int) -> None:
    """Raise Unreadable where a trailer counts other messages than came."""
    said = line[4:5] and line[4:].split(line[3:4])[0].strip()
    if name == b"BTS" and said and (not said.isdigit() or len(said) > 9 or int(said) != held):
        raise Unreadable("BTS-1 is not the number of messages that came")


def acknowledge(body: bytes, answers: Sequence[bytes], own_id: str, now: datetime) -> bytes:
    """The answer to a batch: a batch of the answers to its messages, in order, in the separators of the sender."""
    heads = [header_of(line) for line in _LINE.split(bare(body)) if line[:3] in BATCHES]
    outer = {head.fields[0]: head for head in reversed(heads)}
    lines = [_head(outer[name], own_id, now) for name in ("FHS", "BHS") if name in outer]
    tails = [f"{_tail(name)}{outer[name].separators.field}{count}" for name, count in _counts(outer, len(answers))]
    return _joined(lines) + b"".join(answers) + _joined(tails)


def _counts(outer: Iterable[str], answers: int) -> list[tuple[str, int]]:
    return [(name, answers if name == "BHS" else 1) for name in ("BHS", "FHS") if name in outer]


def _tail(name: str) -> str:
    return _ENDS[name.encode()].decode()


def _head(head: Header, own_id: str, now: datetime) -> str:
    """Mirrored: who sent receives, and their control id (11) is the one that is referred to (12)."""
    fields = [
        head.fields[0], head.separators.encoding, head.whole(5), head.whole(6), head.whole(3), head.whole(4),
        now.strftime("%Y%m%d%H%M%S+0000"), "", "", "", own_id, head.whole(11),
    ]  # fmt: skip
    return head.separators.field.join(fields).rstrip(head.separators.field)


def _joined(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r" for line in lines).encode("latin-1", "replace")
