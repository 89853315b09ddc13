"""From an alert until somebody is told: one by one, three hundred at once, and ten thousand ladders due at once."""

import http.client
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from monitoring.clock import utc_now
from monitoring.config import PREFIX
from tests.benchmarks import up
from tests.benchmarks.figures import BenchmarkError, Figure, Target, share
from tests.benchmarks.live import AFTER_S, body_of
from tests.benchmarks.measure import Bench
from tests.benchmarks.posting import ROUTE
from tests.benchmarks.seeding import FIRST_KEY, add_staff, forget, token_of
from tests.benchmarks.up import Up
from tests.receivers import Receiver, receiving
from tests.ward import VERY_SICK

P50_MS: Final = Target(must=30, aim=15)
P99_MS: Final = Target(must=1_000, aim=100)
BURST_S: Final = Target(must=5, aim=2)
FIRED_S: Final = Target(must=10, aim=5)
TIMER_MS: Final = Target(must=1_000, aim=100)
BURST: Final = 300
PAGERS: Final = 5
DUE_AT_ONCE: Final = 10_000
SPREAD: Final = 1_000  # ladders, due over `SPREAD_S`
SPREAD_S: Final = 10.0
SICK_PER_S: Final = 15
WAIT_S_MAX: Final = 60.0
ALLOWED: Final = {f"{PREFIX}WEBHOOK_ALLOW_PRIVATE": "true"}

_DUE: Final = """
INSERT INTO escalation (alert_id, severity, ladder, version, no_hospital, run, step, repeats, asked, due_at)
SELECT id, severity, '[{"tell": "coordinator", "wait_s": 900}, {"tell": "fallback", "wait_s": 600}]', 'bench',
       false, 1, 0, 0, 0, %(due)s + random() * %(spread)s * interval '1 second'
FROM alert WHERE kind = 'concern' AND patient_id >= %(first)s AND patient_id < %(last)s
"""
_OPEN: Final = """
INSERT INTO alert (public_id, patient_id, episode_id, ward_id, kind, severity, state, raised_at, reasons, why, basis,
                   version)
SELECT gen_random_uuid(), patient_id, id, ward_id, 'concern', 3, 'open', %(now)s, '[]', '{}', '{}', 1
FROM episode WHERE patient_id >= %(first)s AND patient_id < %(last)s AND discharged_at IS NULL
"""
_QUIET: Final = "UPDATE escalation SET due_at = NULL; UPDATE message SET state = 'cancelled' WHERE state = 'pending'"


def take(bench: Bench) -> list[Figure]:
    """On the seeded house, with its clinicians' pagers served by this process."""
    bench.house.make()
    with receiving() as receiver, up.running(bench.house.data, environment=ALLOWED) as running:
        add_staff(running, "coordinator")
        for _ in range(PAGERS):
            add_staff(running, "clinician")
        with running.owner() as connection:
            forget(connection, utc_now())
            connection.execute("DELETE FROM escalation")
            _give_pagers(connection, receiver)
            bench.say(f"{bench.scale.sick} sick patients, one after the other")
            single_ms = _one_by_one(running, connection, receiver, bench.scale.sick)
            bench.say(f"{BURST} sick patients at once")
            burst_s = _burst(running, connection, receiver, bench.scale.sick)
            connection.execute(_QUIET)
            told = bench.scale.sick + BURST
            count = min(DUE_AT_ONCE, (bench.scale.patients - told) // 2)
            bench.say(f"{count:,} ladders due at once, then {SPREAD:,} one by one")
            first = FIRST_KEY + told
            fired_s = _due_at_once(connection, first, count, spread_s=0)
            late_ms = _timer_errors(connection, first + count, min(SPREAD, count))
            connection.execute(_QUIET)
    beside = (
        f"from the alert's own instant, before its commit; {len(single_ms)} alerts, longest {max(single_ms):.0f} ms"
    )
    return [
        Figure("alert to first webhook received, p50", share(single_ms, 50), "ms", P50_MS, beside),
        Figure("alert to first webhook received, p99", share(single_ms, 99), "ms", P99_MS, beside),
        Figure(f"{BURST} alerts at once, the last first step received", burst_s, "s", BURST_S,
               f"to {PAGERS} pagers, one by one each; none refused"),
        Figure(f"{count:,} ladders due at once, the last one fired", fired_s, "s", FIRED_S, "one timekeeper"),
        Figure("timer error, p99", share(late_ms, 99), "ms", TIMER_MS, f"{len(late_ms):,} ladders over {SPREAD_S:g} s"),
    ]  # fmt: skip


def _give_pagers(connection: psycopg.Connection, receiver: Receiver) -> None:
    """A member of staff for each pager: of so many wards each, so that each alert is told to one."""
    connection.execute(
        "UPDATE staff SET wards ="
        " (SELECT array_agg(code) FROM ward WHERE ward.id %% %(pagers)s = staff.id %% %(pagers)s)"
        " WHERE role = 'clinician'",
        {"pagers": PAGERS},
    )
    connection.execute(
        'INSERT INTO contact (staff_id, place, by, "to", secrets, recorded_at)'
        " SELECT id, 0, 'webhook', %(url)s || id, '[\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]', created_at"
        " FROM staff WHERE role = 'clinician'",
        {"url": receiver.url("pager-")},
    )


def _one_by_one(running: Up, connection: psycopg.Connection, receiver: Receiver, count: int) -> list[float]:
    """Each at a random moment of the timekeeper's wait. Milliseconds from the alert to the webhook."""
    rng = Random(2026)
    before = len(receiver.calls)
    for number in range(count):
        time.sleep(rng.random() * 2 / SICK_PER_S)
        _post(running, number)
    _wait(lambda: len(receiver.calls) >= before + count, f"{count} webhooks")
    return _after_alert_ms(connection, receiver, range(FIRST_KEY, FIRST_KEY + count))[1:]  # the first loads what sends


def _burst(running: Up, connection: psycopg.Connection, receiver: Receiver, first: int) -> float:
    """Seconds from the first of many posts at once until the last of their alerts reached its pager."""
    before = len(receiver.calls)
    began_s = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: _post(running, number), range(first, first + BURST)))
    _wait(lambda: len(receiver.calls) >= before + BURST, f"{BURST} webhooks")
    heard = _after_alert_ms(connection, receiver, range(FIRST_KEY + first, FIRST_KEY + first + BURST))
    if len(heard) != BURST:
        raise BenchmarkError(f"{len(heard)} of {BURST} alerts were told")
    return max(call.at_s for call in receiver.calls) - began_s


