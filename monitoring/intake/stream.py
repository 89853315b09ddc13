"""The way in: one stream entry per request, on disk before anybody is answered, and a bell for whoever drains.

All requests in flight are appended in one round trip. The bell is a flag that expires; whoever sets it enqueues the
drain. The drain keeps it up while it works and, after taking it down, looks once more: no arrival is missed.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from redis import Redis
from redis.exceptions import ConnectionError as QueueConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as QueueTimeout
from redis.typing import EncodableT
from rq import Queue
from rq.serializers import JSONSerializer

from monitoring.intake.clients import TIMEOUT_S, connect, connect_async
from monitoring.intake.durability import Durability, durability_of, has_replicas
from monitoring.refusals import Unavailable
from monitoring.tracing.spans import is_on, on_entry

log = structlog.get_logger()

GROUP = "drain"
DRAIN_QUEUE = "drain"
DRAIN_JOB = "workers.jobs.drain"
FIELD = b"a"  # the one field of an entry: an Arrival as JSON
DRAIN_LOCK: Final = 7_702
"""With the stream's number, the advisory lock of its one drain."""
BELL_MS = 2000
AWAY = (QueueConnectionError, QueueTimeout, OSError)
IN_FLIGHT_MAX = 4096
IN_FLIGHT_BYTES_MAX = 64 * 1_048_576
"""What waits for the disk in one process; beyond it the queue is as good as away."""


def stream_name(number: int) -> str:
    """The stream of that number."""
    return f"readings:{number}"


def bell_name(number: int) -> str:
    """The flag that says that somebody will drain the stream of that number."""
    return f"readings:{number}:bell"


def ring(client: Redis, number: int) -> None:
    """Enqueue the drain of one stream, for any RQ worker with the JSON serializer."""
    queue = Queue(DRAIN_QUEUE, connection=client, serializer=JSONSerializer)
    queue.enqueue(DRAIN_JOB, number, job_timeout=60, result_ttl=0, failure_ttl=86_400)


def ring_once(client: Redis, number: int) -> bool:
    """Ring, unless somebody already did. True where it rang."""
    if not client.set(bell_name(number), 1, nx=True, px=BELL_MS):
        return False
    ring(client, number)
    return True


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits undrained in all streams."""

    entries: int
    size_bytes: int
    oldest_at: datetime | None


_LOOK = """
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
return {redis.call('XLEN', KEYS[1]), redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 5) or 0,
        first[1] and first[1][1] or ''}
