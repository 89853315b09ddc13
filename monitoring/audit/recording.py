"""What leaves an event: around every request, whatever its route does. Nothing is shown before its event is written.

A change writes its event in its own transaction (`acts.py`). All else, what was looked at and what was refused, is
written here between the answer being made and being sent: all that wait at a time, from all requests, together.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anyio import to_thread
from litestar import Request, Response
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy import Engine

from monitoring.audit.events import Event, event_of, is_to_be_audited, noted, write
from monitoring.clock import utc_now
from monitoring.database import DATABASE_ERRORS, driver_of, once_more

AT_ONCE_MAX: Final = 500
NOT_DONE_FROM: Final = 500
"""Answers from this status on show nothing and changed nothing."""


@dataclass(slots=True)
class Recorder:
    """Writes the events of one API process, all that wait in one transaction."""

    engine: Engine
    _waiting: list[tuple[Event, asyncio.Future[None]]] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None

    async def record(self, event: Event) -> None:
        """Return once the event is on disk. Raises what the database raises."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((event, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await written

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_ONCE_MAX], self._waiting[AT_ONCE_MAX:]
            try:
                await to_thread.run_sync(once_more, lambda: self._write_all([event for event, _ in batch]))  # noqa: B023
            except DATABASE_ERRORS as error:
                _settle(batch, error)
            else:
                _settle(batch, None)
        self._writing = None

    def _write_all(self, events: list[Event]) -> None:
        with self.engine.begin() as connection:
            write(driver_of(connection), events)


def _settle(batch: list[tuple[Event, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, written in batch:
        if written.done():  # whoever asked has gone
            continue
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)


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
                except DATABASE_ERRORS as error:
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
