"""From just before a sick patient's set is posted until the line of its alert is read on `/v1/live`."""

import http.client
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from random import Random
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from monitoring.clock import utc_now
from tests.benchmarks import wrk
from tests.benchmarks.figures import BenchmarkError, Figure, Target, share
from tests.benchmarks.measure import Bench
from tests.benchmarks.posting import DRAIN_S_MAX, ROUTE
from tests.benchmarks.seeding import FIRST_KEY, add_staff, forget, token_of
from tests.benchmarks.up import Up
from tests.ward import VERY_SICK, WELL

P50_MS: Final = Target(must=60, aim=20)
P99_MS: Final = Target(must=500, aim=150)
BACKGROUND_PER_S: Final = 300
SICK_PER_S: Final = 15
WARM_S: Final = 3.0
AFTER_S: Final = 10.0  # how long the last alerts may take


class Ear:
    """One client of `/v1/live`, and when it read the first alert of each patient, on the monotonic clock."""

    def __init__(self, url: str, token: str) -> None:
        self.heard: dict[str, float] = {}
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=AFTER_S * 3)
        self._connection.request("GET", "/v1/live", headers={"Authorization": f"Bearer {token}"})
        self._response = self._connection.getresponse()
        if self._response.status != 200:
            raise BenchmarkError(f"/v1/live answered {self._response.status}")
        self._response.readline()  # it has begun

    def listen(self) -> None:
        """Read until the connection ends."""
        is_alert = False
        with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):  # hung up by `close`
            while line := self._response.readline():
                read_s = time.monotonic()
                if line.startswith(b"event: "):
                    is_alert = line == b"event: alert\n"
                elif is_alert and line.startswith(b"data: "):
                    self.heard.setdefault(msgspec.json.decode(line[6:])["patient"], read_s)

    def close(self) -> None:
        """Hang up."""
        if (sock := self._connection.sock) is not None:
            sock.close()
        self._response.close()


def take(bench: Bench) -> list[Figure]:
    """Well patients in the background at a steady rate, sick ones one after the other at random moments."""
    sick = bench.scale.sick
    with bench.house.open() as up:
        token = add_staff(up, "clinician")
        with up.owner() as connection:
            forget(connection, utc_now())
            patients = public_ids(connection, range(sick))
        seconds = sick / SICK_PER_S + WARM_S
        posts = int(BACKGROUND_PER_S * seconds)
        others = len(bench.house.patients) - sick
        file = bench.house.write((sick + n % others, body_of(f"well-{n}", WELL)) for n in range(posts))
        bench.say(f"{sick} sick patients beside {BACKGROUND_PER_S} sets/s, {seconds:.0f} s")
        with _listening(Ear(up.url, token)) as ear, wrk.posting(up.url + ROUTE, file, rate=BACKGROUND_PER_S) as load:
            time.sleep(WARM_S)
            sent = _post_sick(up, patients)
            background = wrk.result(load, expected=posts)
            _wait_for(ear, patients)
        up.wait_until_drained(DRAIN_S_MAX)
    lost = [patient for patient in patients if patient not in ear.heard]
    if lost:
        raise BenchmarkError(f"{len(lost)} of {sick} alerts were not seen on /v1/live")
    took_ms = [1000 * (ear.heard[patient] - sent[patient]) for patient in patients]
    beside = f"{sick} alerts beside {background.rate:.0f} sets/s; longest {max(took_ms):.0f} ms"
    return [
        Figure("POST to alert on /v1/live, p50", share(took_ms, 50), "ms", P50_MS, beside),
        Figure("POST to alert on /v1/live, p99", share(took_ms, 99), "ms", P99_MS, beside),
    ]


def _post_sick(up: Up, patients: Sequence[str]) -> dict[str, float]:
    """Each at its own moment, whether or not the one before was seen. Returns when each was sent."""
    connection = http.client.HTTPConnection(urlsplit(up.url).netloc, timeout=AFTER_S)
    rng = Random(2026)
    began_s = time.monotonic()
    sent: dict[str, float] = {}
    for number, patient in enumerate(patients):
        due_s = began_s + (number + rng.random()) / SICK_PER_S
        time.sleep(max(0.0, due_s - time.monotonic()))
        headers = {"Authorization": f"Bearer {token_of(number)}", "Content-Type": "application/json"}
        body = body_of(f"sick-{number}", VERY_SICK)
        sent[patient] = time.monotonic()
        connection.request("POST", ROUTE, body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 202:
            raise BenchmarkError(f"a sick patient's set was answered {answer.status}")
    connection.close()
    return sent


@contextmanager
def _listening(ear: Ear) -> Iterator[Ear]:
    thread = Thread(target=ear.listen, daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        ear.close()
        thread.join(timeout=AFTER_S)


def _wait_for(ear: Ear, patients: Sequence[str]) -> None:
    deadline_s = time.monotonic() + AFTER_S
    while time.monotonic() < deadline_s and any(patient not in ear.heard for patient in patients):
        time.sleep(0.05)


def public_ids(connection: Any, numbers: Iterable[int]) -> list[str]:
    """The patients of those numbers, as the API names them."""
    keys = [FIRST_KEY + number for number in numbers]
    query = "SELECT public_id::text FROM patient WHERE id = ANY(%s) ORDER BY array_position(%s, id)"
    return [patient for (patient,) in connection.execute(query, (keys, keys))]


def body_of(own_id: str, vitals: dict[str, Any]) -> bytes:
    """A set taken now, with an id of its own."""
    return msgspec.json.encode({"id": f"{own_id}-{utc_now().timestamp():.6f}", "taken_at": utc_now(), **vitals})
