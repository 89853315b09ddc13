"""`make bench-flow`: occupancy with a million spells in the database, now and over a year.

python -m tests.benchmarks.occupancy [--json FILE] [--quick]
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import httpx
import psycopg

from monitoring.clock import utc_now
from monitoring.database import make_engine, snapshot
from monitoring.reports.choices import By, Every
from monitoring.reports.occupancy import Wanted, read
from monitoring.reports.occupancy_forms import as_json
from monitoring.reports.periods import Span
from tests.benchmarks import up
from tests.benchmarks.figures import Figure, Target, middle, share
from tests.benchmarks.house import temporary
from tests.benchmarks.measure import Bench, Measure
from tests.benchmarks.run import run
from tests.benchmarks.seeding import add_staff
from tests.benchmarks.spells import ICBS, SPAN, WARDS_PER_ICB, write_spells
from tests.benchmarks.up import Up

OF_A_WARD_MS: Final = Target(must=5.0, aim=4.0)
OF_A_YEAR_S: Final = Target(must=1.0, aim=0.8)
ASKED: Final = 1_000
WARMING: Final = 50


def take(bench: Bench) -> list[Figure]:
    """A ward's occupancy now and half a year ago; a year of hours of every ward and of every ICB."""
    until = utc_now().replace(microsecond=0)
    with _installation(bench, until) as running, _client(running) as client:
        spells = f"{bench.scale.spells:,} spells on {ICBS * WARDS_PER_ICB} wards"
        past = (until - SPAN / 2).isoformat().replace("+00:00", "Z")
        bench.say(f"asking {ASKED:,} times for a ward's occupancy")
        figures = [*_of_a_ward(client, "now", {}, spells), *_of_a_ward(client, "half a year ago", {"at": past}, spells)]
        for by in (By.WARD, By.ICB):
            bench.say(f"a year of hours by {by}")
            figures += _of_a_year(client, bench.scale.runs, by, until)
        figures.append(_in_process(running, bench.scale.runs, until))
    return figures


@contextmanager
def _installation(bench: Bench, until: datetime) -> Iterator[Up]:
    """`up` on a folder of its own, with the spells."""
    with (
        temporary(bench.scale, bench.say, "flow-") as house,
        up.running(house.data, environment=up.UNHURRIED) as running,
    ):
        began_s = time.perf_counter()
        superuser = running.installation.owner_url.replace("vw_owner@", "postgres@")
        with psycopg.connect(superuser, autocommit=True) as connection:
            write_spells(connection, bench.scale.spells, until)
        bench.say(f"{bench.scale.spells:,} spells written in {time.perf_counter() - began_s:.0f} s")
        yield running


def _client(running: Up) -> httpx.Client:
    headers = {"Authorization": f"Bearer {add_staff(running, 'admin')}"}
    return httpx.Client(base_url=running.url, headers=headers, timeout=60)


def _of_a_ward(client: httpx.Client, when: str, params: dict[str, str], beside: str) -> list[Figure]:
    """One ward after the other, over one connection."""
    codes = [f"I{icb}W{ward}" for icb in range(1, ICBS + 1) for ward in range(1, WARDS_PER_ICB + 1)]
    took_ms = []
    for number in range(WARMING + ASKED):
        path = f"/v1/wards/{codes[number * 11 % len(codes)]}/occupancy"
        began_s = time.perf_counter()
        answer = client.get(path, params=params)
        took_ms.append((time.perf_counter() - began_s) * 1000)
        answer.raise_for_status()
    took_ms = took_ms[WARMING:]
    return [
        Figure(f"occupancy of a ward {when}, p{percent}", share(took_ms, percent), "ms", OF_A_WARD_MS, beside)
        for percent in (50, 99)
    ]


def _of_a_year(client: httpx.Client, runs: int, by: By, until: datetime) -> list[Figure]:
    """The whole answer at the API, its last byte read."""
    params = {"from": (until - SPAN).isoformat(), "to": until.isoformat(), "step": "hour", "by": by.value}
    took_s, size = [], 0
    for _ in range(runs + 1):
        began_s = time.perf_counter()
        with client.stream("GET", "/v1/reports/occupancy", params=params) as answer:
            answer.raise_for_status()
            size = sum(len(chunk) for chunk in answer.iter_raw())
        took_s.append(time.perf_counter() - began_s)
    value, beside = middle(took_s[1:])
    return [Figure(f"a year of hours by {by}, whole answer", value, "s", OF_A_YEAR_S, f"{beside}; {size / 1e6:.0f} MB")]


def _in_process(running: Up, runs: int, until: datetime) -> Figure:
    """The same without HTTP: read, then counted and written."""
    engine = make_engine(running.installation.database_url)
    wanted = Wanted(Span(until - SPAN, until), Every.HOUR, By.WARD)
    read_s: list[float] = []
    counted_s: list[float] = []
    written_s: list[float] = []
    for _ in range(runs + 1):
        marks = [time.perf_counter()]
        with snapshot(engine) as session:
            record = read(session, wanted, None, until)
        marks.append(time.perf_counter())
        for _one in record.series():
            pass
        marks.append(time.perf_counter())
        for _chunk in as_json(record):
            pass
        marks.append(time.perf_counter())
        for took_s, first_s, last_s in zip((read_s, counted_s, written_s), marks, marks[1:], strict=False):
            took_s.append(last_s - first_s)
    engine.dispose()
    (read_time, _), (counted, _), (written, _) = (middle(took_s[1:]) for took_s in (read_s, counted_s, written_s))
    beside = f"read {read_time:.2f} s, counted {counted:.2f} s; counted and written as JSON {written:.2f} s"
    return Figure("the same by ward, computing alone", read_time + counted, "s", OF_A_YEAR_S, beside)


FLOW: Final = Measure("flow", "occupancy with a million spells", take, needs_wrk=False)

if __name__ == "__main__":
    sys.exit(run([FLOW], "python -m tests.benchmarks.occupancy"))
