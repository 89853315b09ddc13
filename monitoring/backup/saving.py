"""A backup of a running installation, as of one instant: every reading promised by then is in it exactly once.

What was promised is in the queue until the drain's commit, and from then on in the database. So all drains are held for
the moment in which the database's snapshot is taken and the queue is copied. The dump comes afterwards, of that
snapshot, while everything goes on.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, cast

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from monitoring.backup import folder as folders
from monitoring.backup import programs
from monitoring.backup.folder import BackupError, Manifest
from monitoring.config import Settings
from monitoring.intake.clients import connect
from monitoring.intake.stream import DRAIN_LOCK, FIELD, ring_once, stream_name
from monitoring.schema import HEAD

ENTRIES_AT_ONCE: Final = 500
DRAINS_STOP_MS: Final = 15_000
"""How long to wait for a batch to end. The longest that a drain's transaction may take is less."""


def save(settings: Settings, folder: Path, now: datetime, tell: Callable[[str], None]) -> Manifest:
    """Back up an installation into a new folder. Raises BackupError, and what the database raises."""
    folders.new_folder(folder)
    url = settings.database_owner_url or settings.database_url
    with psycopg.connect(url) as holding:  # its transaction keeps the snapshot until the dump has ended
        holding.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            with connect(settings.queue_url, timeout_s=None) as queue, _drains_held(url, settings.streams):
                snapshot = _exported(holding)
                entries = _copy_queue(queue, settings.streams, folder / folders.QUEUE)
            _ring(settings)
        except RedisError as error:
            raise BackupError(f"the queue can't be read: {type(error).__name__}") from error
        tell(f"{entries} requests that wait to be scored")
        dump = folder / folders.DATABASE
        programs.run(
            "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={dump}", f"--dbname={url}",
            meanwhile=lambda: tell(f"the database: {_megabytes(dump)} MB so far"),
        )  # fmt: skip
    tell(f"the database: {_megabytes(dump)} MB")
    return folders.seal(folder, now.isoformat(), HEAD, entries)


@contextmanager
def _drains_held(url: str, streams: int) -> Iterator[None]:
    """No batch is under way, and none begins: whoever would, is told that somebody else is at it."""
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute("SELECT set_config('lock_timeout', %s, false)", (f"{DRAINS_STOP_MS}ms",))
        for number in range(streams):
            holder.execute("SELECT pg_advisory_lock(%s, %s)", (DRAIN_LOCK, number))
        yield


def _exported(holding: psycopg.Connection) -> str:
    row = holding.execute("SELECT pg_export_snapshot(), (SELECT version_num FROM alembic_version)").fetchone()
    assert row is not None
    snapshot, version = row
    if version != HEAD:
        raise BackupError(f"the database has version {version}, this program is of {HEAD}: run `virtual-ward migrate`")
    return str(snapshot)


def _copy_queue(queue: Redis, streams: int, to: Path) -> int:
    entries = 0
    with to.open("w", encoding="ascii") as file:
        for number in range(streams):
            after = "-"
            while found := _page(queue, number, after):
                for _, fields in found:
                    file.write(json.dumps([number, fields[FIELD].hex()]) + "\n")
                entries += len(found)
                after = f"({found[-1][0].decode()}"
    return entries


def _page(queue: Redis, number: int, after: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found = queue.xrange(stream_name(number), min=after, count=ENTRIES_AT_ONCE)
    return cast("list[tuple[bytes, dict[bytes, bytes]]]", found)


def _ring(settings: Settings) -> None:
    """Who was held is called again."""
    with connect(settings.queue_url) as queue:
        for number in range(settings.streams):
            ring_once(queue, number)


def _megabytes(path: Path) -> int:
    return round(path.stat().st_size / 1e6) if path.exists() else 0
