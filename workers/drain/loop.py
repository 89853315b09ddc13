"""The drain's loop: batches off the stream, one transaction each, acknowledged after the commit.

One drain at a time per stream: an advisory lock of the transaction itself, so that a dead worker holds nothing. All
drains share one consumer name, and begin with what it was given and never acknowledged: that is how a dead worker's
batch is claimed back. Why the bell stays up meanwhile: docs/decisions/0002.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypeVar, cast

import msgspec
import structlog
from redis import Redis
from redis.exceptions import ResponseError
from sqlalchemy import Engine
from sqlmodel import Session

from devices.reading import Arrival
from monitoring.clock import utc_now
from monitoring.database import driver, once_more, transaction
from monitoring.intake.stream import BELL_MS, DRAIN_LOCK, FIELD, GROUP, bell_name, ring_once, stream_name
from monitoring.patients.tables import MERGE_LOCK
from monitoring.tracing.spans import FIELD as TRACE
from monitoring.tracing.spans import is_on
from workers.drain.batch import Done, process
from workers.drain.poison import keep_poison, keep_unreadable, things
from workers.drain.tracing import Spans
from workers.mishaps import CULPRITS, described, will_pass

log = structlog.get_logger()
T = TypeVar("T")

CONSUMER: Final = "drain"
SETS_PER_BATCH: Final = 2000
FIRST_READ: Final = 4
READ_MAX: Final = 128
"""Entries asked for at once: as many as the batch lacks by what the entries so far held, but never too many."""

_arrival = msgspec.json.Decoder(Arrival)


class Entry(NamedTuple):
    """An entry of the stream, and what is in it; None where it can't be read."""

    id: bytes
    arrival: Arrival | None
    raw: bytes
    trace: str | None = None  # its `traceparent`, where its request was traced


@dataclass(frozen=True, slots=True)
class Drain:
    """What a drain works with."""

    engine: Engine
    queue: Redis
    number: int  # of the stream
    after_commit: Callable[[Done, datetime], None]  # told of each batch: metrics, and who watches live

    @property
    def stream(self) -> str:
        """The stream's name."""
        return stream_name(self.number)


def run(drain: Drain, *, until: Callable[[], bool]) -> int:
    """Drain until the stream is empty or `until` says stop. Returns the number of entries worked off."""
    worked = 0
    while not until():
        drain.queue.set(bell_name(drain.number), 1, px=BELL_MS)  # nobody needs to ring while we work
        entries = _batch(drain)
        if entries is None:  # somebody else drains
            return worked
        worked += entries
        if entries:
            continue
        drain.queue.delete(bell_name(drain.number))
        if not drain.queue.xlen(drain.stream):  # looked after the bell was down: no arrival is missed
            return worked
    drain.queue.delete(bell_name(drain.number))
    if drain.queue.xlen(drain.stream):
        ring_once(drain.queue, drain.number)
    return worked


def _batch(drain: Drain) -> int | None:
    """Work off one batch. Returns the number of entries, 0 for none left, None where another drain is at it."""
    entries: list[Entry] = []

    def take() -> Done | None:
        with transaction(drain.engine) as session:
            is_ours, *_ = driver(session).execute(_TRY_LOCK, (DRAIN_LOCK, drain.number)).fetchone() or (False,)
            if not is_ours:
                return None
            entries[:] = _read(drain)
            return _process(drain, session, entries) if entries else Done()

    try:
        done = once_more(take)
    except CULPRITS as error:
        if will_pass(error) or not entries:
            raise
        log.error("batch_failed", stream=drain.number, entries=len(entries), **described(error))
        _isolate(drain, entries)
        return len(entries)
    if done is None:
        return None
    if entries:
        _finish(drain, entries, done)
    return len(entries)


# Beside the stream's own lock: nobody's spell changes its patient while a batch looks up whose its sets are.
_TRY_LOCK: Final = f"SELECT pg_try_advisory_xact_lock(%s, %s), pg_advisory_xact_lock_shared({MERGE_LOCK})"
_LOCK: Final = f"SELECT pg_advisory_xact_lock(%s, %s), pg_advisory_xact_lock_shared({MERGE_LOCK})"


def _process(drain: Drain, session: Session, entries: Sequence[Entry]) -> Done:
    now = utc_now()
    traced = [(one.trace, one.arrival) for one in entries if one.trace and one.arrival] if is_on() else []
    spans = Spans.begin(drain.stream, len(entries), traced) if traced else None
    done = process(session, [entry.arrival for entry in entries if entry.arrival is not None], now)
    unreadable = [(entry.id.decode(), entry.raw) for entry in entries if entry.arrival is None]
    keep_unreadable(session, drain.stream, unreadable, now)
    if spans is not None:
        spans.note_alerts(driver(session), done.behind, now)
        done.committed = spans.end
    return done


