"""A real API server on a port of its own, in a thread, and clients that watch it live."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from socket import socket
from threading import Event as Signal
from threading import Thread
from typing import Any

import httpx
import msgspec
import uvicorn

from monitoring.app import make_app
from monitoring.config import Settings
from monitoring.connection import Connection
from monitoring.live import Hub
from tests.monitoring.api import for_tests

TIMEOUT_S = 10.0  # shorter than the server's keep-alive: nobody waits for ever


@dataclass(frozen=True, slots=True)
class Told:
    """One event as a client gets it. `id` stands only where the frame had one."""

    id: str | None
    kind: str
    data: dict[str, Any]


class Stream:
    """What one client of `/v1/live` reads."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._frames = _frames(lines)
        self.began_at = next(self._frames).get("id")

    def __iter__(self) -> Iterator[Told]:
        for fields in self._frames:
            if "data" in fields:
                yield Told(fields.get("id"), fields["event"], msgspec.json.decode(fields["data"]))

    def next(self, kind: str) -> Told:
        """The next event of a kind."""
        return next(one for one in self if one.kind == kind)

    def durable(self, count: int) -> list[str]:
        """The ids of the next durable events."""
        return list(islice((one.id for one in self if one.id is not None), count))


def _frames(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name:
            assert name not in fields
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


@contextmanager
def watching(url: str, token: str, *, after: str | None = None, ward: str | None = None) -> Iterator[Stream]:
    """Watch live, from now on or after the event of that id."""
    headers = {"Authorization": f"Bearer {token}"} | ({} if after is None else {"Last-Event-ID": after})
    params = {} if ward is None else {"ward": ward}
    with httpx.stream("GET", f"{url}/v1/live", headers=headers, params=params, timeout=TIMEOUT_S) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response.iter_lines())


class _Server(uvicorn.Server):
    """Says when it listens; ends the streams when it is told to stop."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self.listens = Signal()
        self._hub = hub

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listens.set()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let the clients go, and stop."""
        self._hub.close()
        await super().shutdown(sockets)


@contextmanager
def serving(settings: Settings, port: int = 0, connection: type[Connection] = Connection) -> Iterator[str]:
    """The server's address, while it runs; on a free port unless one is named."""
    app = make_app(for_tests(settings))
    config = uvicorn.Config(
        app, http=connection, log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=5
    )
    server = _Server(config, app.state.service.hub)
    with socket() as listening:
        listening.bind(("127.0.0.1", port))
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            assert server.listens.wait(TIMEOUT_S)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(TIMEOUT_S)
