"""Sealing: what has come since the last seal is hashed onto the chain, about once a second.

Events are written without waiting for each other: a transaction that drew an early id may commit after a later one.
What was not there is a gap in the seal; what turns up in a gap is sealed then, as late. So no id is left open, and no
event is looked for for ever: after a day nothing turns up any more, for no transaction lives that long.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.types.multirange import Int8Multirange
from psycopg.types.range import Int8Range
from sqlalchemy import Engine

from monitoring.audit.chain import BEGINNING, COLUMNS, Seal, Signer, hash_of
from monitoring.database import driver, transaction

EVENTS_MAX: Final = 5_000
"""In one seal: it is read, and later verified, as a whole."""
SEALS_MAX: Final = 20
"""At one turn of the timekeeper's."""
LATE_MAX: Final = timedelta(days=1)
"""A session that idles in a transaction is ended after 5 s, a statement after 30 s."""
SEALING_LOCK: Final = 7_727
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
EVENT: Final = ", ".join(f"event.{name}" for name in COLUMNS)


def seal(engine: Engine, signer: Signer | None, now: datetime) -> int:
    """Seal what is not sealed yet. Returns how many events; one timekeeper at a time does it."""
    sealed = 0
    for _ in range(SEALS_MAX):
        with transaction(engine) as session:
            count = _seal_some(driver(session), signer, now)
        sealed += count
        if count < EVENTS_MAX:
            break
    return sealed


def _seal_some(connection: psycopg.Connection, signer: Signer | None, now: datetime) -> int:
    if connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (SEALING_LOCK,)).fetchone() != (True,):
        return 0
    number, to_id, previous, since = connection.execute(_LAST).fetchone() or (0, 0, BEGINNING, LONG_AGO)
    since = max(since - LATE_MAX, LONG_AGO)
    late = _late(connection, since)[:EVENTS_MAX]
    new = connection.execute(_NEW.format(most=EVENTS_MAX), (to_id, since)).fetchall()[: EVENTS_MAX - len(late)]
    events = [*late, *new]
    if not events:
        return 0
    made = Seal(
        number=number + 1,
        sealed_at=now,
        after_id=to_id,
        to_id=new[-1][0] if new else to_id,
        gaps=_gaps(to_id, [event[0] for event in new]),
        late=[event[0] for event in late],
        events=len(events),
        previous=bytes(previous),
        public_key=None if signer is None else signer.public,
    )
    _keep(connection, made, hash_of(made, events), signer)
    return len(events)


def _late(connection: psycopg.Connection, since: datetime) -> list[Sequence[Any]]:
    """Events that have turned up in gaps, and that no seal has yet. Mostly there are no gaps at all."""
    rows = connection.execute(_GAPS, (since,)).fetchall()
    gaps = [gap for gaps, _ in rows for gap in gaps]
    if not gaps:
        return []
    sealed = {number for _, late in rows for number in late}
    asked = {"lows": [gap.lower for gap in gaps], "highs": [gap.upper for gap in gaps]}
    return [event for event in connection.execute(_IN_GAPS, asked) if event[0] not in sealed]


def _gaps(after: int, ids: Sequence[int]) -> list[tuple[int, int]]:
    """The ids above `after` that no event has, below each that one has."""
    before = [after, *ids]
    return [(low + 1, high) for low, high in zip(before, ids, strict=False) if high - low > 1]


def _keep(connection: psycopg.Connection, made: Seal, hash_: bytes, signer: Signer | None) -> None:
    row: dict[str, Any] = {
        "number": made.number, "sealed_at": made.sealed_at, "after_id": made.after_id, "to_id": made.to_id,
        "gaps": Int8Multirange([Int8Range(low, high) for low, high in made.gaps]), "late": list(made.late),
        "events": made.events, "previous": made.previous, "hash": hash_, "public_key": made.public_key,
        "signature": None if signer is None else signer.sign(hash_),
    }  # fmt: skip
    connection.execute(_KEEP, row)


_LAST: Final = "SELECT number, to_id, hash, sealed_at FROM audit_seal ORDER BY number DESC LIMIT 1"

# By time too: only the newest months are looked into. What is older and new is in a gap, and turns up there. The limit
# is no parameter: the planner must know that it is small, or it sorts all that there is.
_NEW: Final = f"SELECT {EVENT} FROM audit_event AS event WHERE id > %s AND at > %s ORDER BY id, at LIMIT {{most}}"  # noqa: S608 - constants

_GAPS: Final = "SELECT gaps, late FROM audit_seal WHERE sealed_at > %s AND (gaps <> '{}' OR late <> '{}')"

# Gap by gap, so that each is a look at an index, whatever the planner thinks of how many there are.
_IN_GAPS: Final = f"""
SELECT {EVENT} FROM unnest(%(lows)s::bigint[], %(highs)s::bigint[]) AS gap (low, high)
CROSS JOIN LATERAL (
    SELECT * FROM audit_event WHERE id >= gap.low AND id < gap.high ORDER BY id, at LIMIT {EVENTS_MAX}
) AS event
ORDER BY event.id
"""  # noqa: S608 - constants

_KEEP: Final = """
INSERT INTO audit_seal (
    number, sealed_at, after_id, to_id, gaps, late, events, previous, hash, public_key, signature
) VALUES (
    %(number)s, %(sealed_at)s, %(after_id)s, %(to_id)s, %(gaps)s, %(late)s, %(events)s, %(previous)s, %(hash)s,
    %(public_key)s, %(signature)s
)
"""
