"""The deliverer: sends what stands in the outbox, within milliseconds of its commit.

On a thread of the timekeeper's process with an event loop of its own, so that paging depends on no queue and waits
behind no drain (docs/decisions/0009). Any number may run, on any number of machines. Asynchronous, because only so a
receiver that answers a byte a second is cut off in time; and a hundred that hang cost no thread.
"""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import psycopg
import structlog
from sqlalchemy import Engine

from monitoring.bars.sending import bundle
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import once_more
from monitoring.delivery import claiming
from monitoring.delivery.channels.attempts import NotDelivered, Outgoing, Taken
from monitoring.delivery.channels.choosing import blocking
from monitoring.delivery.channels.webhook import Webhooks
from monitoring.delivery.claiming import Claimed
from monitoring.delivery.outbox import CHANNEL
from monitoring.delivery.settling import give_up, settle
from monitoring.delivery.together import TOGETHER_MAX, body_of, together
from monitoring.escalation.tables import By
from monitoring.metrics import DELIVERY_SECONDS, MESSAGES
from monitoring.tracing.alerts import traces_of
from monitoring.tracing.spans import is_on, start
from workers.mishaps import CULPRITS, described

if TYPE_CHECKING:
    from opentelemetry.trace import Span

log = structlog.get_logger()
T = TypeVar("T")

AT_ONCE_MAX: Final = 32
SETTLING_MAX: Final = 4  # each may wait for the row of an alert, on a connection of its own
LOOK_EVERY_S: Final = 1.0
LISTEN_S: Final = 0.5
TIDY_EVERY: Final = timedelta(seconds=0.5)
LOOK_AGAIN_S: Final = 0.05  # where somebody cancels just now
RECONNECT_S: Final = 0.5
STOP_S: Final = 3.0


