"""A backup into an installation that is empty: its database whole or not at all, then what waited in its queue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from monitoring.backup import folder as folders
from monitoring.backup import programs
from monitoring.backup.folder import BackupError, Manifest
from monitoring.config import Settings
from monitoring.embedded.supervisor import Say, servers_alone
from monitoring.intake.clients import connect
from monitoring.intake.stream import FIELD, stream_name
from monitoring.schema import HEAD

_HOLDS: Final = """
SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p'))
"""


def load(settings: Settings, folder: Path, tell: Callable[[str], None]) -> Manifest:
    """Restore a backup. Nothing else may run on the installation. Raises BackupError where it holds anything."""
    manifest = folders.opened(folder)
    if manifest.schema > HEAD:
        raise BackupError(f"the backup is of version {manifest.schema}, this program is of {HEAD}: use a newer one")
    url = settings.database_owner_url or settings.database_url
    with psycopg.connect(url) as connection:
        (tables,) = connection.execute(_HOLDS).fetchone() or (0,)
    if tables:
        raise BackupError(f"the database holds {tables} tables: restore into one that is empty")
    try:
        with connect(settings.queue_url, timeout_s=None) as queue:
            if waits := sum(queue.xlen(stream_name(number)) for number in range(settings.streams)):
                raise BackupError(f"the queue holds {waits} requests: restore into one that is empty")
            tell(f"the database, as of {manifest.made_at}")
            programs.run(
                "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", f"--dbname={url}",
                str(folder / folders.DATABASE), meanwhile=lambda: tell("still at it"),
            )  # fmt: skip
            _put_back(queue, settings.streams, folder)
    except RedisError as error:
        raise BackupError(f"the queue can't be used: {type(error).__name__}") from error
    tell(f"{manifest.entries} requests that wait to be scored")
    return manifest


@contextmanager
def installation(settings: Settings, data: Path | None, say: Say) -> Iterator[Settings]:
    """The settings of where to restore into: those of the environment, or servers on `data`, alone for the while."""
    if data is None:
        yield settings
        return
    with servers_alone(data, say) as found:
        yield settings.model_copy(
            update={
                "database_url": found.database_url,
                "database_owner_url": found.owner_url,
                "queue_url": found.queue_url,
            }
        )


def _put_back(queue: Redis, streams: int, folder: Path) -> None:
    """One at a time: each is on disk before the next. An installation may have other streams now."""
    for number, payload in folders.waiting(folder):
        queue.xadd(stream_name(number % streams), {FIELD: payload})
