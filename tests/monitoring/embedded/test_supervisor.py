"""`up` as people run it: a process with servers and parts below it, killed in every way."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
import redis

from monitoring.embedded import EmbeddedError
from monitoring.embedded.installation import NotRunningError
from monitoring.embedded.supervisor import read_installation
from monitoring.embedded.watched import Watched
from tests.monitoring.embedded.processes import Up, alive, eventually, offspring
from tests.monitoring.embedded.up import PARTS


def remember(up: Up) -> None:
    """Store something in both servers."""
    with psycopg.connect(up.installation.owner_url) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS remembered AS SELECT 42 AS answer")
        owner.execute("GRANT SELECT ON remembered TO vw_app")
    with redis.Redis.from_url(up.installation.queue_url) as queue:
        queue.set("remembered", "42")


def remembers(up: Up) -> bool:
    """Whether both servers are there; then they must know what was stored."""
    try:
        with (
            psycopg.connect(up.installation.database_url) as app,
            redis.Redis.from_url(up.installation.queue_url) as queue,
        ):
            return (app.execute("SELECT answer FROM remembered").fetchone(), queue.get("remembered")) == (
                (42,),
                b"42",
            )
    except (psycopg.OperationalError, redis.ConnectionError):
        return False


@contextmanager
def busy_session(up: Up) -> Iterator[None]:
    """A session of PostgreSQL that never looks up from its work."""
    with closing(psycopg.connect(up.installation.database_url)) as session:
        session.pgconn.send_query(b"DO 'BEGIN LOOP END LOOP; END'")
        yield


def test_a_killed_postgresql_comes_back_with_what_it_held_though_a_session_is_busy(up: Up) -> None:
    remember(up)
    with busy_session(up):
        os.kill(up.child("/postgres"), signal.SIGKILL)
        eventually(lambda: any("PostgreSQL ended (signal 9" in line for line in up.said))
        eventually(lambda: remembers(up), within_s=5)


def test_a_killed_valkey_comes_back_with_what_it_held(up: Up) -> None:
    remember(up)
    os.kill(up.child("/valkey-server"), signal.SIGKILL)
    eventually(lambda: any("Valkey ended (signal 9" in line for line in up.said))
    eventually(lambda: remembers(up), within_s=5)


def test_a_part_that_dies_is_started_again_and_the_others_are_left_alone(up: Up) -> None:
    before = up.notes("started")
    _, killed, metrics = next(line for line in before if line.startswith("worker")).split()
    assert Path(metrics) == up.data / "metrics"
    live_gauge = Path(metrics, f"gauge_livesum_{killed}.db")
    live_gauge.touch()
    os.kill(int(killed), signal.SIGKILL)
    eventually(lambda: len(up.notes("started")) > len(before), within_s=5)
    assert [line.split()[0] for line in up.notes("started")[len(before) :]] == ["worker"]
    assert not live_gauge.exists()


def test_the_way_in_is_started_before_what_it_does_not_need(place: Path) -> None:
    with Up(place / "in turn") as up:
        names = [line.split()[0] for line in up.ready().notes("started")]
    assert (set(names[:2]), names[2:]) == ({"api", "worker"}, ["ready", "timekeeper"])


def test_a_second_up_on_the_same_folder_is_refused_by_pid(up: Up) -> None:
    with Up(up.data / ".." / up.data.name) as second:
        assert second.process.wait(10) == 1
        assert second.said == [f"`virtual-ward up` runs on {up.data} already, with pid {up.process.pid}"]
    assert up.process.poll() is None


def test_killing_up_leaves_nobody_behind_and_the_next_finds_everything(place: Path) -> None:
    """In a folder whose name has spaces and is too long for a socket, with a session that is busy."""
    data = place / f"a ward of data {'x' * 100}"
    with Up(data) as up:
        remember(up.ready())
        sockets = Path(up.installation.sockets)
        with busy_session(up):
            below = offspring(up.process.pid)
            assert len(below) > len(PARTS) + 2
            up.kill()
            eventually(lambda: not any(alive(pid) for pid in below), within_s=5)
    with pytest.raises(NotRunningError, match="nothing runs on"):
        read_installation(data)
    with Up(data) as again:
        assert remembers(again.ready())
    assert not sockets.is_relative_to(data)
    assert not sockets.exists()


def test_sigterm_stops_the_parts_then_postgresql_then_valkey(place: Path) -> None:
    with Up(place / "ordered") as up:
        below = offspring(up.ready().process.pid)
        assert up.stop() == 0
    assert sorted(up.notes("stopped")) == sorted(f"{name}, servers up" for name in PARTS)
    assert up.said[-3:] == ["stopping api, worker, timekeeper", "stopping PostgreSQL", "stopping Valkey"]
    assert up.notes("postgres.log")[-1].endswith("database system is shut down")
    assert up.notes("valkey.log")[-1].endswith("bye bye...")
    assert not any(alive(pid) for pid in below)
    assert not (up.data / "run.json").exists()


def test_nothing_is_read_of_a_folder_where_nothing_ever_ran(place: Path) -> None:
    with pytest.raises(NotRunningError, match="start it with `virtual-ward up --data"):
        read_installation(place / "nowhere")


def test_a_child_that_keeps_failing_is_tried_at_growing_intervals() -> None:
    tried: list[float] = []
    now_s = 0.0

    def spawn() -> subprocess.Popen[bytes]:
        tried.append(now_s)
        raise EmbeddedError("not today")

    child = Watched("child", spawn, say=lambda _: None)
    for tenth in range(200):
        now_s = tenth / 10
        child.tick(now_s)
    waits = [round(later - earlier, 1) for earlier, later in pairwise(tried)]
    assert waits == [0.1, 0.1, 0.3, 1.0, 2.0, 5.0, 5.0, 5.0]


def test_a_child_that_ran_for_a_while_is_started_again_at_once() -> None:
    said: list[str] = []
    child = Watched("child", lambda: subprocess.Popen(["/bin/false"]), said.append)
    for now_s in (0.0, 1.0, 2.0, 2.1, 100.0):
        child.tick(now_s)
        if child.process is not None:
            child.process.wait()
    assert said == [f"child ended (exit status 1); starting it again {when}" for when in ("now", "in 0.1 s", "now")]