def _finish(drain: Drain, entries: Sequence[Entry], done: Done) -> None:
    _acknowledge(drain, entries)
    if done.committed is not None:
        done.committed()
    drain.after_commit(done, utc_now())


def _acknowledge(drain: Drain, entries: Sequence[Entry]) -> None:
    """Together: what is acknowledged but not deleted stays for ever, and what is deleted is never seen again."""
    ids = [entry.id for entry in entries]
    with drain.queue.pipeline(transaction=True) as both:
        both.xack(drain.stream, GROUP, *ids)
        both.xdel(drain.stream, *ids)
        both.execute()


def _isolate(drain: Drain, entries: Sequence[Entry]) -> None:
    """Work off a batch that failed, but for its culprits: those are kept aside, set by set."""

    def settle(some: Sequence[Entry]) -> bool:
        done = _attempt(drain, lambda session: _process(drain, session, some))
        if done is not None:
            _finish(drain, some, done)
        return done is not None

    def settle_things(some: Sequence[Arrival]) -> bool:
        done = _attempt(drain, lambda session: process(session, some, utc_now()))
        if done is not None:
            drain.after_commit(done, utc_now())
        return done is not None

    def give_up(entry: Entry) -> None:
        assert entry.arrival is not None  # what can't be read never fails: its bytes are kept
        _halve(things(entry.arrival), settle_things, lambda thing: _keep_poison(drain, entry, thing))
        _acknowledge(drain, [entry])

    _halve(entries, settle, give_up)


def _halve(all_: Sequence[T], settle: Callable[[Sequence[T]], bool], give_up: Callable[[T], None]) -> None:
    """Settle all at once, else each half by itself, until what can't be settled stands alone."""
    if settle(all_):
        return
    if len(all_) == 1:
        give_up(all_[0])
        return
    half = len(all_) // 2
    _halve(all_[:half], settle, give_up)
    _halve(all_[half:], settle, give_up)


def _attempt(drain: Drain, work: Callable[[Session], Done]) -> Done | None:
    """Do something under the drain's lock in a transaction of its own; None where it fails by its own fault."""

    def locked() -> Done:
        with transaction(drain.engine) as session:
            driver(session).execute(_LOCK, (DRAIN_LOCK, drain.number))
            return work(session)

    try:
        return once_more(locked)
    except CULPRITS as error:
        if will_pass(error):
            raise
        return None


def _keep_poison(drain: Drain, entry: Entry, thing: Arrival) -> None:
    log.error("poison_kept_aside", stream=drain.number, entry=entry.id.decode())
    with transaction(drain.engine) as session:
        keep_poison(session, drain.stream, entry.id.decode(), thing, utc_now())


def _read(drain: Drain) -> list[Entry]:
    """What was given out and never acknowledged, then what is new, up to a batch's worth of sets."""
    entries: list[Entry] = []
    sets = 0
    for start in (b"0", b">"):
        after = start
        while sets < SETS_PER_BATCH:
            count = _how_many(len(entries), sets)
            found = _xreadgroup(drain, after, count)
            entries.extend(found)
            sets += sum(_size(entry) for entry in found)
            if len(found) < count:
                break
            after = found[-1].id if start == b"0" else start
    return entries


def _how_many(entries: int, sets: int) -> int:
    """Entries to ask for, so that the batch is filled and not many times over: one may hold 1,000 sets."""
    return min((SETS_PER_BATCH - sets) * entries // sets + 1, READ_MAX) if sets else FIRST_READ


def _size(entry: Entry) -> int:
    if (one := entry.arrival) is None:
        return 1
    return max(1, len(one.sets) + len(one.impossible) + len(one.odd))


def _xreadgroup(drain: Drain, after: bytes, count: int) -> list[Entry]:
    try:
        reply = drain.queue.xreadgroup(GROUP, CONSUMER, {drain.stream: after}, count=count)
    except ResponseError as error:
        if "NOGROUP" not in str(error):
            raise
        drain.queue.xgroup_create(drain.stream, GROUP, id="0", mkstream=True)
        reply = drain.queue.xreadgroup(GROUP, CONSUMER, {drain.stream: after}, count=count)
    given = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", reply)
    found = [pair for _, pairs in given for pair in pairs]
    if gone := [entry_id for entry_id, fields in found if not fields]:
        drain.queue.xack(drain.stream, GROUP, *gone)  # somebody deleted them: there is nothing to work off
    return [_entry(entry_id, fields) for entry_id, fields in found if fields]


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    raw = fields.get(FIELD, b"")
    try:
        trace = fields.get(TRACE)
        return Entry(entry_id, _arrival.decode(raw), raw, None if trace is None else trace.decode("ascii", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return Entry(entry_id, None, raw or repr(fields).encode())
