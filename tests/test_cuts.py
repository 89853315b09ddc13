"""Lines that are cut and a primary that is gone, in the middle of a load: what was promised is there once.

The longer version, with every line, full disks and wrong clocks: `make chaos`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import Random

import pytest

from tests.chaos.every import FAULTS
from tests.chaos.experiment import experiment
from tests.chaos.faults import Fault
from tests.chaos.faults_lines import black_hole
from tests.chaos.grounds import Ground, on_lines, on_replicas
from tests.chaos.homes import Admissions
from tests.receivers import receiving

HOMES = 9
BRIEFLY_S = (2.5, 3.0)  # longer than anybody waits for the queue
ALWAYS = 1.0
SOON_S = 10  # left to itself, RQ waits for 25


@contextmanager
def admitting(ground: Ground) -> Iterator[Admissions]:
    """Homes, and who is told of their alerts."""
    with receiving() as pager:
        made = Admissions(ground.up, pager)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def lines() -> Iterator[tuple[Ground, Admissions]]:
    """One installation whose lines are cut, and whole again afterwards."""
    with on_lines() as ground, admitting(ground) as admissions:
        yield ground, admissions


@pytest.mark.parametrize("server", ["Valkey", "PostgreSQL"])
def test_a_line_that_stays_silent_costs_nothing_that_was_promised(
    server: str, lines: tuple[Ground, Admissions]
) -> None:
    fault = Fault("silent", partial(black_hole, "API", server, BRIEFLY_S, forgotten=ALWAYS))
    outcome = experiment(*lines, fault, Random(server), homes=HOMES)
    assert outcome.wrong == []
    assert (outcome.verdict.lost, outcome.verdict.doubled) == (0, 0)


def test_workers_whose_line_to_the_queue_stays_silent_soon_take_another(lines: tuple[Ground, Admissions]) -> None:
    fault = Fault("silent", partial(black_hole, "worker", "Valkey", BRIEFLY_S, forgotten=ALWAYS))
    outcome = experiment(*lines, fault, Random("worker"), homes=HOMES)
    assert outcome.wrong == []
    assert (outcome.verdict.lost, outcome.verdict.doubled) == (0, 0)
    assert outcome.recovery.readings_s < SOON_S


def test_what_was_promised_survives_the_loss_of_the_queues_primary() -> None:
    with on_replicas() as ground, admitting(ground) as admissions:
        outcome = experiment(ground, admissions, FAULTS["Valkey's primary"], Random("primary"), homes=HOMES)
    assert outcome.wrong == []
    assert (outcome.verdict.lost, outcome.verdict.doubled) == (0, 0)
