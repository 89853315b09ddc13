"""The timekeeper: a loop that compares stored deadlines with the time, and knows nothing else.

`python -m workers.timekeeper`. Any number may run on any number of machines: what is due is claimed row by row, and
doing it twice is safe. One thing that fails never stops the others.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from prometheus_client import start_http_server
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from monitoring.audit.chain import signer
from monitoring.audit.sealing import seal
from monitoring.clock import utc_now
from monitoring.config import Settings, read_settings
from monitoring.database import DATABASE_ERRORS, make_engine
from monitoring.heartbeat import Pulse
from monitoring.intake.clients import connect
from monitoring.intake.stream import ring_once, stream_name
from monitoring.lean import resume_collecting
from monitoring.logs import configure
from monitoring.metrics import TICK_FAILURES
from monitoring.schema import wait_for_schema
from monitoring.tracing.spans import tracing
from monitoring.watching.watcher import watching
from workers.deliver import Deliverer
from workers.fallbacks import prove_fallbacks
from workers.handovers import lapse_handovers
from workers.holds import expire_holds
from workers.housekeeping import forget_old, forget_ways, make_coming_months
from workers.kit import watch_kit
from workers.ladders import keep as keep_ladders
from workers.mishaps import CULPRITS, described
from workers.overdue import raise_overdue
from workers.planned_beds import tell_planned_beds
from workers.prompts import ask_by_sms, raise_unrepeated
from workers.releases import queue_again
from workers.sepsis import watch_sepsis
from workers.settling import Settling, settle
from workers.snapshots import take_sitreps
from workers.ucr_clock import watch_ucr

log = structlog.get_logger()
TICK_S = 0.25
STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Post:
    """Where the timekeeper stands: what every task is given."""

    engine: Engine
    queue: Redis
    settings: Settings
    pulse: Pulse


@dataclass(slots=True)
class Task:
    """Something to do again and again, and when it is next."""

    name: str
    every: timedelta
    do: Callable[[Post, datetime], object]
    next_at: datetime | None = field(default=None)


def tasks() -> list[Task]:
    """All that the timekeeper does. A task leaves nothing half done: each is a transaction or several."""
    settling = Settling()
    return [
        Task(
            "heartbeat",
            timedelta(seconds=2),
            lambda post, now: post.pulse.beat(now),
        ),
        Task("ring", timedelta(seconds=0.5), ring_again),
        Task(
            "releases", timedelta(seconds=5), lambda post, now: queue_again(post.engine, post.queue, post.settings, now)
        ),
        Task("overdue", timedelta(seconds=1), lambda post, now: raise_overdue(post.engine, now)),
        Task("repeats", timedelta(seconds=1), lambda post, now: raise_unrepeated(post.engine, now)),
        Task("prompts", timedelta(seconds=1), lambda post, now: ask_by_sms(post.engine, now)),
        Task("kit", timedelta(minutes=1), lambda post, now: watch_kit(post.engine, now)),
        Task("holds", timedelta(seconds=1), lambda post, now: expire_holds(post.engine, now)),
        Task("fallbacks", timedelta(minutes=1), lambda post, now: prove_fallbacks(post.engine, post.settings, now)),
        Task("handovers", timedelta(seconds=1), lambda post, now: lapse_handovers(post.engine, now)),
        Task("sepsis", timedelta(seconds=1), lambda post, now: watch_sepsis(post.engine, now)),
        Task("ucr", timedelta(seconds=1), lambda post, now: watch_ucr(post.engine, now)),
        Task("planned beds", timedelta(seconds=1), lambda post, now: tell_planned_beds(post.engine, now)),
        Task("sitrep", timedelta(seconds=10), lambda post, now: take_sitreps(post.engine, now)),
        Task("months", timedelta(hours=6), lambda post, now: make_coming_months(post.engine, now)),
        Task("settle", timedelta(seconds=1), lambda post, _: settle(post.engine, settling)),
        Task(
            "seal",
            timedelta(seconds=1),
            lambda post, now: seal(post.engine, signer(post.settings.audit_signing_key), now),
        ),
        Task("forget", timedelta(minutes=10), lambda post, now: forget_old(post.engine, now)),
        Task("forget_ways", timedelta(minutes=1), lambda post, now: forget_ways(post.engine, now)),
    ]


def tick(post: Post, work: Sequence[Task], now: datetime) -> None:
    """Do what is due. What fails is logged and counted, and tried again at its next turn."""
    for task in work:
        if task.next_at is not None and now < task.next_at:
            continue
        task.next_at = now + task.every
        try:
            task.do(post, now)
        except (*CULPRITS, RedisError) as error:
            TICK_FAILURES.labels(task.name).inc()
            log.warning("task_failed", task=task.name, **described(error))


def ring_again(post: Post, _: datetime) -> None:
    """Ring for entries that nobody rings or drains for: a bell was lost, or a drain died. While one works it is up."""
    for number in range(post.settings.streams):
        if post.queue.xlen(stream_name(number)):
            ring_once(post.queue, number)


def main() -> None:
    """Keep time until told to stop."""
    settings = read_settings()
    configure(settings)
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port)
    engine = make_engine(settings.database_url, pool_size=2)
    wait_for_schema(engine)
    pulse = Pulse(engine, f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}", "timekeeper")
    post = Post(engine, connect(settings.queue_url), settings, pulse)
    resume_collecting()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tracing(settings, "timekeeper"), watching(settings, "timekeeper", beats=False):
        _keep_time(post, stop)
    with suppress(*DATABASE_ERRORS):
        pulse.stop()
    if not stop.is_set():
        sys.exit(
            "the deliverer or the ladders died"
        )  # rather no timekeeper than one that pages nobody: it is started again


def _keep_time(post: Post, stop: threading.Event) -> None:
    """Until told to stop, or the deliverer or the ladders die."""
    ladders = threading.Thread(
        target=keep_ladders, args=(post.engine, post.settings, stop), name="ladders", daemon=True
    )
    ladders.start()
    work = tasks()
    deliverer = Deliverer(post.settings, post.engine)
    deliverer.start()
    while deliverer.works() and ladders.is_alive() and not stop.wait(TICK_S):
        tick(post, work, utc_now())
    ladders.join(timeout=STOP_S)
    deliverer.stop()


if __name__ == "__main__":
    main()
