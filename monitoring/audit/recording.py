"""What leaves an event. Nothing is shown before its event is written.

A change or a look writes its event in its own transaction, once it is known what it shows (`acts.py`). Whatever leaves
none there, what is refused above all, leaves it here: around the whole application, so that no route can forget it. The
database has an event before the answer is sent; its disk has that of a look within the second (docs/decisions/0013).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from anyio import to_thread
from litestar import Request, Response
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from monitoring.answering import FOLLOW_S, Bounded
from monitoring.audit.events import Event, event_of, is_owed, write_looks
from monitoring.clock import utc_now
from monitoring.database import SESSION_OPTIONS
from monitoring.shared import Shared

KNOWN_MAX: Final = 10_000


@dataclass(slots=True)
class Recorder:
    """Writes the events of what one API process shows."""

    url: str
    _cursor: psycopg.Cursor | None = None  # for what has no transaction of its own
    _known: set[bytes] = field(default_factory=set)  # lists of patients that are surely written
    _waiting: list[Event] = field(default_factory=list)
    _shared: Shared[None] = field(default_factory=lambda: Shared(apart_s=0))

    def write(self, cursor: psycopg.Cursor, *events: Event) -> set[bytes]:
        """Write events in the cursor's transaction, from any thread. Returns what to `know` once that is committed."""
        return write_looks(cursor, events, self._known)

    def know(self, lists: set[bytes]) -> None:
        """These lists of patients are written."""
        if len(self._known) > KNOWN_MAX:
            self._known.clear()
        self._known |= lists

    async def record(self, event: Event) -> None:
        """Return once the event is written, together with all that came while others were. Raises what psycopg does."""
        self._waiting.append(event)
        await self._shared.get("events", self._write_waiting)

    async def _write_waiting(self, _: None) -> None:
        events, self._waiting = self._waiting, []
        self.know(await to_thread.run_sync(self._write_apart, events))

    def close(self) -> None:
        """Let go of the connection."""
        if self._cursor is not None:
            self._cursor.connection.close()

    def _write_apart(self, events: Sequence[Event]) -> set[bytes]:
        """Over a connection of their own; once more over a new one, where the old one was ended meanwhile."""
        if self._cursor is not None:
            with suppress(psycopg.OperationalError):
                return self.write(self._cursor, *events)
            self._cursor.connection.close()
            self._cursor = None
        self._cursor = Bounded.to(self.url, within_s=FOLLOW_S, autocommit=True, options=SESSION_OPTIONS).cursor()
        return self.write(self._cursor, *events)


def recorded(app: ASGIApp) -> ASGIApp:
    """Around the whole application: also what is refused before it reaches a route was asked for by somebody."""

    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        refused = False

        async def once_recorded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and is_owed(scope, message["status"]):
                recorder: Recorder = scope["litestar_app"].state.service.recorder
                try:
                    await recorder.record(event_of(scope, message["status"], utc_now()))
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
