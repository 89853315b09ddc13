"""The workers as processes of their own: what they import, and what they leave."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.job import Callback, Job
from rq.serializers import JSONSerializer

from monitoring.clock import utc_now
from monitoring.intake.stream import DRAIN_JOB, DRAIN_QUEUE, ring_once, stream_name
from tests.monitoring.embedded.processes import REPOSITORY, eventually
from tests.rule_changes import SOONER, changed, changes
from tests.ward import SICK, WELL, Patient, Ward
from tests.workers.records import count, put, rows


def environment(ward: Ward) -> dict[str, str]:
    """What a worker on another machine would be given."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("VIRTUAL_WARD_")}
    return own | {
        "VIRTUAL_WARD_DATABASE_URL": ward.settings.database_url,
        "VIRTUAL_WARD_QUEUE_URL": ward.settings.queue_url,
    }


def post(ward: Ward, queue: Redis) -> None:
    """A set that raises an alert is on the stream, and the bell has rung."""
    put(queue, ward.arrival([{"id": "a", "taken_at": ward.now, **SICK}]))
    ring_once(queue, 0)


@contextmanager
def working(ward: Ward) -> Iterator[None]:
    """A worker as a process of its own, told to leave in the end."""
    process = subprocess.Popen([sys.executable, "-m", "workers.worker"], cwd=REPOSITORY, env=environment(ward))
    try:
        yield
        process.send_signal(signal.SIGTERM)  # it takes down the bell: nobody else is here to ring it again
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_runs_goes_by_new_rules_at_once_and_one_that_starts_finds_them(ward: Ward, queue: Redis) -> None:
    ward.now = utc_now()  # a worker has the real clock
    one, other = ward.admit(), ward.admit()

    def versions_after(number: int, patient: Patient) -> list[str]:
        """By which versions alerts were raised, once so many sets are stored."""
        ward.now = utc_now()
        put(queue, ward.arrival([{"id": f"{number}", "taken_at": ward.now, **WELL, "spo2": 94}], patient=patient))
        ring_once(queue, 0)
        eventually(lambda: count(ward.engine, "reading") == number, 60)
        said = "SELECT why ->> 'pathway_version' AS version FROM alert ORDER BY id"
        return [row.version for row in rows(ward.engine, said)]

    with working(ward):
        assert versions_after(1, one) == []
        ward.now = utc_now()
        version = changes(ward, changed("general", SOONER)).version
        assert versions_after(2, one) == [version]
    with working(ward):
        assert versions_after(3, other) == [version, version]


def test_a_job_travels_as_json(ward: Ward, queue: Redis) -> None:
    ring_once(queue, 0)
    (job_id,) = Queue(DRAIN_QUEUE, connection=queue, serializer=JSONSerializer).job_ids
    job = Job.fetch(job_id, connection=queue, serializer=JSONSerializer)
    assert (job.func_name, job.args) == (DRAIN_JOB, [0])


def test_a_job_that_names_another_function_is_not_done_and_readings_go_on(
    ward: Ward, queue: Redis, tmp_path: Path
) -> None:
    jobs = Queue(DRAIN_QUEUE, connection=queue, serializer=JSONSerializer)
    forged = [
        jobs.enqueue("os.mkdir", str(tmp_path / "function")),
        jobs.enqueue("os.mkdir", str(tmp_path / "other"), on_failure=Callback("builtins.exit")),
        jobs.enqueue(DRAIN_JOB, 1, on_success=Callback("builtins.exit"), result_ttl=60),
    ]
    post(ward, queue)
    with working(ward):
        eventually(lambda: count(ward.engine, "alert") == 1, 60)
    assert list(tmp_path.iterdir()) == []
    assert [one.get_status().value for one in forged] == ["failed", "failed", "finished"]


def test_a_standard_rq_worker_runs_our_job_and_raises_the_alert(ward: Ward, queue: Redis) -> None:
    """It imports nothing but the job: a module of tables that is missing shows here and nowhere else."""
    post(ward, queue)
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("rq"), "worker", "--burst", "-S", "rq.serializers.JSONSerializer"),
            *("--url", ward.settings.queue_url, DRAIN_QUEUE),
        ],
        cwd=REPOSITORY,
        env=environment(ward),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ward.history(ward.alert()) == ["raised"], done.stderr
    assert queue.xlen(stream_name(0)) == 0


DIES = """
import ctypes, threading, time

def strike():
    while not (ladders := [one for one in threading.enumerate() if one.name == "ladders" and one.ident]):
        time.sleep(0.01)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ladders[0].ident), ctypes.py_object(SystemExit))

threading.Thread(target=strike, daemon=True).start()
from workers.timekeeper import main
main()
"""
"""A timekeeper whose ladders' thread is struck by what nobody catches."""


def test_a_timekeeper_whose_ladders_died_leaves_so_that_it_is_started_again(ward: Ward) -> None:
    left = subprocess.run(
        [sys.executable, "-c", DIES], cwd=REPOSITORY, env=environment(ward), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (left.returncode, left.stderr.splitlines()[-1]) == (1, "the deliverer or the ladders died")
    assert count(ward.engine, "heartbeat") == 0


@pytest.mark.parametrize("part", ["worker", "timekeeper"])
def test_our_processes_work_say_that_they_live_and_leave_on_a_signal(ward: Ward, queue: Redis, part: str) -> None:
    post(ward, queue)
    process = subprocess.Popen([sys.executable, "-m", f"workers.{part}"], cwd=REPOSITORY, env=environment(ward))
    try:
        eventually(lambda: [row.part for row in rows(ward.engine, "SELECT part FROM heartbeat")] == [part], 60)
        # the worker drains; the timekeeper finds a first set that was due months ago
        eventually(lambda: count(ward.engine, "alert") == 1, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert count(ward.engine, "heartbeat") == 0
