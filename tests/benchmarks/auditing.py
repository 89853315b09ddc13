"""What the audit costs whoever looks: one API process with it and without it, turn by turn.

The read path is what a clinician opens one after the other: the board, an alert, its chart, the patient. Two looks at
the API stand beside it, a board and the cheapest look there is.

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
from tests.benchmarks.board import post_a_day
from tests.benchmarks.figures import BenchmarkError, Figure, Target, share
from tests.benchmarks.looking import CPU_MS, UNAUDITED
from tests.benchmarks.measure import Bench
from tests.benchmarks.posting import DRAIN_S_MAX
from tests.benchmarks.seeding import FIRST_KEY, add_staff, forget
from tests.benchmarks.up import Up

COST_PERCENT: Final = Target(must=10, aim=5)
TURNS: Final = 60
LOOKS_A_TURN: Final = 40
PAGES_A_TURN: Final = 8
NAME: Final = "looking"
ROUND: Final = {
    "the board's page": "/wards/{ward}",
    "the alert's page": "/alerts/{alert}",
    "its chart": "/v1/patients/{patient}/chart.svg",
    "the patient's page": "/patients/{patient}",
}
ALONE: Final = {"a board at the API": "/v1/wards/{ward}/board", "one patient at the API": "/v1/patients/{patient}"}


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
    """A ward of fifty with a day's readings, one in ten with an alert; each look again and again."""
    with bench.house.open() as up:
        token = add_staff(up, "clinician")
        with up.owner() as connection:
            forget(connection, utc_now())
            place = _ward_with_alerts(up, connection)
        with _serving(up) as url, up.owner() as connection:
            found: dict[str, tuple[Looked, Looked]] = {}
            for name, path in (ROUND | ALONE).items():
                looks = PAGES_A_TURN if name in ROUND else LOOKS_A_TURN
                bench.say(f"{name}: {TURNS} times {looks} looks, with and without")
                found[name] = _compare(connection, url + path.format(**place), token, looks)
    audited = sum(found[name][0].cpu_ms for name in ROUND)
    usual = sum(found[name][1].cpu_ms for name in ROUND)
    parts = ", ".join(f"{name} {found[name][0].cpu_ms:.1f}" for name in ROUND)
    beside = f"{audited:.2f} ms, {usual:.2f} ms without it: {parts}"
    percent = 100 * (audited / usual - 1)
    round_ = Figure("a clinician's round: what the audit adds to its CPU time", percent, "%", COST_PERCENT, beside)
    return [round_, *(figure for name in ALONE for figure in _figures(name, *found[name]))]


def _ward_with_alerts(up: Up, connection: psycopg.Connection) -> dict[str, str]:
    """A day's sets of everybody on the first ward: its code, an alert, and whose it is."""
    rows = connection.execute(_EPISODES, {"first": FIRST_KEY}).fetchall()
    post_a_day(up, [key - FIRST_KEY for (key,) in rows])
    up.wait_until_drained(DRAIN_S_MAX)
    row = connection.execute(_PLACE).fetchone()
    if row is None:
        raise BenchmarkError("nobody has an alert")
    return dict(zip(("patient", "ward", "alert"), row, strict=True))


def _serving(up: Up) -> AbstractContextManager[str]:
    """An API whose backends are known by its name."""
    installation = up.installation
    database = f"{installation.database_url}&application_name={NAME}"
    return serving("tests.benchmarks.looking", database, installation.queue_url)


_EPISODES: Final = """
SELECT id FROM episode WHERE id >= %(first)s AND ward_id = (SELECT ward_id FROM episode WHERE id = %(first)s)
"""
_PLACE: Final = """
SELECT patient.public_id::text, ward.code, alert.public_id::text FROM alert
JOIN patient ON patient.id = alert.patient_id JOIN ward ON ward.id = alert.ward_id ORDER BY alert.id DESC LIMIT 1
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


def _compare(connection: psycopg.Connection, url: str, token: str, looks: int) -> tuple[Looked, Looked]:
    audited, usual = Looked(), Looked()
    for turn in range(TURNS + 1):
        for looked, headers in ((audited, {}), (usual, {UNAUDITED: "yes"})):
            before_ms = _backends_ms(connection)
            took_ms, api_ms = _looks(url, {"Authorization": f"Bearer {token}", **headers}, looks)
            if turn:  # the first one makes everything ready
                looked.took_ms += took_ms
                looked.api_ms.append(api_ms / looks)
                looked.backends_ms.append((_backends_ms(connection) - before_ms) / looks)
    return audited, usual


def _backends_ms(connection: psycopg.Connection) -> float:
    """CPU time of the API's backends so far, in ms."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
    stats = [Path(f"/proc/{pid}/schedstat").read_text() for (pid,) in connection.execute(query, (NAME,))]
    return sum(int(stat.split()[0]) for stat in stats) / 1e6


def _looks(url: str, headers: Mapping[str, str], looks: int) -> tuple[list[float], float]:
    """Milliseconds of each look, and of the API's CPU time for all of them."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    took_ms, used_ms = [], []
    for _ in range(looks + 1):
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