"""


def read_backlog(client: Redis, streams: int) -> Backlog:
    """Measure what waits, without reading any of it into this process."""
    looks = [client.eval(_LOOK, 1, stream_name(number)) for number in range(streams)]
    return _backlog(looks)


def _backlog(looks: Sequence[object]) -> Backlog:
    entries, size_bytes, oldest = 0, 0, []
    for look in looks:
        assert isinstance(look, list)
        entries += int(look[0])
        size_bytes += int(look[1])
        if look[2]:
            oldest.append(int(look[2].split(b"-")[0]))
    return Backlog(entries, size_bytes, datetime.fromtimestamp(min(oldest) / 1000, UTC) if oldest else None)


@dataclass(slots=True)
class _Waiting:
    number: int
    fields: dict[EncodableT, EncodableT]
    done: asyncio.Future[None]


class Inlet:
    """Appends arrivals for one API process and answers each when its entry is on disk."""

    def __init__(self, url: str, *, streams: int, waits_for_disk: bool, replicas: int = 0) -> None:
        self.client = connect_async(url)
        self._replicas = replicas
        self._bell_client = connect(url)
        self._ringers = ThreadPoolExecutor(1, thread_name_prefix="bell")  # never behind a slow database
        self._streams = streams
        self.waits_for_disk = waits_for_disk
        self._pending: list[_Waiting] = []
        self._pending_bytes = 0
        self._flusher: asyncio.Task[None] | None = None

    async def append(self, source: int, payload: bytes) -> None:
        """Return once the entry is on disk. Raises Unavailable, and then it may or may not have been taken."""
        if len(self._pending) >= IN_FLIGHT_MAX or self._pending_bytes >= IN_FLIGHT_BYTES_MAX:
            raise Unavailable("Too many requests wait for the queue.")
        fields: dict[EncodableT, EncodableT] = {FIELD: payload}
        if is_on():
            fields |= on_entry()
        waiting = _Waiting(source % self._streams, fields, asyncio.get_running_loop().create_future())
        self._pending.append(waiting)
        self._pending_bytes += len(payload)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        await waiting.done

    async def backlog(self) -> Backlog:
        """Measure what waits in the queue. Raises redis errors where it is away."""
        async with self.client.pipeline(transaction=False) as pipeline:
            for number in range(self._streams):
                pipeline.eval(_LOOK, 1, stream_name(number))
            return _backlog(await pipeline.execute())

    async def durability(self) -> Durability:
        """Ask the server whether what it answers is on its disk. Raises redis errors where it is away."""
        if self._replicas and not has_replicas(await self.client.info("replication"), self._replicas):
            return Durability.ALONE
        try:
            return durability_of(await self.client.config_get("append*"))
        except ResponseError:
            return Durability.UNKNOWN

    async def close(self) -> None:
        """Let what is in flight end, and hang up."""
        if self._flusher is not None:
            await asyncio.wait([self._flusher])
        await self.client.aclose()
        self._ringers.shutdown(wait=True)
        self._bell_client.close()

    async def _flush(self) -> None:
        while self._pending:
            batch, self._pending, self._pending_bytes = self._pending, [], 0
            results: list[Exception | None] = [Unavailable("The queue is not available.")] * len(batch)
            try:
                results = await self._send(batch)
            except (RedisError, OSError) as error:  # any of them: what is not answered hangs
                log.warning("queue_away", error=type(error).__name__, requests=len(batch))
            finally:
                _settle(batch, results)

    async def _send(self, batch: list[_Waiting]) -> list[Exception | None]:
        """One round trip for all: append, raise the bells, wait for replicas, and for a disk that is written later."""
        waits_for_disk = self.waits_for_disk  # it may change meanwhile
        numbers = sorted({waiting.number for waiting in batch})
        async with self.client.pipeline(transaction=False) as pipeline:
            for waiting in batch:
                pipeline.xadd(stream_name(waiting.number), waiting.fields)
            for number in numbers:
                pipeline.set(bell_name(number), 1, nx=True, px=BELL_MS)
            if self._replicas:
                pipeline.execute_command("WAIT", self._replicas, int(TIMEOUT_S * 750))
            if waits_for_disk:
                pipeline.execute_command("WAITAOF", 1, 0, int(TIMEOUT_S * 750))
            replies = await pipeline.execute(raise_on_error=False)
        for number, rang in zip(numbers, replies[len(batch) :], strict=False):
            if rang is True:
                self._ringers.submit(self._ring, number)
        is_kept = self._is_kept(replies[len(batch) + len(numbers) :], waits_for_disk)
        return [None if is_kept and isinstance(reply, bytes) else _refused(reply) for reply in replies[: len(batch)]]

    def _is_kept(self, waited: Sequence[object], waits_for_disk: bool) -> bool:
        """Whether replicas have it, and a disk, by what was answered to the waiting for them."""
        copied = not self._replicas or (isinstance(waited[0], int) and waited[0] >= self._replicas)
        return copied and (not waits_for_disk or (isinstance(waited[-1], list) and waited[-1][0] >= 1))

    def _ring(self, number: int) -> None:
        try:
            ring(self._bell_client, number)
        except RedisError as error:
            log.warning("bell_not_rung", stream=number, error=type(error).__name__)  # the timekeeper rings again


def _settle(batch: list[_Waiting], results: list[Exception | None]) -> None:
    for waiting, result in zip(batch, results, strict=True):
        if waiting.done.done():  # cancelled: nobody waits any more
            continue
        if result is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(result)


def _refused(reply: object) -> Unavailable:
    """Out of memory, a full disk, a replica. What the server says may quote the command: its kind has to do."""
    reason = type(reply).__name__ if isinstance(reply, Exception) else "not on disk in time"
    log.error("queue_refused", reason=reason)
    return Unavailable("The queue cannot take readings now.")
