"""The lines between the parts and their servers, which can be cut: a proxy on Unix sockets that knows who calls.

By the caller's pid it tells an API's connection from a worker's, so that `virtual-ward up` runs unchanged.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, Self

from tests.chaos.up import PARTS

CHUNK: Final = 65_536
SLOW_S: Final = 0.15  # each way, for every chunk


class Line(Enum):
    """How a line is."""

    WHOLE = "whole"
    REFUSED = "refused"  # whoever is connected is thrown out, and nobody gets in
    SILENT = "silent"  # nothing goes through, and nobody is told: a black hole
    DEAF = "deaf"  # what is asked arrives, and no answer comes
    SLOW = "slow"


@dataclass(eq=False, slots=True)
class _Call:
    part: str
    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    lost: bool = False  # it was silent once, and stays so
    pumps: list[asyncio.Task[None]] = field(default_factory=list)

    def drop(self) -> None:
        """Both ends, at once."""
        for end in (self.near, self.far):
            if end is not None:
                end.transport.abort()


class Lines:
    """The lines to one server: from a socket of ours to its own. Runs in a thread while its `with` lasts."""

    def __init__(self, socket_: Path, server: Path) -> None:
        self.socket, self._server = socket_, server
        self._states: dict[str, Line] = {}
        self._calls: set[_Call] = set()
        self._news = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), name="lines")
        self._begun, self._ended = threading.Event(), asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def become(self, states: Mapping[str, Line], *, forget: bool = False) -> None:
        """From now on the lines of these parts are so, and the others whole.

        `forget`: a connection that was cut stays silent for ever, as behind a firewall that was restarted; without it
        what waited comes through when the line is whole again, as TCP does.
        """
        done = threading.Event()

        def change() -> None:
            for call in self._calls:
                call.lost |= forget and self._states.get(call.part) in {Line.SILENT, Line.DEAF}
            self._states = dict(states)
            for call in list(self._calls):
                if self._states.get(call.part) is Line.REFUSED:
                    call.drop()
            news, self._news = self._news, asyncio.Event()
            news.set()
            done.set()

        self._loop.call_soon_threadsafe(change)
        assert done.wait(10)

    async def _run(self) -> None:
        server = await asyncio.start_unix_server(self._take, self.socket)
        self.socket.chmod(0o777)
        self._begun.set()
        await self._ended.wait()
        server.close()
        for call in list(self._calls):
            call.drop()
            for pump in call.pumps:
                pump.cancel()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = _Call(_caller(writer.get_extra_info("socket")), writer)
        if self._states.get(call.part) is Line.REFUSED:
            call.drop()
            return
        self._calls.add(call)
        try:
            far_reader, call.far = await asyncio.open_unix_connection(self._server)
            ways: tuple[Coroutine[None, None, None], ...] = (
                self._pump(call, reader, call.far, {Line.SILENT}),
                self._pump(call, far_reader, writer, {Line.SILENT, Line.DEAF}),
            )
            call.pumps = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(call.pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:  # the server is away
            pass
        finally:
            call.drop()
            for pump in call.pumps:
                pump.cancel()
            self._calls.discard(call)

    async def _pump(
        self, call: _Call, source: asyncio.StreamReader, sink: asyncio.StreamWriter, held_by: set[Line]
    ) -> None:
        """One way, until an end hangs up; neither hears of that while the line is cut."""
        with suppress(ConnectionError):
            while chunk := await source.read(CHUNK):
                await self._passes(call, held_by)
                sink.write(chunk)
                await sink.drain()
        await self._passes(call, held_by)

    async def _passes(self, call: _Call, held_by: set[Line]) -> None:
        while call.lost or self._states.get(call.part) in held_by:
            await self._news.wait()
        if self._states.get(call.part) is Line.SLOW:
            await asyncio.sleep(SLOW_S)


def _caller(connection: socket.socket) -> str:
    """The part that calls; its pid where it is none of them."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, _, _ = struct.unpack("3i", credentials)
    with suppress(FileNotFoundError, ProcessLookupError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return next((part for part, words in PARTS.items() if words in line), str(pid))
    return str(pid)
