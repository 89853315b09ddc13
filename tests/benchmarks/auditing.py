"""What the audit costs whoever looks: one API process with it and without it, turn by turn.

By CPU time of the API and of its backends, the median of many short turns; how long a look takes stands beside it. Two
processes side by side differ by more than what is measured here, though they do the same.
"""

import http.client
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import psycopg

from monitoring.clock import utc_now
from tests.benchmarks.baseline import serving
from tests.benchmarks.figures import BenchmarkError, Figure, Target, share
from tests.benchmarks.looking import CPU_MS, UNAUDITED
from tests.benchmarks.measure import Bench
from tests.benchmarks.seeding import FIRST_KEY, add_staff, forget
from tests.benchmarks.up import Up

COST_PERCENT: Final = Target(must=10, aim=5)
TURNS: Final = 80
LOOKS_A_TURN: Final = 50
NAME: Final = "looking"
PATHS: Final = {"patient": "/v1/patients/{patient}", "board": "/v1/wards/{ward}/board"}


@dataclass(slots=True)
class Looked:
    """What looks took, at the one or at the other."""

    took_ms: list[float] = field(default_factory=list)
    api_ms: list[float] = field(default_factory=list)  # of CPU time for a look, by turn
    backends_ms: list[float] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        """Of the API and of its backends, for a look."""
        return median(self.api_ms) + median(self.backends_ms)


def take(bench: Bench) -> list[Figure]:
    """One patient, and the board of a ward, again and again."""
    with bench.house.open() as up:
        token = add_staff(up, "clinician")
        with up.owner() as connection:
            forget(connection, utc_now())
            row = connection.execute(_PLACE, (FIRST_KEY,)).fetchone()
        if row is None:
            raise BenchmarkError("there is no patient")
        with _serving(up) as url, up.owner() as connection:
            figures: list[Figure] = []
            for name, path in PATHS.items():
                bench.say(f"{name}: {TURNS} times {LOOKS_A_TURN} looks, with and without")
                there = path.format(patient=row[0], ward=row[1])
                found = _compare(connection, url + there, token)
                figures += _figures(name, *found)
            return figures


def _serving(up: Up) -> AbstractContextManager[str]:
    """An API whose backends are known by its name."""
    installation = up.installation
    database = f"{installation.database_url}&application_name={NAME}"
    return serving("tests.benchmarks.looking", database, installation.queue_url)


_PLACE: Final = """
SELECT patient.public_id::text, ward.code FROM patient
JOIN episode ON episode.patient_id = patient.id JOIN ward ON ward.id = episode.ward_id WHERE patient.id = %s
"""


def _figures(name: str, audited: Looked, usual: Looked) -> list[Figure]:
    more = 100 * (audited.cpu_ms / usual.cpu_ms - 1)
    with_ms, without_ms = share(audited.took_ms, 50), share(usual.took_ms, 50)
    return [
        Figure(f"{name}: what the audit adds to a look's CPU time", more, "%", COST_PERCENT,
               f"API {median(audited.api_ms):.2f} ms and backends {median(audited.backends_ms):.2f} ms,"
               f" {median(usual.api_ms):.2f} and {median(usual.backends_ms):.2f} ms without it"),
        Figure(f"{name}: what it adds to the wait, p50", with_ms - without_ms, "ms", None,
               f"{with_ms:.2f} ms, {without_ms:.2f} ms without it"),
    ]  # fmt: skip


def _compare(connection: psycopg.Connection, url: str, token: str) -> tuple[Looked, Looked]:
    audited, usual = Looked(), Looked()
    for turn in range(TURNS + 1):
        for looked, headers in ((audited, {}), (usual, {UNAUDITED: "yes"})):
            before_ms = _backends_ms(connection)
            took_ms, api_ms = _looks(url, {"Authorization": f"Bearer {token}", **headers})
            if turn:  # the first one makes everything ready
                looked.took_ms += took_ms
                looked.api_ms.append(api_ms / LOOKS_A_TURN)
                looked.backends_ms.append((_backends_ms(connection) - before_ms) / LOOKS_A_TURN)
    return audited, usual


def _backends_ms(connection: psycopg.Connection) -> float:
    """CPU time of the API's backends so far, in ms."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
    stats = [Path(f"/proc/{pid}/schedstat").read_text() for (pid,) in connection.execute(query, (NAME,))]
    return sum(int(stat.split()[0]) for stat in stats) / 1e6


def _looks(url: str, headers: Mapping[str, str]) -> tuple[list[float], float]:
    """Milliseconds of each look, and of the API's CPU time for all of them."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    took_ms, used_ms = [], []
    for _ in range(LOOKS_A_TURN + 1):
        began_s = time.monotonic()
        connection.request("GET", place.path, headers=dict(headers))
        answer = connection.getresponse()
        answer.read()
        took_ms.append(1000 * (time.monotonic() - began_s))
        if answer.status != 200:
            raise BenchmarkError(f"{place.path} answered {answer.status}")
        used_ms.append(float(answer.headers[CPU_MS]))
    connection.close()
    return took_ms[1:], used_ms[-1] - used_ms[0]
