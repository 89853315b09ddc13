"""A line that is silent: nothing waits for it for ever."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from monitoring import answering, database
from monitoring.answering import AsyncBounded, Bounded
from monitoring.config import Settings
from monitoring.database import connected, make_engine
from monitoring.embedded.postgres import PORT
from tests.chaos.lines import Line, Lines
from tests.monitoring.outages import until
from tests.servers import Servers

OURS = str(os.getpid())
SILENT = {OURS: Line.SILENT}


@pytest.fixture
def lines(run_servers: Servers, tmp_path: Path) -> Iterator[Lines]:
    """Between us and the tests' PostgreSQL."""
    name = f".s.PGSQL.{PORT}"
    with Lines(tmp_path / name, run_servers.postgres.sockets / name) as lines:
        yield lines


@pytest.fixture
def url(lines: Lines, settings: Settings) -> str:
    """The test's database, behind that line."""
    name = conninfo_to_dict(settings.database_url)["dbname"]
    return f"postgresql://vw_app@/{name}?host={lines.socket.parent}&port={PORT}"


def test_an_answer_that_does_not_come_ends_the_connection(lines: Lines, url: str) -> None:
    with Bounded.to(url, within_s=0.2, autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        lines.become(SILENT)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        assert connection.closed


def test_an_error_that_the_server_tells_ends_nothing(url: str) -> None:
    with Bounded.to(url, autocommit=True, options="-c statement_timeout=10ms") as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(5)")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_who_follows_events_hears_that_the_line_is_silent(
    lines: Lines, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "FOLLOW_S", 0.2)

    async def follow() -> None:
        async with await AsyncBounded.to(url) as connection:
            async for _ in connection.notifies(timeout=0.01):
                pass
            lines.become(SILENT)
            with pytest.raises(psycopg.OperationalError):
                await connection.execute("SELECT 1")
            assert connection.closed

    asyncio.run(follow())


def test_an_idle_connection_that_is_never_heard_of_again_is_replaced(
    lines: Lines, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PING_S", 0.2)
    engine = make_engine(url, within_s=60)
    with engine.connect() as first, engine.connect() as second:
        first.execute(text("SELECT 1"))
        second.execute(text("SELECT 1"))
    lines.become(SILENT)
    lines.become({}, forget=True)
    with engine.connect() as connection:  # one is asked, and with it all that were idle are let go
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_statement_under_way_ends_as_if_the_database_were_away(lines: Lines, url: str) -> None:
    engine = make_engine(url, within_s=0.2)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        lines.become(SILENT)
        with pytest.raises(DBAPIError) as caught:
            connection.execute(text("SELECT 1"))
    assert database.is_unavailable(caught.value)
    assert caught.value.connection_invalidated
    engine.dispose()


def test_a_transaction_of_a_part_ends_by_itself_even_where_the_server_waits_for_the_rest_of_a_statement(
    settings: Settings,
) -> None:
    engine, others = make_engine(settings.database_url, transaction_s=1), make_engine(settings.database_url)
    lock = text("SELECT pg_try_advisory_lock(1)")
    with engine.connect() as connection, others.connect() as other:
        connection.execute(text("SELECT pg_advisory_xact_lock(1)"))
        half = connection.connection.driver_connection
        assert isinstance(half, Bounded)
        half.pgconn.send_prepare(b"half", b"SELECT 1")  # and no more of it: neither idle, nor a statement that runs
        os.write(half.pgconn.socket, b"P")
        assert not other.execute(lock).scalar_one()
        until(lambda: other.execute(lock).scalar_one(), within_s=4)  # sooner than an idle one is ended
        with suppress(DBAPIError):
            connection.rollback()
    for one in (engine, others):
        one.dispose()


def test_a_command_may_read_for_as_long_as_it_takes(settings: Settings) -> None:
    with connected(settings.database_url) as engine, engine.connect() as connection:
        assert connection.execute(text("SHOW transaction_timeout")).scalar_one() == "0"