def _after_alert_ms(connection: psycopg.Connection, receiver: Receiver, patients: range) -> list[float]:
    """From each alert's instant to its webhook, in order of the alerts."""
    wall_s = utc_now().timestamp() - time.monotonic()
    heard: dict[str, float] = {}
    for call in receiver.calls:
        heard.setdefault(call.id.removeprefix("msg_"), call.at_s + wall_s)
    rows: Sequence[tuple[str, datetime]] = connection.execute(
        "SELECT message.public_id::text, alert.raised_at FROM message JOIN alert ON alert.id = message.alert_id"
        " WHERE alert.patient_id >= %s AND alert.patient_id < %s AND alert.kind = 'deterioration' ORDER BY alert.id",
        (patients.start, patients.stop),
    ).fetchall()
    by_id = {key.replace("-", ""): at for key, at in heard.items()}
    return [1000 * (by_id[message.replace("-", "")] - raised.timestamp()) for message, raised in rows]


def _due_at_once(connection: psycopg.Connection, first: int, count: int, *, spread_s: float) -> float:
    """Seconds from the instant at which so many ladders are due until the last of them is fired."""
    values: dict[str, Any] = {"now": utc_now(), "first": first, "last": first + count, "spread": spread_s}
    connection.execute(_OPEN, values)
    due = utc_now() + timedelta(seconds=3)
    made = connection.execute(_DUE, values | {"due": due}).rowcount
    if made != count:
        raise BenchmarkError(f"{made} ladders were made, not {count}")
    taken = "SELECT count(DISTINCT alert_id), max(ladder_step.at) FROM ladder_step JOIN alert ON alert.id = alert_id" \
            " WHERE patient_id >= %(first)s AND patient_id < %(last)s"  # fmt: skip
    began_s = time.monotonic()
    while (row := connection.execute(taken, values).fetchone()) is None or row[0] < count:
        if time.monotonic() - began_s > WAIT_S_MAX:
            raise BenchmarkError(f"{row and row[0]} of {count} ladders were fired within {WAIT_S_MAX:g} s")
        time.sleep(0.2)
    return max(0.0, (utc_now() - due).total_seconds())


def _timer_errors(connection: psycopg.Connection, first: int, count: int) -> list[float]:
    _due_at_once(connection, first, count, spread_s=SPREAD_S)
    rows = connection.execute(
        "SELECT 1000 * extract(epoch FROM min(step.at) - min(step.due_at)) FROM ladder_step step"
        " JOIN alert ON alert.id = alert_id WHERE patient_id >= %s AND patient_id < %s GROUP BY alert_id",
        (first, first + count),
    ).fetchall()
    return [float(late) for (late,) in rows]


def _post(running: Up, number: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=AFTER_S)
    headers = {"Authorization": f"Bearer {token_of(number)}", "Content-Type": "application/json"}
    connection.request("POST", ROUTE, body_of(f"sick-{number}", VERY_SICK), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 202:
        raise BenchmarkError(f"a sick patient's set was answered {answer.status}")


def _wait(came: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S_MAX
    while not came():
        if time.monotonic() > deadline_s:
            raise BenchmarkError(f"{what} did not come within {WAIT_S_MAX:g} s")
        time.sleep(0.005)
