"""`GET /v1/live`: Server-Sent Events, resumed where a client left off.

Durable events are read from their table in order and never skipped. `reading` and `score` come over the queue's own
channel, carry no id, and only the latest of each patient waits for a slow client.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any, Final

import msgspec
import psycopg
import structlog
from litestar import Request, get
from litestar.response import Stream
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as QueueTimeout
from sqlalchemy import Engine

from monitoring.access.gate import see_ward
from monitoring.access.permissions import may_watch
from monitoring.access.tokens import Caller
from monitoring.answering import AsyncBounded
from monitoring.database import DATABASE_ERRORS
from monitoring.events import CHANNEL, NEWS_CHANNEL, TRANSIENT_CHANNEL
from monitoring.intake.clients import connect_async
from monitoring.queries import WardFilter
from monitoring.refusals import unacceptable
from monitoring.replay import PAGE, TOLD, frame, missed

log = structlog.get_logger()

WAITING_MAX: Final = 5_000
"""Durable events that may wait for one slow client; beyond it the client is cut off, and resumes."""
KEEP_ALIVE_S: Final = 15.0
CALM_S: Final = 1.0
"""Between two sendings of transient events to one client: what comes meanwhile goes together. The design's own."""
POLL_S: Final = 1.0
ASK_AFTER: Final = 5
"""Silent polls after which the queue is asked whether it is still there."""
RECONNECT_S: Final = 0.5
RETRY: Final = b"retry: 1000\n"
"""First of all: after how many ms a client that lost its connection comes again."""

_NEW: Final = f"SELECT {TOLD} FROM event WHERE id > %s ORDER BY id LIMIT %s"  # noqa: S608 - a constant


class Watcher:
    """One client that watches live."""

    channel = TRANSIENT_CHANNEL  # where its transient events come from

    def __init__(self, caller: Caller, ward: str | None) -> None:
        self.caller = caller
        self.ward = ward
        self.closed = False
        self._durable: deque[tuple[int, bytes]] = deque()
        self._latest: dict[tuple[str, str], bytes] = {}
        self._news = asyncio.Event()

    @property
    def wards(self) -> frozenset[str] | None:
        """The wards that this client watches; None for all."""
        return self.caller.wards if self.ward is None else frozenset({self.ward})

    def wants(self, kind: str, ward: str | None, team: str | None = None) -> bool:
        """Whether an event of that kind and ward is for this client; one of no ward is for every ward's.

        One of UCR is its team's and the ward's: a team does not hear of another's patients.
        """
        is_theirs = ward is None or (self.ward in {None, ward} and self.caller.may_see(ward))
        if kind == "ucr":
            is_known = ward is not None or self.caller.wards is None  # of nobody's ward: for staff of every ward
            is_theirs = is_theirs and is_known and self.caller.may_see_team(team)
        return is_theirs and may_watch(self.caller.role, kind)

    def tell(self, event_id: int, kind: str, told: bytes) -> None:  # noqa: ARG002 - who hears of kinds alone asks for it
        """A durable event, in order. A client for whom too many wait is cut off: what it got has no gap."""
        if len(self._durable) >= WAITING_MAX:
            self.close()
        if not self.closed:
            self._durable.append((event_id, told))
            self._news.set()

    def tell_latest(self, kind: str, patient: str, told: bytes) -> None:
        """A transient one: the latest of its patient counts. Where others wait already, it goes with them."""
        if not self.closed:
            if not self._latest:
                self._news.set()
            self._latest[kind, patient] = told

    def close(self) -> None:
        """End the stream after the frame that is being written. What waits is forgotten: the client resumes."""
        self.closed = True
        self._durable.clear()
        self._latest.clear()
        self._news.set()

    async def frames(self, after: int) -> AsyncIterator[bytes]:
        """What to send, from the durable event `after` on; a comment now and then keeps the line open."""
        loop = asyncio.get_running_loop()
        calm_until_s = 0.0
        while not self.closed:
            wait_s = calm_until_s - loop.time() if self._latest else KEEP_ALIVE_S
            try:
                await asyncio.wait_for(self._news.wait(), max(0.0, wait_s))
            except TimeoutError:
                if not self._latest:
                    yield b": still here\n\n"
                    continue
            self._news.clear()
            while self._durable:
                event_id, told = self._durable.popleft()
                if event_id > after:
                    yield told
            if self._latest and loop.time() >= calm_until_s:
                told = b"".join(self._latest.values())
                self._latest.clear()
                calm_until_s = loop.time() + CALM_S
                yield told


