"""Verifying: the chain is walked again, seal by seal, and whatever does not agree with it is told.

It reads a few thousand rows at a time, whatever the length of the chain, and trusts nothing but the hashes and the keys
that whoever asks has.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import psycopg

from monitoring.audit.chain import BEGINNING, COLUMNS, Seal, hash_of, is_signed
from monitoring.audit.sealing import EVENT, EVENTS_MAX, LATE_MAX
from monitoring.audit.subjects import key_of

SEALS_AT_ONCE: Final = 500
TOLD_MAX: Final = 1_000
IDS_TOLD_MAX: Final = 20
KNOWN_MAX: Final = 100_000
FIRST: Final = -(1 << 63)
"""Below every id, also those that nobody draws."""
SUBJECTS: Final = COLUMNS.index("subjects")
UNSEALED_MAX: Final = timedelta(minutes=5)
"""What has waited longer for its seal could have been altered without a trace."""


class Wrong(msgspec.Struct, frozen=True):
    """Something that does not agree, and where."""

    what: str  # altered, missing, added, subjects, link, signature, head, unsealed
    detail: str
    seal: int | None = None
    at: datetime | None = None  # when it was sealed


class Found(msgspec.Struct, kw_only=True):
    """What was verified, and what is wrong."""

    seals: int = 0
    events: int = 0
    signed: int = 0  # heads of days, and the newest, with a right signature of a trusted key
    unsigned: int = 0  # heads without one
    unsealed: int = 0  # events that came after the newest seal
    head: str | None = None  # of the newest seal that was verified: NUMBER:HASH
    sealed_at: datetime | None = None
    wrong: list[Wrong] = []
    wrong_count: int = 0  # of them; no more than 1,000 are listed

    def tell(self, what: str, detail: str, seal: Seal | None = None) -> None:
        """Note what is wrong."""
        self.wrong_count += 1
        if self.wrong_count <= TOLD_MAX:
            number, at = (None, None) if seal is None else (seal.number, seal.sealed_at)
            self.wrong.append(Wrong(what, detail, number, at))


@dataclass(frozen=True, slots=True)
class Kept:
    """A seal as it stands, with its hash and signature."""

    seal: Seal
    hash: bytes
    signature: bytes | None


@dataclass(slots=True)
class _Events:
    """The events in the order of their ids, some thousands at a time."""

    connection: psycopg.Connection
    position: int  # all before was read
    _read: deque[Sequence[Any]] = field(default_factory=deque)

    def take(self, after: int, to: int) -> tuple[list[Sequence[Any]], int]:
        """Those above `after` and up to `to`, and how many there are before, which no seal covers.

        Of many more than a seal may have the rest is left out.
        """
        outside = 0
        taken: list[Sequence[Any]] = []
        while len(taken) <= 2 * EVENTS_MAX:
            if not self._read:
                self._read.extend(self.connection.execute(_EVENTS.format(most=EVENTS_MAX), (self.position,)))
            if not self._read or self._read[0][0] > to:
                break
            event = self._read.popleft()
            self.position = event[0]
            if event[0] > after:
                taken.append(event)
            else:
                outside += 1
        return taken, outside


@dataclass(slots=True)
class _Walk:
    """Where the walk along the chain is."""

    connection: psycopg.Connection
    events: _Events
    trusted: frozenset[bytes]
    found: Found
    strays: dict[int, Seal] = field(default_factory=dict)  # events in a gap: they should be late in another seal
    known: set[bytes] = field(default_factory=set)  # sets of patients that were looked at


def verify(
    connection: psycopg.Connection,
    trusted: frozenset[bytes],
    now: datetime,
    since: datetime | None,
    until: datetime | None,
    progress: Callable[[Kept, Found], None],
) -> Found:
    """Verify the seals of a period and all that they cover; of the whole chain where none is given.

    The connection commits each statement alone: what is sealed does not change, and a long walk holds nobody up.
    """
    before = _before(connection, since)
    walk = _Walk(connection, _Events(connection, FIRST if before is None else before.seal.to_id), trusted, Found())
    for kept in _seals(connection, before, until):
        _link(walk, before, kept)
        _cover(walk, kept.seal, kept.hash)
        if before is not None and before.seal.sealed_at.date() != kept.seal.sealed_at.date():
            _signed(walk, before)
        walk.found.seals += 1
        before = kept
        progress(kept, walk.found)
    if before is not None:
        _signed(walk, before)
        walk.found.head = f"{before.seal.number}:{before.hash.hex()}"
        walk.found.sealed_at = before.seal.sealed_at
    _strays(walk, before)
    if until is None:
        _tail(walk, before, now)
    return walk.found


def verify_head(connection: psycopg.Connection, found: Found, head: str) -> None:
    """Whether a head that somebody kept, NUMBER:HASH, still stands as it was."""
    number, _, said = head.partition(":")
    row = connection.execute("SELECT encode(hash, 'hex') FROM audit_seal WHERE number = %s", (int(number),)).fetchone()
    if row != (said.lower(),):
        found.tell("head", f"seal {number} {'is gone' if row is None else 'is not the one that was kept'}")


def _before(connection: psycopg.Connection, since: datetime | None) -> Kept | None:
    """The seal that the first one of the period follows; it is where the walk begins, and is taken as it stands."""
    if since is None:
        return None
    row = connection.execute(
        f"SELECT {_SEAL} FROM audit_seal WHERE sealed_at < %s ORDER BY number DESC LIMIT 1",  # noqa: S608 - constants
        (since,),
    ).fetchone()
    return None if row is None else _kept(row)


def _seals(connection: psycopg.Connection, before: Kept | None, until: datetime | None) -> Iterator[Kept]:
    number = FIRST if before is None else before.seal.number
    while rows := connection.execute(_SEALS, {"after": number, "until": until, "most": SEALS_AT_ONCE}).fetchall():
        yield from map(_kept, rows)
        number = rows[-1][0]


def _kept(row: Sequence[Any]) -> Kept:
    number, sealed_at, after_id, to_id, gaps, late, events, previous, key, hash_, signature = row
    pairs = [(gap.lower, gap.upper) for gap in gaps]
    seal = Seal(number, sealed_at, after_id, to_id, pairs, late, events, bytes(previous), _bytes(key))
    return Kept(seal, bytes(hash_), _bytes(signature))


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _link(walk: _Walk, before: Kept | None, kept: Kept) -> None:
    """Whether a seal follows the one before."""
    number, to_id, hash_ = (0, 0, BEGINNING) if before is None else (before.seal.number, before.seal.to_id, before.hash)
    seal = kept.seal
    if seal.number <= number:
        walk.found.tell("added", "a seal under a number that no seal has", seal)
    elif seal.number != number + 1:
        gone = f"seal {number + 1}" if seal.number == number + 2 else f"seals {number + 1} to {seal.number - 1}"
        walk.found.tell("missing", f"{gone}: not there", seal)
    elif seal.previous != hash_:
        walk.found.tell("link", f"does not follow seal {number}: one of the two was altered", seal)
    elif seal.after_id != to_id:
        walk.found.tell("link", f"begins after event {seal.after_id}, seal {number} ends with {to_id}", seal)


def _cover(walk: _Walk, seal: Seal, hash_: bytes) -> None:
    """Whether the events of a seal are all there, no others, and as they were."""
    rows, outside = walk.events.take(seal.after_id, seal.to_id)
    if outside:
        walk.found.tell("added", f"{outside} events up to {seal.after_id} are in no seal", seal)
    late = walk.connection.execute(_THESE, (list(seal.late),)).fetchall() if seal.late else []
    stray = {row[0] for row in rows if any(low <= row[0] < high for low, high in seal.gaps)}
    walk.strays.update(dict.fromkeys(stray, seal))
    for number in seal.late:
        walk.strays.pop(number, None)
    events = [*late, *(row for row in rows if row[0] not in stray)]
    walk.found.events += len(events)
    if hash_of(seal, events) != hash_:
        _diagnose(walk.found, seal, [event[0] for event in events])
    _subjects(walk, seal, {bytes(event[SUBJECTS]) for event in events if event[SUBJECTS] is not None})


def _diagnose(found: Found, seal: Seal, ids: list[int]) -> None:
    """Tell why the hash of a seal is not the one of what it covers."""
    covered = _covered(seal)
    if sum(len(part) for part in covered) + len(seal.late) != seal.events or seal.events > EVENTS_MAX:
        found.tell("altered", "the seal contradicts itself", seal)
        return
    gone = {number for part in covered for number in part}.union(seal.late) - set(ids)
    more = len(ids) - len(set(ids))
    if gone:
        found.tell("missing", f"{_listed(gone)}: not there", seal)
    if more:
        found.tell("added", f"{more} more than {seal.events} events, under ids of others", seal)
    if not gone and not more:
        found.tell("altered", f"an event of {seal.after_id + 1} to {seal.to_id}, or the seal: not as it was", seal)


def _covered(seal: Seal) -> list[range]:
    """The ids that a seal covers, but for late ones."""
    lows = [seal.after_id + 1, *(high for _, high in seal.gaps)]
    highs = [*(low for low, _ in seal.gaps), seal.to_id + 1]
    return [range(low, high) for low, high in zip(lows, highs, strict=True)]


def _listed(ids: set[int]) -> str:
    shown = ", ".join(map(str, sorted(ids)[:IDS_TOLD_MAX]))
    return f"event {shown}" if len(ids) <= IDS_TOLD_MAX else f"{len(ids)} events, from {shown}"


def _subjects(walk: _Walk, seal: Seal, keys: set[bytes]) -> None:
    """Whether the patients that events name by a hash are there, and are those."""
    new = keys - walk.known
    if not new:
        return
    rows = walk.connection.execute(_SUBJECTS, (list(new),)).fetchall()
    found = {bytes(key) for key, _ in rows}
    if wrong := (new - found) | {bytes(key) for key, patients in rows if key_of(patients) != bytes(key)}:
        walk.found.tell("subjects", f"{len(wrong)} lists of patients that events name are altered or not there", seal)
    if len(walk.known) > KNOWN_MAX:
        walk.known.clear()
    walk.known |= new


def _signed(walk: _Walk, kept: Kept) -> None:
    """Whether the head of a day, or the newest, is signed by somebody who is trusted."""
    if kept.seal.public_key is None or kept.signature is None:
        walk.found.unsigned += 1
        if walk.trusted:
            walk.found.tell("signature", "is not signed", kept.seal)
    elif walk.trusted and kept.seal.public_key not in walk.trusted:
        walk.found.tell("signature", "is signed with a key that is not one of the trusted", kept.seal)
    elif not is_signed(kept.hash, kept.seal.public_key, kept.signature):
        walk.found.tell("signature", "is not what was signed", kept.seal)
    else:
        walk.found.signed += 1


def _strays(walk: _Walk, last: Kept | None) -> None:
    """Events that came into a gap: a later seal has them, or the next one will."""
    for ids in _parts(sorted(walk.strays)):
        sealed = {number for (number,) in walk.connection.execute(_SEALED_LATE, (ids,))}
        for number in set(ids) - sealed:
            seal = walk.strays[number]
            if last is not None and seal.sealed_at < last.seal.sealed_at - LATE_MAX:
                walk.found.tell("added", f"event {number} is in no seal", seal)
            else:
                walk.found.unsealed += 1


def _parts(ids: list[int]) -> Iterator[list[int]]:
    return (ids[place : place + SEALS_AT_ONCE] for place in range(0, len(ids), SEALS_AT_ONCE))


def _tail(walk: _Walk, last: Kept | None, now: datetime) -> None:
    """What has no seal yet."""
    row = walk.connection.execute(_TAIL, (0 if last is None else last.seal.to_id,)).fetchone()
    count, oldest = row or (0, None)
    walk.found.unsealed += count
    if oldest is not None and oldest < now - UNSEALED_MAX:
        walk.found.tell("unsealed", f"{count} events since {oldest:%Y-%m-%d %H:%M:%S}Z: does a timekeeper run?")


_SEAL: Final = "number, sealed_at, after_id, to_id, gaps, late, events, previous, public_key, hash, signature"
_SEALS: Final = f"""
SELECT {_SEAL} FROM audit_seal
WHERE number > %(after)s AND (%(until)s::timestamptz IS NULL OR sealed_at < %(until)s)
ORDER BY number LIMIT %(most)s
"""  # noqa: S608 - constants
# The limit is no parameter: see sealing.
_EVENTS: Final = f"SELECT {EVENT} FROM audit_event AS event WHERE id > %s ORDER BY id, at LIMIT {{most}}"  # noqa: S608 - constants
_THESE: Final = f"SELECT {EVENT} FROM audit_event AS event WHERE id = ANY(%s) ORDER BY id, at"  # noqa: S608 - constants
_SEALED_LATE: Final = (
    "SELECT id FROM unnest(%s::bigint[]) AS id WHERE EXISTS (SELECT FROM audit_seal WHERE late @> ARRAY[id])"
)
_SUBJECTS: Final = "SELECT sha256, patients FROM audit_subjects WHERE sha256 = ANY(%s)"
_TAIL: Final = "SELECT count(*), min(at) FROM audit_event WHERE id > %s"
