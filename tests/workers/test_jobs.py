"""The drain's job: what will pass is waited out within its time."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from sqlalchemy.exc import DBAPIError

from monitoring.intake.stream import bell_name, stream_name
from tests.monitoring.outages import database_away, until
from tests.servers import Servers
from tests.ward import WELL, Ward
from tests.workers.records import count, put
from workers.jobs import Connections, drain_for

BELL = bell_name(0)


def test_a_drain_that_finds_the_database_away_goes_on_as_soon_as_it_is_back(
    ward: Ward, queue: Redis, run_servers: Servers
) -> None:
    put(queue, ward.arrival([{"id": "1", "taken_at": ward.now, **WELL}]))
    with ThreadPoolExecutor(1) as worker:
        with database_away(run_servers, ward.settings.database_url):
            job = worker.submit(drain_for, Connections(ward.engine, queue), 0, time.monotonic() + 30)
            until(lambda: queue.pttl(BELL) > 0)  # it works
            queue.delete(BELL)
            until(lambda: queue.pttl(BELL) > 0)  # and has tried again
            assert not job.done()
        assert job.result(timeout=10) == 1
    assert count(ward.engine, "reading") == 1


def test_a_drain_that_finds_it_away_until_its_time_is_over_fails_and_loses_nothing(
    ward: Ward, queue: Redis, run_servers: Servers
) -> None:
    put(queue, ward.arrival([{"id": "1", "taken_at": ward.now, **WELL}]))
    with database_away(run_servers, ward.settings.database_url), pytest.raises(DBAPIError):
        drain_for(Connections(ward.engine, queue), 0, time.monotonic() + 0.3)
    assert queue.xlen(stream_name(0)) == 1
