"""Ours against the pipeline that one would write first, on the same servers: see `naive_service`."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Final

import psycopg
from redis import Redis

from tests.benchmarks import baseline, wrk
from tests.benchmarks.figures import BenchmarkError, Figure, Target
from tests.benchmarks.measure import Bench
from tests.benchmarks.naive_service import DATABASE_URL, QUEUE_URL, Base, engine
from tests.benchmarks.posting import ROUTE
from tests.benchmarks.up import Up

TIMES: Final = Target(must=30, aim=100)
PARTS: Final = "tests.benchmarks.naive_parts"
DATABASE: Final = "naive"
QUEUE_DATABASE: Final = 1
WORK_S_MAX: Final = 90.0
FORKED_SHARE: Final = 4  # a quarter of the jobs: it is so much slower
WARM: Final = 5  # jobs before it counts


def take(bench: Bench) -> list[Figure]:
    """Its rate with RQ's SimpleWorker and with its default worker, which forks for each job; then ours over them."""
    rates: dict[str, float] = {}
    with bench.house.open() as up, _servers(up), baseline.serving(PARTS, "serve") as url:
        for worker, how, jobs in (
            ("SimpleWorker", "simple", bench.scale.naive),
            ("forking Worker", "forking", bench.scale.naive // FORKED_SHARE),
        ):
            bench.say(f"naive pipeline, {worker}, {jobs} sets")
            with baseline.started(PARTS, "work", how):
                _through(bench, up, url, WARM)
                rates[worker] = _through(bench, up, url, jobs)
    figures = [
        Figure(f"naive pipeline, {worker}", rate, "sets/s", beside="one RQ job and one ORM insert per set")
        for worker, rate in rates.items()
    ]
    return figures + [
        Figure(f"ours, {ours}, against naive, {worker}", bench.reached[ours] / rate, "×", TIMES, "end to end")
        for ours, (worker, rate) in product(bench.reached, rates.items())
    ]


def _through(bench: Bench, up: Up, url: str, jobs: int) -> float:
    """Sets a second from the first POST until the last row is there."""
    with psycopg.connect(os.environ[DATABASE_URL], autocommit=True) as connection:
        connection.execute("TRUNCATE scored")
        load = wrk.post(url + ROUTE, bench.house.singles(up, jobs), expected=jobs)
        deadline_s = time.monotonic() + WORK_S_MAX
        while (stored := _stored(connection)) < jobs:
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"the naive pipeline stored {stored} of {jobs} sets in {WORK_S_MAX:g} s")
            time.sleep(0.005)
        return jobs / (time.monotonic() - load.first_s)


def _stored(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM scored").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def _servers(up: Up) -> Iterator[None]:
    """A database of its own on the same PostgreSQL and one on the same Valkey, named to its processes and to us."""
    with up.owner() as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
        os.environ[DATABASE_URL] = up.installation.owner_url.replace("/virtual_ward?", f"/{DATABASE}?")
        os.environ[QUEUE_URL] = up.installation.queue_url.replace("db=0", f"db={QUEUE_DATABASE}")
        try:
            Base.metadata.create_all(engine())
            engine().dispose()
            yield
        finally:
            Redis.from_url(os.environ[QUEUE_URL]).flushdb()
            connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
            engine.cache_clear()
