"""One experiment: homes under load, a fault in its midst, what it took to recover, and the verdict."""

import json
import math
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

import psycopg

from monitoring.clock import utc_now
from monitoring.intake.clients import connect
from monitoring.intake.stream import AWAY, read_backlog
from tests.chaos.faults import Fault
from tests.chaos.found import find
from tests.chaos.found_care import find_care, is_settled, never_taken
from tests.chaos.grounds import Ground
from tests.chaos.homes import Admissions, Home
from tests.chaos.load import Load, Sent
from tests.chaos.staff import Promised, Staff
from tests.chaos.up import Up
from tests.chaos.verdict import Verdict, judge
from tests.chaos.verdict_care import Unsure, faults_of_chain, judge_care
from tests.monitoring.embedded.processes import eventually

RECOVERY_MAX_S: Final = 120.0
POLL_S: Final = 0.1
STREAMS: Final = 1
FORGETS: Final = timedelta(seconds=1)
"""How much of the last looks a database server may forget that is killed (docs/decisions/0013)."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from when it could begin until each works again; infinite where it didn't within two minutes."""

    readings_s: float = math.inf  # a set taken after the fault is stored
    alerts_s: float = math.inf  # everybody who is ill has an alert
    healthy_s: float = math.inf  # the API calls every part well


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one experiment showed."""

    fault: Fault
    sent: list[Sent]
    promised: Promised
    unsure: Unsure | None
    answers: dict[str, int]
    gap_s: float
    recovery: Recovery
    verdict: Verdict
    wrong: list[str]  # with answers, sets or alerts; empty where all is well


def experiment(ground: Ground, admissions: Admissions, fault: Fault, rng: Random, *, homes: int = 12) -> Outcome:
    """Strike once. A third of the patients falls ill just before, a third just after; the others stay well.

    Half of the former become worse after it, and of some of the others the alert is answered. Meanwhile the staff look,
    admit and discharge.
    """
    up = ground.up
    people = admissions.admit(homes)
    ward = admissions.open_ward()
    up.ready()
    before, after = people[: homes // 3], people[homes // 3 : 2 * homes // 3]
    ground.well[:] = people[2 * homes // 3 :]
    load = Load(up.url, people, rng)
    staff = Staff(up.url, admissions.token, ward, people)
    with load, staff:
        enough = rng.randint(2 * homes, 8 * homes)
        eventually(lambda: load.promises >= enough, RECOVERY_MAX_S)
        for home in before:
            home.stage = 1
        eventually(lambda: load.promises >= enough + homes // 2, RECOVERY_MAX_S)
        staff.answer(before[1::4])
        struck_at = utc_now()
        with fault.strike(ground, rng) as struck_s:
            since = utc_now()
            for home in (*after, *before[::2]):
                home.stage = 2
            recovery = _watch(up, people, [*before, *after], since, struck_s)
    eventually(lambda: is_empty(up) and _is_settled(up), within_s=RECOVERY_MAX_S)
    unsure = Unsure(struck_at - FORGETS, since + FORGETS) if fault.forgets_looks else None
    verdict = verdict_on(up, admissions, load.sent, staff.promised, unsure)
    wrong = [*load.wrong, *staff.wrong, *verdict.wrong]
    return Outcome(fault, load.sent, staff.promised, unsure, dict(load.answers), load.gap_s, recovery, verdict, wrong)


def verdict_on(
    up: Up, admissions: Admissions, sent: Sequence[Sent], promised: Promised, unsure: Unsure | None = None
) -> Verdict:
    """What was promised held against what is there."""
    devices, patients = {one.device for one in sent}, {one.patient for one in sent}
    occupied = admissions.occupied(promised.ward)
    with up.connect() as connection:
        found = find(connection, devices, patients)
        care = find_care(connection, patients, promised, admissions.pager.calls, occupied, utc_now())
    readings = judge(sent, found, promised)
    counts, wrong = judge_care(promised, found.alerts, care, unsure)
    return Verdict({**readings.counts, **counts}, [*readings.wrong, *wrong])


def faults_at_the_end(up: Up, admissions: Admissions, outcomes: Sequence[Outcome]) -> list[str]:
    """What every experiment left, once more: a later fault must not have touched it. And the audit's chain."""
    eventually(lambda: _is_settled(up), within_s=RECOVERY_MAX_S)
    wrong = []
    for one in outcomes:
        wrong += verdict_on(up, admissions, one.sent, one.promised, one.unsure).wrong
    with up.connect() as connection:
        wrong += [f"told of a step that nobody took: {one}" for one in never_taken(connection, admissions.pager.calls)]
    chain = json.loads(up.command("audit", "verify", exit_status=None))
    return [*wrong, *faults_of_chain(chain)]


def is_empty(up: Up) -> bool:
    """Whether nothing waits in the queue any more."""
    with suppress(FileNotFoundError, *AWAY), connect(up.installation.queue_url) as client:
        return read_backlog(client, STREAMS).entries == 0
    return False


def _is_settled(up: Up) -> bool:
    with suppress(FileNotFoundError, psycopg.OperationalError), up.connect() as connection:
        return is_settled(connection)
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
