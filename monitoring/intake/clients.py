"""Clients of the queue by its URL: of one server, or of whichever the sentinels call the primary.

None of them tries again by itself: a resent XADD would be a second entry.
"""

import re
from typing import Any, Final, TypedDict
from urllib.parse import unquote

import redis.asyncio
from redis import Redis
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from monitoring.config import SENTINEL_URL, SENTINELS

TIMEOUT_S: Final = 2.0
SENTINEL_PORT: Final = 26_379


class _Primary(TypedDict):
    service_name: str
    db: int
    username: str | None
    password: str | None


def connect(url: str, *, timeout_s: float | None = TIMEOUT_S) -> Redis:
    """A synchronous client. Answers are waited for no longer than that."""
    settings: dict[str, Any] = {"socket_timeout": timeout_s, "retry": Retry(NoBackoff(), 0)}
    if not url.startswith(SENTINELS):
        return Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, **settings)
    hosts, primary = _read(url)
    sentinels = Sentinel(hosts, sentinel_kwargs=_SENTINEL)  # type: ignore[no-untyped-call]
    client: Redis = sentinels.master_for(  # type: ignore[no-untyped-call]
        **primary, socket_connect_timeout=TIMEOUT_S, **settings
    )
    return client


def connect_async(url: str, *, timeout_s: float | None = TIMEOUT_S) -> redis.asyncio.Redis:
    """An asynchronous one."""
    settings: dict[str, Any] = {"socket_timeout": timeout_s, "retry": redis.asyncio.retry.Retry(NoBackoff(), 0)}
    if not url.startswith(SENTINELS):
        return redis.asyncio.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, **settings)
    hosts, primary = _read(url)
    sentinels = AsyncSentinel(hosts, sentinel_kwargs=_SENTINEL)  # type: ignore[no-untyped-call]
    client: redis.asyncio.Redis = sentinels.master_for(
        **primary, connection_pool_class=_WithSentinels, socket_connect_timeout=TIMEOUT_S, **settings
    )
    return client


class _WithSentinels(SentinelConnectionPool):
    """Connections to the primary; closed together with those to the sentinels, which the driver forgets."""

    async def aclose(self) -> None:
        """Hang up everywhere."""
        await super().aclose()
        await self.sentinel_manager.aclose()


_SENTINEL: Final = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}  # one of several: the next one is asked


def _read(url: str) -> tuple[list[tuple[str, int]], _Primary]:
    found = re.fullmatch(SENTINEL_URL, url)
    assert found is not None, "checked with the settings"
    hosts = [host.partition(":") for host in found["hosts"].split(",")]
    user, password = (unquote(found[name]) if found[name] else None for name in ("user", "password"))
    primary = _Primary(service_name=found["service"], db=int(found["database"] or 0), username=user, password=password)
    return [(host, int(port or SENTINEL_PORT)) for host, _, port in hosts], primary