class Deliverer:
    """One deliverer. `start` begins, `stop` lets attempts end for a while and leaves the others to their leases."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="deliverer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = threading.Event()
        self._stopping = False
        self._connected = False
        self._woken = asyncio.Event()
        self._look = True  # there may be something to claim
        self._tidy_at = datetime.min.replace(tzinfo=UTC)
        self._at_work: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._ended: list[int] = []  # alerts whose locks are to be given back
        self._giving_up: set[int] = set()
        self._blocking = ThreadPoolExecutor(AT_ONCE_MAX, "deliver")
        self._settling = ThreadPoolExecutor(SETTLING_MAX, "settle")

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def works(self) -> bool:
        """Whether it still delivers. It goes on after whatever can go wrong, but one never knows."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Begin no attempt any more, and wait a little for those that are under way."""
        self._stopping = True
        if self._begun.wait(STOP_S) and self._loop is not None:
            with suppress(RuntimeError):  # its loop ended by itself
                self._loop.call_soon_threadsafe(self._woken.set)
        self._thread.join(2 * STOP_S)
        for pool in (self._blocking, self._settling):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(self._blocking)  # names are looked up there
        self._begun.set()
        webhooks = Webhooks(allow_private=self._settings.webhook_allow_private)
        while not self._stopping:
            try:
                await self._deliver(webhooks)
            except (*CULPRITS, OSError) as error:
                log.warning("delivery_interrupted", **described(error))
                await asyncio.sleep(RECONNECT_S)
        await webhooks.close()

    async def _deliver(self, webhooks: Webhooks) -> None:
        """Until told to stop, or the database goes away: then no attempt goes on, for its lock went as well."""
        url = self._settings.database_url
        async with await claiming.connect(url) as locks, await claiming.connect(url) as ears:
            await ears.execute(f"LISTEN {CHANNEL}")
            self._connected, self._look = True, True
            listening = asyncio.create_task(self._listen(ears))
            try:
                while not (self._stopping or listening.done()):
                    self._woken.clear()
                    wait_s = await self._turn(locks, webhooks)
                    try:
                        await asyncio.wait_for(self._woken.wait(), wait_s)
                    except TimeoutError:
                        self._look = True
                if self._stopping and self._at_work:
                    await asyncio.wait(self._at_work, timeout=STOP_S)
            finally:
                self._connected = False
                for attempt in self._sending:
                    attempt.cancel()
                self._ended.clear()
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening

    async def _listen(self, ears: psycopg.AsyncConnection) -> None:
        """Wake at each commit of messages. In short waits: a driver may swallow the cancelling of its task."""
        while self._connected and not self._stopping:
            async for _ in ears.notifies(timeout=LISTEN_S, stop_after=1):
                self._wake(look=True)

    def _wake(self, *, look: bool) -> None:
        self._look = self._look or look
        self._woken.set()

    async def _turn(self, locks: psycopg.AsyncConnection, webhooks: Webhooks) -> float:
        """Give back locks, begin what may begin. Returns how long to wait until the next turn, unless woken."""
        ended, self._ended = self._ended, []
        await claiming.let_go(locks, ended)
        free = AT_ONCE_MAX - len(self._at_work)
        if not self._look or free <= 0:
            return LOOK_EVERY_S
        self._look, now = False, utc_now()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_EVERY
            await claiming.recover(locks, now)
            for message_id in await claiming.too_late(locks, now, self._giving_up):
                self._giving_up.add(message_id)
                self._begin(self._give_up(message_id))
        claimed, some_were_held = await claiming.claim(locks, now, free, TOGETHER_MAX - 1)
        for message in together(claimed):
            self._begin(self._attempt(message, webhooks))
        if claimed or some_were_held:  # the end of an attempt wakes
            return LOOK_AGAIN_S if some_were_held else LOOK_EVERY_S
        soonest = await claiming.soonest(locks, now)
        return LOOK_EVERY_S if soonest is None else min(LOOK_EVERY_S, (soonest - now).total_seconds())

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        self._sending.discard(task)
        self._wake(look=True)  # its address is free

    async def _attempt(self, message: Claimed, webhooks: Webhooks) -> None:
        """One attempt. Its lock is given back before anything is written, for that may wait for who holds the alert."""
        this = asyncio.current_task()
        assert this is not None
        self._sending.add(this)
        span = await self._traced(message) if is_on() else None
        came_of_it = await self._send(message, webhooks)
        if span is not None:
            span.set_attribute("outcome", "taken" if isinstance(came_of_it, Taken) else came_of_it.reason)
            span.end()
        self._sending.discard(this)
        if ended := [one.alert_id for one in (message, *message.also) if one.alert_id is not None]:
            self._ended += ended
            self._wake(look=False)
        now = utc_now()
        outcome = await self._write(settle, message, came_of_it, now, random.random())
        if outcome is None:
            return  # it is sent again once its lease is over
        MESSAGES.labels(message.by, outcome).inc()
        if isinstance(came_of_it, Taken):
            DELIVERY_SECONDS.labels(message.by).observe((now - message.created_at).total_seconds())
        reason = came_of_it.reason if isinstance(came_of_it, NotDelivered) else ""
        said = {"message": str(message.public_id), "by": message.by, "attempt": message.attempts}
        said |= {"also": len(message.also)} if message.also else {}
        log.info("attempt", **said, outcome=outcome, reason=reason)

    async def _traced(self, message: Claimed) -> "Span":
        """A span in the trace of the reading that led to its alert; linked with those of what goes out with it."""
        alerts = [one.alert_id for one in (message, *message.also) if one.alert_id is not None]
        traces = (await self._write(traces_of, alerts) if alerts else None) or [""]
        waited_ms = int((utc_now() - message.created_at).total_seconds() * 1000)
        of: dict[str, str | int] = {"by": message.by, "message": str(message.public_id), "attempt": message.attempts}
        return start("tell", parent=traces[0] or None, links=traces[1:], kind="client", waited_ms=waited_ms, **of)

    async def _send(self, message: Claimed, webhooks: Webhooks) -> Taken | NotDelivered:
        if not message.ways:
            return NotDelivered("it cannot be read", permanent=True)
        way = message.ways[0]
        outgoing = Outgoing(
            message.sent_as or message.public_id, way, len(message.ways), body_of(message), message.tries > 1, utc_now()
        )
        try:
            if way.bars:
                make = partial(bundle, self._engine, self._settings, message.body, outgoing.at)
                outgoing = replace(
                    outgoing, body=await asyncio.get_running_loop().run_in_executor(self._settling, make)
                )
            if way.by is By.WEBHOOK:
                return await webhooks.send(outgoing)
            send = blocking(self._settings, way.by)
            return await asyncio.get_running_loop().run_in_executor(self._blocking, send, self._settings, outgoing)
        except NotDelivered as failure:
            return failure
        except (*CULPRITS, OSError) as error:
            log.error("attempt_went_wrong", message=str(message.public_id), **described(error))
            return NotDelivered(f"it went wrong: {type(error).__name__}")

    async def _give_up(self, message_id: int) -> None:
        await self._write(give_up, message_id, utc_now())
        self._giving_up.discard(message_id)
        MESSAGES.labels("none", "too_late").inc()

    async def _write(self, write: Callable[..., T], *arguments: object) -> T | None:
        """One transaction, on a thread. None where it could not be."""
        work = partial(once_more, partial(write, self._engine, *arguments))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._settling, work)
        except CULPRITS as error:
            log.warning("attempt_not_written", **described(error))
            return None
