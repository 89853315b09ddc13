"""The RQ jobs, by the dotted paths that are enqueued. Any `rq worker` with the JSON serializer runs them."""

import os
import time
from dataclasses import dataclass
from functools import cache, partial

from redis import Redis
from sqlalchemy import Engine

from monitoring.config import read_settings
from monitoring.database import make_engine
from monitoring.intake.stream import connect
from workers.drain import loop
from workers.telling import tell

WORK_S = 5.0
"""A job works for so long at the most: other jobs want their turn, and RQ gives no heartbeat meanwhile."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What a process's jobs share."""

    engine: Engine
    queue: Redis


def drain(number: int) -> int:
    """Drain one stream for up to five seconds. Returns how many entries were worked off."""
    connections = _connections(os.getpid())
    stop = time.monotonic() + WORK_S
    work = loop.Drain(
        connections.engine, connections.queue, number, partial(tell, connections.engine, connections.queue)
    )
    return loop.run(work, until=lambda: time.monotonic() >= stop)


@cache
def _connections(_process: int) -> Connections:
    """One engine and one client per process: a forked child must not share its parent's sockets."""
    settings = read_settings()
    return Connections(make_engine(settings.database_url, pool_size=1), connect(settings.queue_url))
