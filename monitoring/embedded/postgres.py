"""One PostgreSQL cluster out of a wheel: made, started and stopped by its own programs alone."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from monitoring.embedded import EmbeddedError, accounts, children
from monitoring.embedded.binaries import postgres_program

OWNER: Final = "vw_owner"  # migrates, owns the database, may create others
APP: Final = "vw_app"  # what the parts run as
DATABASE: Final = "virtual_ward"
PORT: Final = 5432  # of the socket's name only: nothing listens on the network

# What any cluster runs with. Of messages only LOG and worse are written: errors can quote patient data.
_COMMON: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

# After a kill the server writes out what it may have left in memory of its files, before anybody gets in: one by one
# they are thousands (measured on a busy disk: 0.2 s to 4.7 s), by the file system they are one call.
_SYNC_AT_ONCE: Final = {"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}

# Random keys just after a checkpoint cost 67–98 MB of WAL per 20,000, so checkpoints are kept apart.
DURABLE: Final[Mapping[str, str]] = {
    **_COMMON,
    "shared_buffers": "48MB",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    **_SYNC_AT_ONCE,
}

# For tests: survives kill -9, not a power cut. Autovacuum would hold databases that are being cloned.
FAST: Final[Mapping[str, str]] = {
    **_COMMON,
    "shared_buffers": "32MB",
    "max_connections": "100",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
}

_ROLES_AND_DATABASE: Final = f"""\
CREATE ROLE {OWNER} LOGIN CREATEDB;
CREATE ROLE {APP} LOGIN;
CREATE DATABASE {DATABASE} OWNER {OWNER};
"""

# Any role may come through the sockets, whose folder is closed to all but the server's account and root.
_INITDB: Final = (
    *("--username=postgres", "--encoding=UTF8", "--no-instructions"),
    *("--auth-local=trust", "--auth-host=reject"),
)

# The order of text by code point, the same on every machine and after every upgrade of its C library.
_LOCALE: Final = {
    16: ("--locale=C",),
    18: ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
}

_STOP: Final = ((signal.SIGINT, 4.0), (signal.SIGQUIT, 1.0))  # fast, then immediate (recovers at next start)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A cluster: where it is and how it is set. Whether it runs is not said here."""

    folder: Path
    sockets: Path
    settings: Mapping[str, str]
    major: int = 18

    @property
    def log(self) -> Path:
        """What the server says, beside its folder."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def url(self, database: str = DATABASE, user: str = APP) -> str:
        """A libpq URL. The port is named so that PGPORT in somebody's environment can't change it."""
        return f"postgresql://{user}@/{database}?host={quote(os.fsencode(self.sockets))}&port={PORT}"


def prepare(postgres: Postgres) -> None:
    """Make the cluster with its roles and database, where it isn't there. Quick where it is.

    Raises EmbeddedError where the folder can't be used.
    """
    account = accounts.server_account(postgres.folder, postgres.sockets)
    initdb = postgres_program("initdb", postgres.major)
    accounts.open_way(postgres.folder.parent, account, postgres.sockets.parent, initdb)
    accounts.make_private(postgres.sockets, account)
    version = postgres.folder / "PG_VERSION"
    if not version.exists():
        _create(postgres, account)
    elif (found := version.read_text().strip()) != str(postgres.major):
        raise EmbeddedError(f"{postgres.folder} was made by PostgreSQL {found}, not {postgres.major}")


def start(postgres: Postgres) -> subprocess.Popen[bytes]:
    """Start the server itself, in the foreground. To be called from the main thread.

    When we die it gets SIGQUIT, which unlike SIGKILL also ends sessions that are busy at that moment.
    """
    for lock in (postgres.folder / "postmaster.pid", postgres.sockets / f".s.PGSQL.{PORT}.lock"):
        _remove_if_stale(lock, postgres.folder)
    program = postgres_program("postgres", postgres.major)
    settings = {**postgres.settings, "unix_socket_directories": str(postgres.sockets)}
    return children.start_server(
        [program, "-D", postgres.folder, *(f"--{name}={value}" for name, value in settings.items())],
        postgres.log,
        accounts.server_account(postgres.folder),
        death_signal=signal.SIGQUIT,
    )


def is_ready(postgres: Postgres, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server takes connections, by what it writes for pg_ctl into its pid file."""
    try:
        lines = (postgres.folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"


def wait_until_ready(postgres: Postgres, process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Wait until it takes connections. Raises EmbeddedError when it ends first or takes longer."""
    children.wait_until(lambda: is_ready(postgres, process), process, postgres.log, timeout_s)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server within 5 s: sessions are cut, what was committed is written."""
    children.stop(process, _STOP)


def _create(postgres: Postgres, account: accounts.Account | None) -> None:
    """Make the cluster under another name and rename it when it is whole: a kill -9 leaves no half of one."""
    if postgres.folder.exists() and any(postgres.folder.iterdir()):
        raise EmbeddedError(f"{postgres.folder} holds something else than a PostgreSQL cluster")
    parent = postgres.folder.parent
    prefix = f".{postgres.folder.name}-being-made-"
    for left in parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)  # a killed initdb may still be writing there
    making = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    accounts.make_private(making, account)
    initdb = postgres_program("initdb", postgres.major)
    unsynced = ["--no-sync"] if postgres.settings.get("fsync") == "off" else []
    children.run_tool([initdb, "-D", making, *_INITDB, *_LOCALE[postgres.major], *unsynced], account)
    program = postgres_program("postgres", postgres.major)
    single = (program, "--single", "-c", "exit_on_error=true", "-D", making, "postgres")
    children.run_tool(single, account, _ROLES_AND_DATABASE)
    making.rename(postgres.folder)
    directory = os.open(parent, os.O_RDONLY)
    os.fsync(directory)  # or a power cut takes the rename back, and with it all that was stored since
    os.close(directory)


def _remove_if_stale(lock: Path, folder: Path) -> None:
    """Remove a lock file whose process is gone, a zombie, or a stranger that was given the same pid.

    PostgreSQL asks only whether some process of that pid exists, and then refuses for ever. That no server is
    left using the folder it makes sure of itself, by its shared memory. The command line is what tells, since
    everyone may read it (root in a container can't read the rest of another account's process).
    """
    if sys.platform != "linux" or not lock.exists():
        return
    pid = lock.read_text().partition("\n")[0]
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes() if pid.isdigit() else b""
    except (FileNotFoundError, ProcessLookupError):
        command = b""
    if b"\0-D\0" + os.fsencode(folder) + b"\0" not in command:
        lock.unlink()
