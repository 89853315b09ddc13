"""The queue's primary is gone, and a replica takes its place; or a replica is gone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Final

from tests.chaos.faults import Fault
from tests.chaos.grounds import Ground

GROUND: Final = "replicas"


@contextmanager
def failover(ground: Ground, _: Random) -> Iterator[float]:
    """Kill -9 the primary, and start it again as a replica of the one that was chosen."""
    assert ground.queue is not None
    primary = ground.queue.primary()
    ground.queue.kill(primary)
    yield time.monotonic()
    ground.queue.mend(primary)


REPLICAS: Final = (Fault("Valkey's primary", failover, ground=GROUND),)