class Hub:
    """Hands events of the database and of the queue to the clients of one API process."""

    def __init__(self, database_url: str, queue_url: str, engine: Engine) -> None:
        self._database_url = database_url
        self._queue_url = queue_url
        self.engine = engine
        self._watchers: dict[str | None, set[Watcher]] = {}  # by the ward they watch; None for all wards
        self._watched = {channel: asyncio.Event() for channel in (TRANSIENT_CHANNEL, NEWS_CHANNEL)}
        self.begun = asyncio.Event()  # from here on every new durable event is handed out
        self._last_id = 0  # the newest one handed out
        self._closed = False

    def loops(self) -> list[Coroutine[None, None, None]]:
        """What has to run while the process serves."""
        transient = [self._keep(partial(self._follow_transient, *channel)) for channel in self._watched.items()]
        return [self._keep(self._follow_events), *transient]

    def add(self, watcher: Watcher) -> None:
        """Begin to tell a client."""
        self._watchers.setdefault(watcher.ward, set()).add(watcher)
        self._watched[watcher.channel].set()

    def _all(self) -> Iterator[Watcher]:
        return chain.from_iterable(self._watchers.values())

    def _wanting(self, kind: str, ward: str | None, team: str | None = None) -> list[Watcher]:
        """Whom an event is for. Of hundreds of wards only those who watch its own, or all, are asked."""
        near = self._all() if ward is None else chain(self._watchers.get(ward, ()), self._watchers.get(None, ()))
        return [watcher for watcher in near if watcher.wants(kind, ward, team)]

    async def begins(self) -> bool:
        """Wait until every new durable event is handed out. False where that takes longer than anybody should wait."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.begun.wait(), KEEP_ALIVE_S)
        return self.begun.is_set()

    def place(self) -> bytes:
        """Where a client that begins now would resume: so that it misses nothing before its first event either."""
        return b"id: %d\n" % self._last_id if self.begun.is_set() else b""

    def remove(self, watcher: Watcher) -> None:
        """A client went."""
        others = self._watchers.get(watcher.ward, set())
        others.discard(watcher)
        if not others:
            self._watchers.pop(watcher.ward, None)
        if all(other.channel != watcher.channel for other in self._all()):
            self._watched[watcher.channel].clear()

    def drop_unless(self, has: Callable[[Caller], bool]) -> None:
        """Close the streams of tokens that are no longer live, or may no longer see what they saw."""
        for watcher in self._all():
            if not has(watcher.caller):
                watcher.close()

    def close(self) -> None:
        """The process ends: clients resume elsewhere."""
        self._closed = True
        for watched in self._watched.values():
            watched.set()
        for watcher in self._all():
            watcher.close()

    async def _keep(self, follow: Callable[[], Awaitable[None]]) -> None:
        """Follow again whatever interrupts it, until closed: a driver may swallow the cancelling of a task."""
        while not self._closed:
            try:
                await follow()
            except (psycopg.Error, RedisError, OSError) as error:
                log.warning("live_interrupted", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_S)

    async def _follow_events(self) -> None:
        connection = await AsyncBounded.to(self._database_url)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            if not self.begun.is_set():
                cursor = await connection.execute("SELECT coalesce(max(id), 0) FROM event")
                row = await cursor.fetchone()
                self._last_id = row[0] if row else 0
                self.begun.set()
            while not self._closed:
                while await self._hand_out(connection):
                    pass
                async for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                    pass

    async def _hand_out(self, connection: psycopg.AsyncConnection) -> bool:
        """Tell everybody what is new. True where there may be more."""
        cursor = await connection.execute(_NEW, (self._last_id, PAGE))
        rows = await cursor.fetchall()
        for event_id, kind, ward, team, data in rows:
            if wanting := self._wanting(kind, ward, team):
                told = frame(kind, data.encode(), event_id)
                for watcher in wanting:
                    watcher.tell(event_id, kind, told)
            self._last_id = event_id
        return len(rows) == PAGE

    async def _follow_transient(self, name: str, watched: asyncio.Event) -> None:
        """The queue's channel of that name, for as long as it is watched."""
        await watched.wait()
        client = connect_async(self._queue_url, timeout_s=None)
        async with client, client.pubsub() as channel:
            await channel.subscribe(name)
            silent = 0
            while watched.is_set() and not self._closed:
                message = await channel.get_message(timeout=POLL_S)
                silent = 0 if message else silent + 1
                if silent == ASK_AFTER:  # subscribing once more changes nothing, and is answered
                    await channel.subscribe(name)
                elif silent == 2 * ASK_AFTER:
                    raise QueueTimeout("the line to the queue is silent")
                for news in msgspec.json.decode(message["data"]) if message and message["type"] == "message" else ():
                    kind, ward, patient = news.pop("kind"), news["ward"], news["patient"]
                    if wanting := [one for one in self._wanting(kind, ward) if one.channel == name]:
                        told = frame(kind, msgspec.json.encode(news), None)
                        for watcher in wanting:
                            watcher.tell_latest(kind, patient, told)


@get(
    "/v1/live",
    opt={"allows": "watch live"},
    tags=["everyone"],
    summary="Server-Sent Events: reading, score, alert, escalation, occupancy, ucr, system",
    media_type="text/event-stream",
)
async def live(request: Request[Caller, Any, Any], ward: WardFilter = None) -> Stream:
    """Watch what happens. Resumes after the header `Last-Event-ID`."""
    if ward is not None:
        see_ward(request.user, ward)
    resume_after = _event_id(request.headers.get("last-event-id"))
    hub: Hub = request.app.state.service.hub
    watcher = Watcher(request.user, ward)
    return streamed(_watch(hub, watcher, resume_after))


def streamed(frames: AsyncIterator[bytes]) -> Stream:
    """Server-Sent Events, as they come: kept by nobody on the way."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return Stream(frames, media_type="text/event-stream", headers=headers)


async def _watch(hub: Hub, watcher: Watcher, resume_after: int | None) -> AsyncIterator[bytes]:
    hub.add(watcher)  # first listen, then read what was missed: nothing falls between
    try:
        yield RETRY + hub.place() * (resume_after is None) + b"\n"
        after = 0
        if resume_after is not None:
            if not await hub.begins():
                return  # without the database nobody can say what was missed: the client comes again
            async for event_id, missed_frame in missed(hub.engine, resume_after, watcher.wards, watcher.wants):
                if watcher.closed:
                    return
                after = after if event_id is None else event_id
                yield missed_frame
        async for waiting in watcher.frames(after):
            yield waiting
    except DATABASE_ERRORS as error:
        log.warning("live_interrupted", error=type(error).__name__)
    finally:
        hub.remove(watcher)


def _event_id(header: str | None) -> int | None:
    if header is None or header == "":
        return None
    if not header.isascii() or not header.isdigit() or len(header) > 18:
        raise unacceptable("Last-Event-ID", "is not an id that an event carried")
    return int(header)
