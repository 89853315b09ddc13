"""What one API process holds: settings, connections, the tokens, the way in, and who watches live."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

import structlog
from anyio import to_thread
from litestar import Request
from redis.exceptions import RedisError
from sqlalchemy import Engine

from monitoring.access.rates import Rates
from monitoring.access.tokens import Recency, Tokens
from monitoring.audit.recording import Recorder
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import DATABASE_ERRORS, make_engine
from monitoring.intake.durability import Durability
from monitoring.intake.stream import AWAY, Backlog, Inlet
from monitoring.live import Hub
from monitoring.metrics import BACKLOG_BYTES, BACKLOG_ENTRIES, OLDEST_UNSCORED_SECONDS
from monitoring.pieces import Pieces
from monitoring.refusals import Unavailable
from monitoring.schema import HEAD, version
from monitoring.shared import Shared

if TYPE_CHECKING:
    from monitoring.access.oidc.issuer import Issuer

log = structlog.get_logger()
LOOK_EVERY_S = 0.5
STOP_S = 5.0
"""What a look at the database or the queue may still take when the process is told to stop."""


@dataclass(slots=True)
class Service:
    """The state of one API process. Everything else is in PostgreSQL and the queue."""

    settings: Settings
    engine: Engine
    tokens: Tokens
    inlet: Inlet
    hub: Hub
    rates: Rates
    recorder: Recorder
    issuer: "Issuer | None" = None
    boards: Shared[Pieces] = field(default_factory=Shared)
    backlog: Backlog | None = None
    durability: Durability | None = None
    migrated: bool = False
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _looks: list[asyncio.Task[None]] = field(default_factory=list)
    _loops: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def of(cls, settings: Settings) -> "Service":
        """Connect nothing yet: the API starts, and says what is away, whatever is away."""
        engine = make_engine(settings.database_url)
        recent_for = timedelta(minutes=settings.step_up_minutes)
        tokens = Tokens(engine, Recency(recent_for, issued_are_recent=not settings.step_up_tokens))
        inlet = Inlet(
            settings.queue_url, streams=settings.streams, waits_for_disk=_asks_for_durability(settings),
            replicas=settings.replicas,
        )  # fmt: skip
        hub = Hub(settings.database_url, settings.queue_url, engine)
        rates, recorder = Rates.of(settings.rate_per_s, settings.rate_burst), Recorder(settings.database_url)
        return cls(settings, engine, tokens, inlet, hub, rates, recorder, issuer=_issuer(settings))

    async def start(self) -> None:
        """Begin to look after tokens, the backlog and live events."""
        for look in (self._look_at_database, self._look_at_queue, self._share_rates):
            self._looks.append(asyncio.create_task(self._keep(look)))
        self._loops.extend(asyncio.create_task(loop) for loop in self.hub.loops())

    async def stop(self) -> None:
        """Let go of everything."""
        self._stopping.set()
        self.hub.close()
        await asyncio.wait(self._looks, timeout=STOP_S)  # cancelled in the middle, they would leave connections open
        for loop in (*self._looks, *self._loops):
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
        await self.inlet.close()
        self.recorder.close()
        self.engine.dispose()

    def refuse_backlog(self, now: datetime) -> None:
        """Back-pressure: refuse readings rather than queue them without bound. Raises Unavailable."""
        if self.durability is not None and not self.durability.promises:
            alone = self.durability is Durability.ALONE
            raise Unavailable("The queue has too few replicas." if alone else "The queue keeps nothing on disk.")
        if self.backlog is None:
            return
        if self.backlog.size_bytes > self.settings.backlog_max_mb * 1_000_000:
            raise Unavailable("Too many readings wait to be processed.")
        oldest_at = self.backlog.oldest_at
        if oldest_at is not None and (now - oldest_at).total_seconds() > self.settings.backlog_max_age_s:
            raise Unavailable("Readings wait too long to be processed.")

    async def _keep(self, look: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            await look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_EVERY_S)

    async def _look_at_database(self) -> None:
        try:
            await to_thread.run_sync(self.tokens.refresh, utc_now())
            if not self.migrated:
                self.migrated = await to_thread.run_sync(version, self.engine) == HEAD
        except DATABASE_ERRORS as error:
            log.warning("tokens_not_refreshed", error=type(error).__name__)
        self.hub.drop_unless(self.tokens.has)

    async def _look_at_queue(self) -> None:
        try:
            self.backlog = await self.inlet.backlog()
            asks = _asks_for_durability(self.settings)
            self.durability = await self.inlet.durability() if asks else Durability.STATED
            self.inlet.waits_for_disk = self.durability.must_wait
        except (RedisError, *AWAY):
            self.backlog = self.durability = None
            self.inlet.waits_for_disk = _asks_for_durability(self.settings)  # once back, it may be set otherwise
            return
        BACKLOG_ENTRIES.set(self.backlog.entries)
        BACKLOG_BYTES.set(self.backlog.size_bytes)
        oldest_at = self.backlog.oldest_at
        OLDEST_UNSCORED_SECONDS.set(0 if oldest_at is None else (utc_now() - oldest_at).total_seconds())

    async def _share_rates(self) -> None:
        with suppress(RedisError, *AWAY):  # each process goes on counting by itself
            await self.rates.share(self.inlet.client, monotonic_ns())


def _issuer(settings: Settings) -> "Issuer | None":
    """Where staff sign in, if anywhere but here."""
    if settings.oidc_issuer is None:
        return None
    from monitoring.access.oidc.issuer import Issuer  # noqa: PLC0415 - heavy, for who has an issuer alone

    return Issuer(settings)


def _asks_for_durability(settings: Settings) -> bool:
    return settings.queue_durability != "stated"


def service_of(request: Request[Any, Any, Any]) -> Service:
    """The service behind a request."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


def shares_metrics() -> bool:
    """Whether this process writes its metrics into a folder shared with other parts."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ
