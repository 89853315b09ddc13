"""From the commit of a message until its webhook stands whole at the receiver, one by one and in a burst."""

import time
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Final

from sqlalchemy import Engine

from monitoring.clock import utc_now
from monitoring.config import PREFIX
from monitoring.database import make_engine, transaction
from monitoring.delivery.outbox import NewMessage, Way, put
from monitoring.escalation.tables import By
from tests.benchmarks import up
from tests.benchmarks.figures import BenchmarkError, Figure, Target, share
from tests.benchmarks.measure import Bench
from tests.receivers import Receiver, receiving

P50_MS: Final = Target(must=30, aim=10)
P99_MS: Final = Target(must=1_000, aim=100)
BURST_S: Final = Target(must=5, aim=2)
MEMORY_MB: Final = Target(must=20, aim=5)
BURST: Final = 300
ADDRESSES: Final = 5  # "a handful": each is told one by one
EVERY_S: Final = 0.05
WAIT_S_MAX: Final = 30.0
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ALLOWED: Final = {f"{PREFIX}WEBHOOK_ALLOW_PRIVATE": "true"}


def take(bench: Bench) -> list[Figure]:
    """Beside `up` with its defaults, on a folder of its own; the receiver is a plain server in this process."""
    folder = bench.house.folder / "paging"
    with receiving() as receiver, up.running(folder, environment=ALLOWED) as running:
        before_mb = running.pss_mb()["timekeeper"]
        engine = make_engine(running.installation.owner_url)
        bench.say(f"{bench.scale.sick} messages one by one, then {BURST} at once to {ADDRESSES} addresses")
        single_ms = _one_by_one(engine, receiver, bench.scale.sick)
        burst_s = _burst(engine, receiver)
        engine.dispose()
        grown_mb = running.pss_mb()["timekeeper"] - before_mb
    ids = [call.id for call in receiver.calls]
    if len(ids) != len(set(ids)):
        raise BenchmarkError("a message was sent twice")
    beside = f"{len(single_ms)} messages, signed; longest {max(single_ms):.0f} ms"
    return [
        Figure("message committed to webhook received, p50", share(single_ms, 50), "ms", P50_MS, beside),
        Figure("message committed to webhook received, p99", share(single_ms, 99), "ms", P99_MS, beside),
        Figure(f"{BURST} messages at once, the last received", max(burst_s), "s", BURST_S,
               f"to {ADDRESSES} addresses, one by one each; half of them within {share(burst_s, 50):.2f} s"),
        Figure("what delivering adds to the timekeeper", grown_mb, "MB", MEMORY_MB, "after its first webhooks"),
    ]  # fmt: skip


def _one_by_one(engine: Engine, receiver: Receiver, count: int) -> list[float]:
    """Each to an address of its own, at a random moment of the deliverer's wait. Milliseconds."""
    rng = Random(2026)
    took_ms = []
    for number in range(count + 1):
        time.sleep(EVERY_S * (0.5 + rng.random()))
        committed_s = _put(engine, [_message(receiver.url(f"one-{number}"))])
        _wait(lambda: len(receiver.calls) > number)  # noqa: B023 - awaited at once
        took_ms.append(1000 * (receiver.calls[-1].at_s - committed_s))
    return took_ms[1:]  # the first one loads what sends it


def _burst(engine: Engine, receiver: Receiver) -> list[float]:
    """When each of many at once was received, in seconds after their commit."""
    before = len(receiver.calls)
    committed_s = _put(engine, [_message(receiver.url(f"burst-{number % ADDRESSES}")) for number in range(BURST)])
    _wait(lambda: len(receiver.calls) >= before + BURST)
    return [call.at_s - committed_s for call in receiver.calls[before:]]


def _put(engine: Engine, messages: list[NewMessage]) -> float:
    with transaction(engine) as session:
        put(session, messages, utc_now())
    return time.monotonic()


def _message(url: str) -> NewMessage:
    now = utc_now()
    body = {"type": "escalation.step", "timestamp": now.isoformat(), "data": {"ward": "RESP1", "severity": "red"}}
    return NewMessage([Way(By.WEBHOOK, url, (SECRET,))], body, severity=3, give_up_at=now + timedelta(minutes=15))


def _wait(came: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S_MAX
    while not came():
        if time.monotonic() > deadline_s:
            raise BenchmarkError(f"not everything was received within {WAIT_S_MAX:g} s")
        time.sleep(0.001)
