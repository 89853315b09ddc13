"""Many who watch a ward, as HTTP clients that do what the board's page does: hear the news, fetch the part again."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

from monitoring.clock import utc_now
from tests.benchmarks.figures import BenchmarkError

SOONEST_S: Final = 0.2
CALM_S: Final = 4.0
TOGETHER_S: Final = 0.05
"""All as in monitoring/pages/assets/live.js."""
AT_ONCE: Final = {b"alert", b"escalation", b"occupancy", b"ucr", b"system"}
CALMLY: Final = {b"score"}
BEGINS_S_MAX: Final = 60.0
ALERT: Final = re.compile(rb"href=/alerts/([0-9a-f-]{36})")
PICTURE: Final = re.compile(rb'data-picture="([^"]+)"')


@dataclass
class Crowd:
    """What all of them saw."""

    url: str
    token: str
    ward: str
    count: int
    looks: int = 0
    read_bytes: int = 0
    failed: list[str] = field(default_factory=list)
    seen: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By alert: when each had it on the board, by the wall clock."""
    connected: int = 0
    all_there: Event = field(default_factory=Event)

    async def watch(self) -> None:
        """All of them, until cancelled."""
        await asyncio.gather(*(_Watcher(self).watch() for _ in range(self.count)))


class _Watcher:
    """One of them."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._news = asyncio.Event()
        self._due_s: float | None = None
        self._asked_s = 0.0
        self._shown: set[bytes] = set()  # alerts that the board has had

    async def watch(self) -> None:
        try:
            await asyncio.gather(self._listen(), self._look_again())
        except (OSError, asyncio.IncompleteReadError, BenchmarkError) as error:
            self._crowd.failed.append(repr(error))

    async def _open(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
        place = urlsplit(self._crowd.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        return reader, writer, self._request(path)

    def _request(self, path: str) -> bytes:
        place = urlsplit(self._crowd.url).netloc
        head = f"GET {path} HTTP/1.1\r\nHost: {place}\r\nAuthorization: Bearer {self._crowd.token}\r\n\r\n"
        return head.encode()

    async def _listen(self) -> None:
        reader, writer, request = await self._open(f"/news?ward={self._crowd.ward}")
        writer.write(request)
        async for line in reader:
            if line.startswith(b"retry:"):
                self._look(0)  # as at the opening
                self._crowd.connected += 1
                if self._crowd.connected == self._crowd.count:
                    self._crowd.all_there.set()
            elif line.startswith(b"event: "):
                kind = line[7:].strip()
                if kind in AT_ONCE:
                    self._look(max(time.monotonic() + TOGETHER_S, self._asked_s + SOONEST_S))
                elif kind in CALMLY:
                    self._look(time.monotonic() + CALM_S - utc_now().timestamp() % CALM_S)

    def _look(self, at_s: float) -> None:
        if self._due_s is None or at_s < self._due_s:
            self._due_s = at_s
            self._news.set()

    async def _look_again(self) -> None:
        path = f"/wards/{self._crowd.ward}/board"
        reader, writer, request = await self._open(path)
        while True:
            rest_s = None if self._due_s is None else self._due_s - time.monotonic()
            if rest_s is None or rest_s > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), rest_s)
                self._news.clear()
                continue
            self._due_s, self._asked_s = None, time.monotonic()
            writer.write(request)
            part = await _answer(reader)
            self._took_in(part)
            if (picture := PICTURE.search(part)) is None:
                raise BenchmarkError("a part says no picture")
            request = self._request(f"{path}?since={picture[1].decode()}")

    def _took_in(self, part: bytes) -> None:
        now_s = utc_now().timestamp()
        self._crowd.looks += 1
        self._crowd.read_bytes += len(part)
        for alert in set(ALERT.findall(part)) - self._shown:
            self._shown.add(alert)
            self._crowd.seen[alert.decode()].append(now_s)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise BenchmarkError(head.splitlines()[0].decode())
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return await reader.readexactly(length)


@contextmanager
def watching(crowd: Crowd) -> Iterator[Crowd]:
    """All of them watch, in a thread of their own. Raises BenchmarkError where they do not come in, or one fails."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(crowd.watch())

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        if not crowd.all_there.wait(BEGINS_S_MAX):
            raise BenchmarkError(f"{crowd.connected} of {crowd.count} watchers came in: {crowd.failed[:3]}")
        yield crowd
    finally:
        failed = list(crowd.failed)
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
    if failed:
        raise BenchmarkError(f"{len(failed)} of {crowd.count} watchers failed: {failed[:3]}")
