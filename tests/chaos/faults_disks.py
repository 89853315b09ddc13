"""A server's disk is full for a while."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from tests.chaos.faults import AWAY_S, Fault
from tests.chaos.grounds import Ground

GROUND: Final = "disks"
BLOCKS: Final = (2**20, 2**12)


@contextmanager
def full(server: str, ground: Ground, rng: Random) -> Iterator[float]:
    """Not a byte is left, and then there is room again."""
    ballast = ground.disks[server] / "ballast"
    until_s = time.monotonic() + rng.uniform(*AWAY_S)
    try:
        while time.monotonic() < until_s:
            fill(ballast)  # again: a server that starts anew gives room back
            time.sleep(0.05)
    finally:
        ballast.unlink(missing_ok=True)
    yield time.monotonic()


def fill(ballast: Path) -> None:
    """Make a file as large as there is room."""
    with ballast.open("ab") as file:
        for block in BLOCKS:
            try:
                while True:
                    os.write(file.fileno(), bytes(block))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


DISKS: Final = (
    Fault("Valkey's disk full", partial(full, "Valkey"), ground=GROUND),
    Fault("PostgreSQL's disk full", partial(full, "PostgreSQL"), ground=GROUND, forgets_looks=True),
)
