"""Fixtures that every test shares: real servers, a database and a queue of the test's own."""

import gc
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from monitoring.config import Settings
from monitoring.database import make_engine
from monitoring.intake.clients import connect
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


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is imported and collected stays: no need to look it over again at every garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def run_servers() -> Servers:
    """The servers of this run."""
    return Servers(Path(os.environ[servers.FOLDER]))


@pytest.fixture(scope="session")
def opened(run_servers: Servers) -> Iterator[Ward]:
    """A ward as it is opened, once: tests begin with a copy of its database."""
    with servers.own_database(run_servers) as name:
        found = _settings(run_servers, name)
        engine = make_engine(found.database_url)
        ward = Ward.open(found, engine)
        engine.dispose()  # nobody may be connected to a database that is copied
        yield ward


@pytest.fixture
def settings(run_servers: Servers, opened: Ward, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings that point to an empty queue and a database: the opened ward's where a test asks for it, else empty."""
    template = opened.database if "ward" in request.fixturenames else servers.TEMPLATE
    with servers.own_database(run_servers, template) as name:
        found = _settings(run_servers, name)
        client = connect(found.queue_url)
        client.flushdb()
        client.close()
        yield found


def _settings(run_servers: Servers, database: str) -> Settings:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return Settings(database_url=run_servers.postgres.url(database), queue_url=run_servers.valkey.url(number))


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
def ward(opened: Ward, settings: Settings, engine: Engine) -> Ward:
    """A whole ward with one patient and a clock that can be turned."""
    return opened.copied(settings, engine)
