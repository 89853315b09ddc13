"""`up` with a part that fails and stays away: an engineer's pager hears of it within seconds, by a path around it."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from monitoring.config import PREFIX
from tests.chaos.faults import kept_away
from tests.chaos.up import Up
from tests.monitoring.embedded.processes import eventually
from tests.receivers import Receiver, receiving

WITHIN_S: Final = 30.0
"""10 s until a part counts as gone, 5 s of patience, looks of 2 s, and a machine that is busy with other tests."""


@pytest.fixture(scope="module")
def pager() -> Iterator[Receiver]:
    """Where the installation's settings say that somebody is always told."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def up(pager: Receiver) -> Iterator[Up]:
    """One installation that every test harms, and that is well again afterwards."""
    with tempfile.TemporaryDirectory(prefix="vw-watch-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("tests.chaos.up.environment", lambda: _environment(pager))
            with Up(Path(folder, "data"), workers=1) as up:
                yield up.ready()


def _environment(pager: Receiver) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return ours | {
        f"{PREFIX}WEBHOOK_ALLOW_PRIVATE": "true",
        f"{PREFIX}ENGINEERS_TO": pager.url("engineers"),
    }


def heard(pager: Receiver) -> list[tuple[str, str]]:
    """What the engineers heard: problem and state."""
    data = [msgspec.json.decode(call.body)["data"] for call in pager.calls]
    return [(one["problem"], one["state"]) for one in data]


def within_s(pager: Receiver, *expected: tuple[str, str], wait_s: float = WITHIN_S) -> float:
    """How long it took until all of this was heard."""
    began_s = time.monotonic()
    eventually(lambda: set(expected) <= set(heard(pager)), wait_s)
    return time.monotonic() - began_s


def test_parts_that_are_gone_are_told_by_the_others_once_and_so_is_their_return(up: Up, pager: Receiver) -> None:
    """Neither who scores nor who pages is there: the API tells. The database is away: whoever is left tells."""
    with kept_away("worker", up), kept_away("timekeeper", up):
        within_s(pager, ("workers", "began"), ("timekeeper", "began"))
    up.ready()
    with kept_away("PostgreSQL", up):
        within_s(pager, ("database", "began"))
    ended = [(problem, "ended") for problem in ("workers", "timekeeper", "database")]
    within_s(pager, *ended, wait_s=60 + WITHIN_S)
    told = heard(pager)
    assert len(told) == len(set(told)), told
    assert "clock" not in dict(told)
    with up.connect() as connection:
        told_live = "SELECT count(*) FROM event WHERE data -> 'system' ->> 'problem' = 'workers'"
        assert connection.execute(told_live).fetchone() == (2,)
