"""Our own RQ worker: everything imported before the first job, no fork per job, a heartbeat of its own.

`python -m workers.worker`. Any standard `rq worker` with the JSON serializer can stand beside it.
"""

import gc
import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import numpy as np
import structlog
from prometheus_client import start_http_server
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from alert_rules.news2_arrays import score_arrays
from alert_rules.vitals import PARAMETERS, VitalArrays
from monitoring.clock import utc_now
from monitoring.config import Settings, read_settings
from monitoring.database import DATABASE_ERRORS, make_engine
from monitoring.heartbeat import Pulse
from monitoring.intake.clients import connect
from monitoring.intake.stream import DRAIN_JOB, DRAIN_QUEUE
from monitoring.lean import resume_collecting
from monitoring.logs import configure
from monitoring.schema import wait_for_schema
from monitoring.tracing.spans import tracing

log = structlog.get_logger()
QUEUES = (DRAIN_QUEUE,)
WORKER_TTL_S = 17
"""RQ waits for a bell 15 s shorter than this."""
SILENT_S = 3
"""Longer than that wait the queue is silent only where the line to it is gone: RQ would allow for 10 s more."""
BEAT_EVERY_S = 2.0
RECONNECT_WITHIN_S = 1.0
"""RQ would back off to 60 s: after half a minute without the queue, readings waited as long again (measured: 28 s)."""

HOOKS: Final = frozenset({b"success_callback_name", b"failure_callback_name", b"stopped_callback_name", b"webhooks"})
"""What else a job may name for RQ to call."""


class Drain(Job):
    """A job as this worker takes it: RQ would run whatever function it names, for whoever can write to the queue."""

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """From what the queue has. Nothing is called beside the function."""
        super().restore({name: value for name, value in raw_data.items() if name not in HOOKS})

    @property
    def func(self) -> Callable[..., Any]:
        """The drain. Raises PermissionError for any other."""
        if self.instance is not None or self.func_name != DRAIN_JOB:
            raise PermissionError(f"{self.func_name} is no job of ours")
        found: Callable[..., Any] = super().func
        return found


class Drainer(SimpleWorker):
    """Finds out soon that the queue does not answer, or that it does again."""

    max_connection_wait_time = RECONNECT_WITHIN_S

    @property
    def connection_timeout(self) -> int:
        """After how long without an answer it ends, and is started anew."""
        return self.dequeue_timeout + SILENT_S


def main() -> None:
    """Work until told to stop."""
    settings = read_settings()
    configure(settings)
    engine = make_engine(settings.database_url, pool_size=1)
    wait_for_schema(engine)
    _warm_up()
    _spare_the_collector()
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"  # unique: RQ refuses a dead worker's name
    pulse, stopped = Pulse(engine, name, "worker"), threading.Event()
    heart = threading.Thread(target=_keep_beating, args=(pulse, stopped), name="heartbeat", daemon=True)
    heart.start()
    try:
        with tracing(settings, "worker"):
            _worker(settings, name).work(logging_level="WARNING")
    finally:
        stopped.set()
        heart.join(timeout=BEAT_EVERY_S)
        with suppress(*DATABASE_ERRORS):
            pulse.stop()


def _worker(settings: Settings, name: str) -> Drainer:
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port)
    client = connect(settings.queue_url, timeout_s=None)
    queues = [Queue(queue, connection=client, serializer=JSONSerializer, job_class=Drain) for queue in QUEUES]
    return Drainer(
        queues, name=name, connection=client, serializer=JSONSerializer, worker_ttl=WORKER_TTL_S, job_class=Drain
    )


def _warm_up() -> None:
    """Import what the jobs need, and run the rules once."""
    import workers.jobs  # noqa: F401, PLC0415 - here and not above: this is what preloading means

    empty = VitalArrays(np.zeros((len(PARAMETERS), 1), np.int16), np.zeros((len(PARAMETERS), 1), np.bool_))
    score_arrays(empty, np.zeros(1, np.bool_))


def _spare_the_collector() -> None:
    """What a batch makes is freed by its counts: looking at all of it took half the time.

    Measured on batches of 1,600 sets: 34 µs of CPU a set without this, 21 with it.
    """
    resume_collecting()
    gc.set_threshold(5_000, 10, 10)


def _keep_beating(pulse: Pulse, stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            pulse.beat(utc_now())
        except DATABASE_ERRORS as error:
            log.warning("heartbeat_missed", error=type(error).__name__)
        stopped.wait(BEAT_EVERY_S)


if __name__ == "__main__":
    main()
