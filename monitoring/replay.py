"""What a client of `/v1/live` missed: every durable event since, and the latest set and score of each patient."""

from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
from anyio import to_thread
from sqlalchemy import Engine, text

from monitoring.clock import utc_now
from monitoring.database import snapshot
from monitoring.events import KEPT_FOR
from monitoring.patients.latest import KINDS, latest

PAGE: Final = 500
TOLD: Final = "id, kind, ward, CASE kind WHEN 'ucr' THEN data #>> '{ucr,team}' END, data::text"
"""What is read of an event: `team` says whose an event of UCR is."""


def frame(kind: str, data: bytes, event_id: int | None) -> bytes:
    """An event as it is sent; one without an id does not move the place where the client resumes."""
    named = b"" if event_id is None else b"id: %d\n" % event_id
    return named + b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


async def missed(
    engine: Engine, after: int, wards: frozenset[str] | None, wants: Callable[..., bool]
) -> AsyncIterator[tuple[int | None, bytes]]:
    """Frames for a client of these wards since the event `after`, each with the event's id if it is durable.

    Where its picture cannot be continued it is told so first, with the id that it continues from.
    """
    newest, is_whole = await to_thread.run_sync(_continuity, engine, after)
    if not is_whole:
        after = min(after, newest)
        told = {"at": utc_now(), "ward": None, "reset": True, "system": {"reset": True}}
        yield after, frame("system", msgspec.json.encode(told), None)
    while rows := await to_thread.run_sync(_page, engine, after):
        for event_id, kind, ward, team, data in rows:
            after = event_id
            if wants(kind, ward, team):
                yield event_id, frame(kind, data.encode(), event_id)
    if not any(wants(kind, None) for kind in KINDS):
        return
    pages = latest(engine, wards)
    while known := await to_thread.run_sync(next, pages, None):
        for one in known:
            if wants(one.kind, one.ward):
                yield None, frame(one.kind, msgspec.json.encode(one.data), None)


def _page(engine: Engine, after: int) -> list[tuple[int, str, str | None, str | None, str]]:
    query = text(f"SELECT {TOLD} FROM event WHERE id > :after ORDER BY id LIMIT :page")  # noqa: S608 - a constant
    with snapshot(engine) as session:
        return [tuple(row) for row in session.execute(query, {"after": after, "page": PAGE})]


# The sequence knows of events that are all forgotten; only committed ones say where to continue.
_CONTINUITY: Final = text(
    """
    SELECT coalesce(kept.newest, 0),
           (given.newest = :after OR given.newest > :after AND coalesce(kept.oldest <= :after + 1, false))
           AND coalesce((SELECT at FROM event WHERE id = :after) >= :oldest, true)
    FROM (SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('event', 'id')::regclass), 0) AS newest) given,
         (SELECT min(id) AS oldest, max(id) AS newest FROM event) kept
    """
)


def _continuity(engine: Engine, after: int) -> tuple[int, bool]:
    """The newest event, and whether all events after that one are still there to continue with.

    They are not where some were forgotten already, nor where that id was never ours (an older database restored).
    """
    with snapshot(engine) as session:
        newest, is_whole = session.execute(_CONTINUITY, {"after": after, "oldest": utc_now() - KEPT_FOR}).one()
        return newest, is_whole
