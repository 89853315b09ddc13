"""One experiment: homes under load, a fault in its midst, what it took to recover, and the verdict."""

import math
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final
from uuid import UUID

import psycopg

from monitoring.clock import utc_now
from monitoring.intake.stream import AWAY, connect, read_backlog
from tests.chaos.faults import Fault
from tests.chaos.found import find
from tests.chaos.homes import Admissions, Home
from tests.chaos.load import Load, Sent
from tests.chaos.up import Up
from tests.chaos.verdict import Verdict, judge
from tests.monitoring.embedded.processes import eventually

RECOVERY_MAX_S: Final = 120.0
POLL_S: Final = 0.1
STREAMS: Final = 1


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from when it could begin until each works again; infinite where it didn't within two minutes."""

    readings_s: float = math.inf  # a set taken after the fault is stored
    alerts_s: float = math.inf  # everybody who is ill has an alert
    healthy_s: float = math.inf  # the API calls every part well


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one experiment showed."""

    fault: str
    sent: list[Sent]
    answers: dict[str, int]
    gap_s: float
    recovery: Recovery
    verdict: Verdict
    wrong: list[str]  # with answers, sets or alerts; empty where all is well


def experiment(up: Up, admissions: Admissions, fault: Fault, rng: Random, *, homes: int = 12) -> Outcome:
    """Strike once. A third of the patients falls ill just before, a third just after; the others stay well.

    Half of the former become worse after it.
    """
    people = admissions.admit(homes)
    up.ready()
    before, after = people[: homes // 3], people[homes // 3 : 2 * homes // 3]
    load = Load(up.url, people, rng)
    with load:
        enough = rng.randint(2 * homes, 8 * homes)
        eventually(lambda: load.promises >= enough, RECOVERY_MAX_S)
        for home in before:
            home.stage = 1
        eventually(lambda: load.promises >= enough + homes // 2, RECOVERY_MAX_S)
        with fault.strike(up, rng) as struck_s:
            since = utc_now()
            for home in (*after, *before[::2]):
                home.stage = 2
            recovery = _watch(up, people, [*before, *after], since, struck_s)
    eventually(lambda: is_empty(up), within_s=RECOVERY_MAX_S)
    verdict = verdict_on(up, load.sent)
    return Outcome(fault.name, load.sent, dict(load.answers), load.gap_s, recovery, verdict, load.wrong + verdict.wrong)


def verdict_on(up: Up, sent: Sequence[Sent]) -> Verdict:
    """What was sent held against what is stored."""
    with up.connect() as connection:
        return judge(sent, find(connection, {one.device for one in sent}, {one.patient for one in sent}))


def is_empty(up: Up) -> bool:
    """Whether nothing waits in the queue any more."""
    with suppress(FileNotFoundError, *AWAY), connect(up.installation.queue_url) as client:
        return read_backlog(client, STREAMS).entries == 0
    return False


def _watch(up: Up, homes: Sequence[Home], ill: Sequence[Home], since: datetime, struck_s: float) -> Recovery:
    """Look again and again until readings, alerts and the API's opinion of itself are as they should be."""
    devices, patients = [home.device for home in homes], {home.patient for home in ill}
    marks: dict[str, float] = {}
    looks = {
        "readings_s": lambda: _flow(up, devices, since),
        "alerts_s": lambda: _alerted(up, patients) == patients,
        "healthy_s": up.is_healthy,
    }
    while len(marks) < len(looks) and time.monotonic() < struck_s + RECOVERY_MAX_S:
        for name, is_well in looks.items():
            if name not in marks and is_well():
                marks[name] = time.monotonic() - struck_s
        time.sleep(POLL_S)
    return Recovery(**marks)


def _flow(up: Up, devices: Sequence[UUID], since: datetime) -> bool:
    query = (
        "SELECT EXISTS (SELECT FROM reading JOIN device ON device.id = reading.source"
        " WHERE device.public_id = ANY(%s) AND received_at > %s)"
    )
    with suppress(FileNotFoundError, psycopg.OperationalError), up.connect() as connection:
        return connection.execute(query, (devices, since)).fetchone() == (True,)
    return False


def _alerted(up: Up, patients: Collection[UUID]) -> set[UUID]:
    query = (
        "SELECT patient.public_id FROM alert JOIN patient ON patient.id = alert.patient_id"
        " WHERE patient.public_id = ANY(%s)"
    )
    with suppress(FileNotFoundError, psycopg.OperationalError), up.connect() as connection:
        return {patient for (patient,) in connection.execute(query, (list(patients),))}
    return set()
