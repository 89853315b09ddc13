"""Connections to the database that never wait for ever: a line may be cut without anybody being told.

The server ends a statement that takes too long. But where nothing comes back at all, no answer and no end either, the
driver would wait as long as TCP believes in the line, and a thread, a drain or a ladder with it.
"""

import math
import time
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")

ANSWER_S: Final = 35.0
"""Without an answer for so long the server is taken to be gone: longer than a statement may take (30 s)."""
PING_S: Final = 3.0
"""For a connection that was idle, as for a new one: before it is used it is asked whether it still is one."""
FOLLOW_S: Final = 10.0
"""For connections that follow what happens, by short statements of their own."""

# Where a real network loses what was sent, the kernel finds out sooner. Nothing of it matters to a Unix socket.
_LINE: Final[dict[str, Any]] = {
    "connect_timeout": 3, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}  # fmt: skip


class Bounded(psycopg.Connection[Any]):
    """A connection that is closed once an answer takes too long. Raises OperationalError then."""

    answers_within_s: float | None = ANSWER_S

    @classmethod
    def to(cls, url: str, *, within_s: float | None = ANSWER_S, **settings: Any) -> Self:
        """Connect. Raises OperationalError where that takes longer than 3 s."""
        connection = cls.connect(url, **_LINE | settings)
        connection.answers_within_s = within_s
        return connection

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for what the driver does. With a `timeout`, as long as it was asked to: for notifications."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        until_s = _until(self.answers_within_s)
        try:
            return super().wait(gen, interval, self.answers_within_s)
        except psycopg.OperationalError:
            if time.monotonic() >= until_s:  # what the server does, and what comes next, is unknown
                self.pgconn.finish()
            raise


class AsyncBounded(psycopg.AsyncConnection[Any]):
    """The same, awaited: for what follows events."""

    @classmethod
    async def to(cls, url: str, **settings: Any) -> Self:
        """Connect. Raises OperationalError where that takes longer than 3 s."""
        return await cls.connect(url, autocommit=True, **_LINE | settings)

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for what the driver does. With a `timeout`, as long as it was asked to: for notifications."""
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        until_s = _until(FOLLOW_S)
        try:
            return await super().wait(gen, interval, FOLLOW_S)
        except psycopg.OperationalError:
            if time.monotonic() >= until_s:
                self.pgconn.finish()
            raise


def _until(within_s: float | None) -> float:
    return math.inf if within_s is None else time.monotonic() + within_s
