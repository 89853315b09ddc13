"""The lines between the parts and their servers are cut: refused at once, or silent, which nobody is told."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Final

from tests.chaos.faults import AWAY_S, Fault, Span
from tests.chaos.grounds import Ground
from tests.chaos.lines import Line
from tests.chaos.up import PARTS

GROUND: Final = "lines"
FORGOTTEN: Final = 0.7  # share of the black holes whose connections are never heard of again


@contextmanager
def refused(part: str, server: str, for_s: Span, ground: Ground, rng: Random) -> Iterator[float]:
    """Nobody of that part gets through to a server, and they are told so."""
    ground.lines[server].become({part: Line.REFUSED})
    time.sleep(rng.uniform(*for_s))
    ground.lines[server].become({})
    yield time.monotonic()


@contextmanager
def black_hole(
    part: str, server: str, for_s: Span, ground: Ground, rng: Random, *, forgotten: float = FORGOTTEN
) -> Iterator[float]:
    """Nothing comes through, or no answer; afterwards what waited comes late, or those connections stay silent."""
    ground.lines[server].become({part: rng.choice((Line.SILENT, Line.DEAF))})
    time.sleep(rng.uniform(*for_s))
    ground.lines[server].become({}, forget=rng.random() < forgotten)
    yield time.monotonic()


@contextmanager
def slow(ground: Ground, rng: Random) -> Iterator[float]:
    """Every answer takes a third of a second longer."""
    for lines in ground.lines.values():
        lines.become(dict.fromkeys(PARTS, Line.SLOW))
    time.sleep(rng.uniform(*AWAY_S))
    for lines in ground.lines.values():
        lines.become({})
    yield time.monotonic()


_PAIRS: Final = (
    *(("API", server) for server in ("Valkey", "PostgreSQL")),
    *(("worker", server) for server in ("Valkey", "PostgreSQL")),
    *(("timekeeper", server) for server in ("Valkey", "PostgreSQL")),
)
_CUTS: Final = (("refused", refused), ("silent", black_hole))
LINES: Final = (
    *(
        Fault(f"{part} to {server} {how}", partial(cut, part, server, AWAY_S), ground=GROUND)
        for part, server in _PAIRS
        for how, cut in _CUTS
    ),
    Fault("slow lines", slow, ground=GROUND),
)
