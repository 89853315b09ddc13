"""What can't be read or processed: kept aside for a person as it came, told, and never in the way of the others."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
from sqlmodel import Session

from devices.reading import Arrival, Impossible, Odd, ReadingSet
from monitoring.database import driver
from monitoring.events import NewEvent, emit
from monitoring.intake.tables import Aside
from workers.drain.aside import store_aside
from workers.drain.items import Kept
from workers.drain.releases import reopen_poison

BYTES_MAX: Final = 100_000
"""Of what can't be read, as much as is kept."""


def things(arrival: Arrival) -> list[Arrival]:
    """An arrival's sets, refused sets and oddities, each in an arrival of its own, which tells nothing else."""
    alone = msgspec.structs.replace(arrival, sets=[], impossible=[], odd=[], battery=None)
    return [
        *(msgspec.structs.replace(alone, sets=[one]) for one in arrival.sets),
        *(msgspec.structs.replace(alone, impossible=[one]) for one in arrival.impossible),
        *(msgspec.structs.replace(alone, odd=[one]) for one in arrival.odd),
    ]


def keep_poison(session: Session, stream: str, entry: str, thing: Arrival, now: datetime) -> None:
    """Keep aside the one set that could not be processed."""
    every: list[ReadingSet | Impossible | Odd] = [*thing.sets, *thing.impossible, *thing.odd]
    (one,) = every
    if thing.released is not None:
        reopen_poison(driver(session), thing.released, f"an entry of {stream} {entry} could not be processed", now)
        return
    kept = _as_it_came(thing.source, one.id, msgspec.json.encode(one), thing.received_at, f"{stream} {entry}")
    _keep(session, [kept], now)


def keep_unreadable(session: Session, stream: str, entries: Sequence[tuple[str, bytes]], now: datetime) -> None:
    """Keep aside entries (id, bytes) that can't be decoded."""
    _keep(session, [_as_it_came(0, entry, raw, now, f"{stream} {entry}") for entry, raw in entries], now)


def _keep(session: Session, kept: Sequence[Kept], now: datetime) -> None:
    new = store_aside(driver(session), kept, now)
    told = [{"problem": "kept_aside", "detail": one.detail} for one in new]
    emit(session, [NewEvent("system", now, None, None, one) for one in told])


def _as_it_came(source: int, own_id: str, raw: bytes, received_at: datetime, where: str) -> Kept:
    """NUL is what the database can't hold even as text."""
    text = raw[:BYTES_MAX].decode("utf-8", "backslashreplace").replace("\0", "\\0")
    content = sha256(raw).digest()[:16]
    detail = f"an entry of {where} could not be processed"
    document = {"as_it_came": text}
    return Kept(source, own_id.replace("\0", "\\0"), content, document, received_at, Aside.POISON, detail)
