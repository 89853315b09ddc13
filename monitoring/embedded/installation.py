"""What `up` keeps in its data directory beside the servers' folders: the lock, the sockets, run.json."""

import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from monitoring.embedded import EmbeddedError

LOCK: Final = "lock"
RUN_FILE: Final = "run.json"

# A socket's name has room for 107 bytes on Linux and 103 on macOS. Valkey with a longer one never listens.
SOCKET_BYTES_MAX: Final = 100
LONGEST_SOCKET: Final = ".s.PGSQL.5432"
# Commas separate the hosts of a libpq URL, quotes the directories of PostgreSQL's setting.
PLAIN: Final = re.compile(r"[\w /.@+=-]+")

# Who asks whether an installation runs holds its lock for a moment.
LOCK_PATIENCE_S: Final = 0.5


class AlreadyRunningError(EmbeddedError):
    """Another `up` runs on this data directory."""


class NotRunningError(EmbeddedError):
    """No `up` runs on this data directory."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs, and how to reach it. Configured URLs may hold passwords: run.json is for its owner only."""

    data: str  # the data directory, resolved
    sockets: str
    port: int  # of the API, on this machine
    pid: int  # of `up`
    database_url: str  # as the parts' role
    owner_url: str  # as the role that migrates
    queue_url: str


def read_installation(data: Path) -> Installation:
    """The installation that `up` runs on a data directory. Raises NotRunningError where none does."""
    try:
        with (data / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        pass
    except BlockingIOError:
        if (installation := _recorded(data)) is None:
            raise NotRunningError(f"`virtual-ward up` on {data} is still starting, or already stopping") from None
        return installation
    except OSError as error:
        raise EmbeddedError(f"{data} can't be read: {error.strerror}") from error
    raise NotRunningError(f"nothing runs on {data}: start it with `virtual-ward up --data {data}`")


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold a data directory, made where it isn't there. Raises AlreadyRunningError naming who holds it."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedError(f"{data} can't be used: {error.strerror}") from error
    with os.fdopen(descriptor, "r+") as lock:
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while not _taken(lock.fileno()):
            if time.monotonic() > deadline:
                raise AlreadyRunningError(f"`virtual-ward up` runs on {data} already, with pid {lock.read().strip()}")
            time.sleep(LOCK_PATIENCE_S / 10)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def socket_folder(data: Path) -> Iterator[Path]:
    """Where the sockets go: DIR/run, or where that name is too long or odd, a private temporary folder."""
    with suppress(EmbeddedError):  # left by an `up` that was killed, perhaps of another version
        before = _recorded(data)
        if before and before.data == str(data) and Path(before.sockets) != data / "run":
            shutil.rmtree(before.sockets, ignore_errors=True)
    (data / RUN_FILE).unlink(missing_ok=True)
    if len(os.fsencode(data / "run" / LONGEST_SOCKET)) <= SOCKET_BYTES_MAX and PLAIN.fullmatch(str(data)):
        yield data / "run"
        return
    with tempfile.TemporaryDirectory(prefix="virtual-ward-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def recorded(installation: Installation) -> Iterator[None]:
    """Let others find the installation by DIR/run.json, which appears whole or not at all."""
    target = Path(installation.data) / RUN_FILE
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{RUN_FILE}-")
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(installation), file, indent=2)
    Path(name).replace(target)
    try:
        yield
    finally:
        target.unlink(missing_ok=True)


def _taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _recorded(data: Path) -> Installation | None:
    try:
        return Installation(**json.loads((data / RUN_FILE).read_text()))
    except FileNotFoundError:
        return None
    except (PermissionError, ValueError, TypeError) as error:  # another's, or of another version
        raise EmbeddedError(f"{data / RUN_FILE} can't be read: {error}") from error
