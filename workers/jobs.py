"""The RQ jobs, by the dotted paths that are enqueued. Any `rq worker` with the JSON serializer runs them."""

import os
import time
from dataclasses import dataclass
from functools import cache, partial

import structlog
from redis import Redis
from sqlalchemy import Engine

from monitoring.config import read_settings
from monitoring.database import make_engine
from monitoring.intake.clients import connect
from workers.drain import loop
from workers.mishaps import CULPRITS, described, will_pass
from workers.telling import tell

log = structlog.get_logger()

WORK_S = 5.0
"""A job works for so long at the most: other jobs want their turn, and RQ gives no heartbeat meanwhile."""
AGAIN_S = 0.2
"""After this a job tries again that found the database away: without it readings wait for the next ring but one, 2 s to
4.5 s after a database that was killed is back (measured)."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What a process's jobs share."""

    engine: Engine
    queue: Redis


def drain(number: int) -> int:
    """Drain one stream for up to five seconds. Returns how many entries were worked off."""
    return drain_for(_connections(os.getpid()), number, time.monotonic() + WORK_S)


def drain_for(connections: Connections, number: int, stop_s: float) -> int:
    """Drain one stream until it is empty, or until then by the monotonic clock; what will pass is waited out."""
    work = loop.Drain(
        connections.engine, connections.queue, number, partial(tell, connections.engine, connections.queue)
    )
    while True:
        try:
            return loop.run(work, until=lambda: time.monotonic() >= stop_s)
        except CULPRITS as error:
            if not will_pass(error) or time.monotonic() + AGAIN_S >= stop_s:
                raise
            log.info("drain_held_up", stream=number, **described(error))
        time.sleep(AGAIN_S)


@cache
def _connections(_process: int) -> Connections:
    """One engine and one client per process: a forked child must not share its parent's sockets."""
    settings = read_settings()
    return Connections(make_engine(settings.database_url, pool_size=1), connect(settings.queue_url))
