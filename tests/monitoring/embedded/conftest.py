"""Folders that another account can reach: pytest's own are closed to all but who runs the tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.embedded import postgres, valkey
from monitoring.embedded.postgres import Postgres
from monitoring.embedded.valkey import Valkey
from tests.monitoring.embedded.processes import Up


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for one module's data directories."""
    with tempfile.TemporaryDirectory(prefix="vw-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster(place: Path) -> Postgres:
    """A PostgreSQL cluster that doesn't run."""
    made = Postgres(place / "servers" / "postgres", place / "servers" / "run", postgres.FAST)
    postgres.prepare(made)
    return made


@pytest.fixture
def queue(place: Path) -> Valkey:
    """A Valkey that doesn't run."""
    made = Valkey(place / "servers" / "valkey", place / "servers" / "run" / "valkey.sock", valkey.FAST)
    valkey.prepare(made)
    return made


@pytest.fixture(scope="module")
def up(place: Path) -> Iterator[Up]:
    """A running `up` for tests that leave it running."""
    with Up(place / "shared") as running:
        yield running.ready()
