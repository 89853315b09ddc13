"""Fixtures that every test shares: real servers, a database and a queue of the test's own."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from monitoring.config import Settings
from monitoring.database import make_engine
from monitoring.intake.stream import connect
from tests import servers
from tests.servers import Servers
from tests.ward import Ward

_running = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """The run's servers belong to the process that hands out the tests; its workers find them in their environment."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        _running.enter_context(servers.running())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what `pytest_configure` started."""
    if not hasattr(config, "workerinput"):
        _running.close()


@pytest.fixture(scope="session")
def run_servers() -> Servers:
    """The servers of this run."""
    return Servers(Path(os.environ[servers.FOLDER]))


@pytest.fixture
def settings(run_servers: Servers) -> Iterator[Settings]:
    """Settings that point to an empty database and an empty queue."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    with servers.own_database(run_servers) as name:
        found = Settings(database_url=run_servers.postgres.url(name), queue_url=run_servers.valkey.url(number))
        client = connect(found.queue_url)
        client.flushdb()
        client.close()
        yield found


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """The test's database, as the role that the parts run as."""
    engine = make_engine(settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def queue(settings: Settings) -> Iterator[Redis]:
    """The test's queue."""
    client = connect(settings.queue_url)
    yield client
    client.close()


@pytest.fixture
def ward(settings: Settings, engine: Engine) -> Ward:
    """A whole ward with one patient and a clock that can be turned."""
    return Ward.open(settings, engine)
