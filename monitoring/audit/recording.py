"""What leaves an event: around every request, whatever its route does. Nothing is shown before its event is written.

A change writes its event in its own transaction (`acts.py`). All else, what was looked at and what was refused, is
written here between the answer being made and being sent: all that wait at a time, from all requests, together, over a
connection of their own. The database has it then; its disk has it within the second (docs/decisions/0013).
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from litestar import Request, Response
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from monitoring.audit.events import (
    NAME,
    WRITE,
    Event,
    event_of,
    is_to_be_audited,
    noted,
    patients_of,
    questions,
    row_of,
)
from monitoring.audit.subjects import key_of
from monitoring.clock import utc_now
from monitoring.database import SESSION_OPTIONS

KNOWN_MAX: Final = 10_000
NOT_DONE_FROM: Final = 500
"""Answers from this status on show nothing and changed nothing."""
OPTIONS: Final = f"{SESSION_OPTIONS} -c synchronous_commit=off"


@dataclass(slots=True, eq=False)
class _Owed:
    """An event that somebody waits for."""

    event: Event
    written: bool = False
    error: psycopg.Error | None = None


@dataclass(slots=True)
class Recorder:
    """Writes the events of one API process: whoever's turn it is, those of all who wait."""

    url: str
    _waiting: list[_Owed] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _connection: psycopg.AsyncConnection | None = None
    _known: set[bytes] = field(default_factory=set)  # lists of patients that are surely written

    async def record(self, event: Event) -> None:
        """Return once the event is written. Raises what the database raises, to all whose events went together."""
        owed = _Owed(event)
        self._waiting.append(owed)
        async with self._turn:
            if owed.error is not None:
                raise owed.error
            if not owed.written:
                await self._write_waiting()

    async def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            await self._connection.close()

    async def _write_waiting(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            await self._write_all([owed.event for owed in batch])
        except psycopg.Error as error:
            for owed in batch:
                owed.error = error
            raise
        except asyncio.CancelledError:
            self._waiting[:0] = batch  # whoever is next writes them
            raise
        for owed in batch:
            owed.written = True

    async def _write_all(self, events: list[Event]) -> None:
        """Once more over a new connection, where the old one was ended meanwhile."""
        if self._connection is not None:
            with suppress(psycopg.OperationalError):
                return await self._try(self._connection, events)
            await self._connection.close()
            self._connection = None
        self._connection = await psycopg.AsyncConnection.connect(
            self.url, autocommit=True, connect_timeout=3, options=OPTIONS
        )
        return await self._try(self._connection, events)

    async def _try(self, connection: psycopg.AsyncConnection, events: Sequence[Event]) -> None:
        rows, new = [], {}
        for event in events:
            found = [row for asked in questions(event) for row in await (await connection.execute(*asked)).fetchall()]
            patients = patients_of(event, found)
            key = key_of(patients) if patients else None
            if key is not None and key not in self._known:
                new[key] = {"key": key, "patients": patients}
            rows.append(row_of(event, key))
        async with connection.cursor() as cursor:
            if new:
                await cursor.executemany(NAME, list(new.values()))
            if len(rows) == 1:
                await cursor.execute(WRITE, rows[0])
            else:
                await cursor.executemany(WRITE, rows)
        if len(self._known) > KNOWN_MAX:
            self._known.clear()
        self._known |= new.keys()


def recorded(app: ASGIApp) -> ASGIApp:
    """Around the whole application: what is refused before it reaches a route is refused by a caller who is known."""

    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        refused = False

        async def once_recorded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and _is_owed(scope, message["status"]):
                try:
                    await scope["litestar_app"].state.service.recorder.record(
                        event_of(scope, message["status"], utc_now())
                    )
                except psycopg.Error as error:
                    refused = True
                    await _refuse(error, scope, receive, send)
            if not refused:
                await send(message)

        await app(scope, receive, once_recorded)

    return recording


def _is_owed(scope: Scope, status: int) -> bool:
    return status < NOT_DONE_FROM and is_to_be_audited(scope) and not noted(scope).written


async def _refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the route answers where the database fails, in place of what cannot be shown."""
    handlers: Mapping[Any, Any] = scope["route_handler"].resolve_exception_handlers()
    request: Request[Any, Any, Any] = Request(scope)
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    said: Response[Any] = handler(request, error)
    await said.to_asgi_response(app=None, request=request)(scope, receive, send)
