"""What leaves an event. Nothing is shown before its event is written.

A change writes its event in its own transaction; a look (`acts.py: look`) in its own thread, once it knows what it
shows. Whatever leaves none there, what is refused above all, leaves it here: around the whole application, so that no
route can forget it. The database has an event before the answer is sent; its disk has that of a look within the second
(docs/decisions/0013).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import psycopg
from anyio import to_thread
from litestar import Request, Response
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from monitoring.answering import FOLLOW_S, Bounded
from monitoring.audit.events import Event, event_of, is_owed, write_with
from monitoring.clock import utc_now
from monitoring.database import SESSION_OPTIONS
from monitoring.shared import Shared

KNOWN_MAX: Final = 10_000
OPTIONS: Final = f"{SESSION_OPTIONS} -c synchronous_commit=off"


@dataclass(slots=True)
class Recorder:
    """Writes the events of one API process, each in one round trip, over a connection of their own."""

    url: str
    _turn: Lock = field(default_factory=Lock)
    _cursor: psycopg.Cursor | None = None
    _known: set[bytes] = field(default_factory=set)  # lists of patients that are surely written
    _waiting: list[Event] = field(default_factory=list)
    _shared: Shared[None] = field(default_factory=lambda: Shared(apart_s=0))

    def record(self, *events: Event) -> None:
        """Return once the events are written, from any thread. Raises what the database raises."""
        with self._turn:
            keys = self._write(events)
            if len(self._known) > KNOWN_MAX:
                self._known.clear()
            self._known |= keys

    async def record_with_others(self, event: Event) -> None:
        """The same in the event loop: all that come while some are being written go together."""
        self._waiting.append(event)
        await self._shared.get("events", self._write_waiting)

    async def _write_waiting(self, _: None) -> None:
        events, self._waiting = self._waiting, []
        await to_thread.run_sync(lambda: self.record(*events))

    def close(self) -> None:
        """Let go of the connection."""
        if self._cursor is not None:
            self._cursor.connection.close()

    def _write(self, events: Sequence[Event]) -> set[bytes]:
        """Once more over a new connection, where the old one was ended meanwhile."""
        if self._cursor is not None:
            with suppress(psycopg.OperationalError):
                return write_with(self._cursor, *events, known=self._known)
            self._cursor.connection.close()
            self._cursor = None
        self._cursor = Bounded.to(self.url, within_s=FOLLOW_S, autocommit=True, options=OPTIONS).cursor()
        return write_with(self._cursor, *events, known=self._known)


def recorded(app: ASGIApp) -> ASGIApp:
    """Around the whole application: also what is refused before it reaches a route was asked for by somebody."""

    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        refused = False

        async def once_recorded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and is_owed(scope, message["status"]):
                recorder: Recorder = scope["litestar_app"].state.service.recorder
                try:
                    await recorder.record_with_others(event_of(scope, message["status"], utc_now()))
                except psycopg.Error as error:
                    refused = True
                    await _refuse(error, scope, receive, send)
            if not refused:
                await send(message)

        await app(scope, receive, once_recorded)

    return recording


async def _refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the route answers where the database fails, in place of what cannot be shown."""
    handlers: Mapping[Any, Any] = scope["route_handler"].resolve_exception_handlers()
    request: Request[Any, Any, Any] = Request(scope)
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    said: Response[Any] = handler(request, error)
    await said.to_asgi_response(app=None, request=request)(scope, receive, send)
