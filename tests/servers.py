"""The real servers under the tests: one PostgreSQL and one Valkey per run, a database of its own for each test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg

from monitoring.clock import utc_now
from monitoring.embedded import postgres, valkey
from monitoring.migrating import migrate

TEMPLATE = "template_ward"
FOLDER = "VIRTUAL_WARD_TEST_SERVERS"  # in the environment of pytest's workers


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the run's servers are."""

    folder: Path

    @property
    def postgres(self) -> postgres.Postgres:
        """The cluster."""
        return postgres.Postgres(self.folder / "postgres", self.folder / "run" / "sockets", postgres.FAST)

    @property
    def valkey(self) -> valkey.Valkey:
        """The queue's server."""
        return valkey.Valkey(self.folder / "valkey", self.folder / "run" / "sockets" / "valkey.sock", valkey.FAST)


@contextmanager
def running() -> Iterator[Servers]:
    """Start both servers with a migrated template, and stop and remove them afterwards. From the main thread."""
    servers = Servers(Path(tempfile.mkdtemp(prefix="vw-test-", dir=_memory())))
    (servers.folder / "run").mkdir()
    postgres.prepare(servers.postgres)
    valkey.prepare(servers.valkey)
    database, queue = postgres.start(servers.postgres), valkey.start(servers.valkey)
    try:
        postgres.wait_until_ready(servers.postgres, database, 30)
        valkey.wait_until_ready(servers.valkey, queue, 30)
        _administer(servers, f'CREATE DATABASE "{TEMPLATE}" OWNER {postgres.OWNER}')
        migrate(servers.postgres.url(TEMPLATE, postgres.OWNER), utc_now())
        os.environ[FOLDER] = str(servers.folder)
        yield servers
    finally:
        valkey.stop(queue)
        postgres.stop(database)
        shutil.rmtree(servers.folder, ignore_errors=True)


@contextmanager
def own_database(servers: Servers, template: str = TEMPLATE) -> Iterator[str]:
    """The name of a database that nobody else uses: migrated and empty, or a copy of another."""
    name = f"test_{uuid4().hex}"
    _administer(servers, f'CREATE DATABASE "{name}" OWNER {postgres.OWNER} TEMPLATE "{template}" STRATEGY FILE_COPY')
    try:
        yield name
    finally:
        _administer(servers, f'DROP DATABASE "{name}" WITH (FORCE)')


def _memory() -> Path | None:
    """A folder in memory, where there is room: a database is made there in a tenth of the time."""
    folder = Path("/dev/shm")
    roomy = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 4 << 30
    return folder if roomy else None


def _administer(servers: Servers, statement: str) -> None:
    """As the superuser: nobody else may end the sessions that a test left in its database."""
    with psycopg.connect(servers.postgres.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(statement)
