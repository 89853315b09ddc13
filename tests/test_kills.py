"""Kill -9 in the middle of a load: every 202 is stored once and scored once, every alert is there once.

The longer version, with more faults and at random: `make chaos`.
"""

import json
import math
import os
import signal
from collections.abc import Iterator
from random import Random

import httpx
import pytest

from monitoring.clock import utc_now
from tests.chaos.every import FAULTS
from tests.chaos.experiment import experiment
from tests.chaos.faults import kept_away
from tests.chaos.grounds import Ground
from tests.chaos.homes import Admissions
from tests.chaos.up import Up, running
from tests.monitoring.embedded.processes import eventually
from tests.receivers import Receiver, receiving

HOMES = 9
KILLED = ("workers in a batch", "API", "Valkey", "PostgreSQL", "up", "everything")


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """One installation that every test kills, and that is well again afterwards."""
    with running() as up:
        yield up


@pytest.fixture(scope="module")
def admissions(up: Up) -> Iterator[Admissions]:
    """Homes on that installation, and who is told of their alerts."""
    with receiving() as pager:
        made = Admissions(up, pager)
        yield made
        made.close()


@pytest.mark.parametrize("fault", KILLED)
def test_what_was_promised_is_there_once_after(fault: str, up: Up, admissions: Admissions) -> None:
    outcome = experiment(Ground(up), admissions, FAULTS[fault], Random(fault), homes=HOMES)
    assert outcome.wrong == []
    assert (outcome.verdict.lost, outcome.verdict.doubled) == (0, 0)
    assert outcome.verdict.counts["alerts"].found == HOMES * 2 // 3
    assert min(outcome.verdict.counts[kind].found for kind in ("sets", "steps", "messages", "beds", "looks")) > 0
    assert max(outcome.recovery.readings_s, outcome.recovery.alerts_s, outcome.recovery.healthy_s) < math.inf


def test_a_timekeeper_that_dies_in_a_burst_pages_of_every_alert_and_of_none_under_two_ids(
    up: Up, admissions: Admissions
) -> None:
    homes = admissions.admit(24)
    with receiving() as pager, admissions.telling(pager.url()), httpx.Client(base_url=up.url) as client:
        for number, home in enumerate(homes):
            home.stage = 1
            _, body, _ = home.measure(utc_now())
            answer = client.post("/v1/readings", json=body, headers={"Authorization": f"Bearer {home.token}"})
            assert answer.status_code == 202
            if number == len(homes) // 2:
                pager.waits_for(1)
                os.kill(up.pids("timekeeper")[0], signal.SIGKILL)
        eventually(lambda: len({alert for _, alert in paged(pager)}) >= len(homes), within_s=30)
        up.ready()
        heard = paged(pager)
    assert len(heard) == len({alert for _, alert in heard}) == len(homes)


def paged(pager: Receiver) -> set[tuple[str, str]]:
    """Each alert that was told of, and under which id; several may stand in one message."""
    told = [(call.id, json.loads(call.body)["data"]) for call in pager.calls]
    return {(key, one["alert"]) for key, data in told for one in (data, *data.get("also", []))}


def test_while_the_queue_is_away_a_device_is_told_to_come_back(up: Up, admissions: Admissions) -> None:
    [home] = admissions.admit(1)
    _, body, _ = home.measure(utc_now())

    def post() -> httpx.Response:
        return httpx.post(f"{up.url}/v1/readings", json=body, headers={"Authorization": f"Bearer {home.token}"})

    assert post().status_code == 202
    with kept_away("Valkey", up):
        refused = post()
        assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
        assert int(refused.headers["Retry-After"]) > 0
        eventually(lambda: httpx.get(f"{up.url}/health/ready").status_code == 503)
    eventually(lambda: post().status_code == 202)
    up.ready()
