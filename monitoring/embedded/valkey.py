"""One Valkey server out of a wheel, whose append-only file is what a 202 promises."""

import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from monitoring.embedded import EmbeddedError, accounts, children
from monitoring.embedded.binaries import valkey_server

_COMMON: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "aof-load-truncated": "yes",  # the last command of a server that was killed may be half written
    "save": "",
    "maxmemory-policy": "noeviction",
}

DURABLE: Final[Mapping[str, str]] = {**_COMMON, "appendfsync": "always"}

# For tests: survives kill -9, not a power cut; each test has a database of its own.
FAST: Final[Mapping[str, str]] = {**_COMMON, "appendfsync": "no", "databases": "512"}

_STOP: Final = ((signal.SIGTERM, 2.0),)
_PING_TIMEOUT_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Valkey:
    """A server: where its data and its socket are, and how it is set. Whether it runs is not said here."""

    folder: Path
    socket: Path
    settings: Mapping[str, str]

    @property
    def log(self) -> Path:
        """What the server says, beside its folder."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def url(self, database: int = 0) -> str:
        """The URL of one of its databases, as redis-py reads it."""
        return f"unix://{quote(os.fsencode(self.socket))}?db={database}"


class StillRunningError(EmbeddedError):
    """A server that was started earlier still uses the folder."""


def prepare(valkey: Valkey) -> None:
    """Make the folders. Raises EmbeddedError where they can't be used."""
    account = accounts.server_account(valkey.folder, valkey.socket.parent)
    accounts.open_way(valkey.folder.parent, account, valkey.socket.parent.parent, valkey_server())
    accounts.make_private(valkey.folder, account)
    accounts.make_private(valkey.socket.parent, account)


def start(valkey: Valkey) -> subprocess.Popen[bytes]:
    """Start the server, to be called from the main thread. It is killed when we die.

    It inherits the lock on its folder: a second server there would start happily and ruin the append-only
    file, and one that was killed may linger in its last fsync. Raises StillRunningError while it does.
    """
    with (valkey.folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StillRunningError(f"an earlier valkey-server still uses {valkey.folder}") from None
        settings = {**valkey.settings, "dir": str(valkey.folder), "unixsocket": str(valkey.socket)}
        return children.start_server(
            [valkey_server(), *(word for name, value in settings.items() for word in (f"--{name}", value))],
            valkey.log,
            accounts.server_account(valkey.folder),
            keep=[lock.fileno()],
        )


def is_ready(valkey: Valkey) -> bool:
    """Whether the server answers, which it does when its append-only file is loaded."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PING_TIMEOUT_S)
        try:
            connection.connect(os.fspath(valkey.socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(5) == b"+PONG"
        except OSError:  # not there yet, or nobody behind it
            return False


def wait_until_ready(valkey: Valkey, process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Wait until it answers. Raises EmbeddedError when it ends first or takes longer."""
    children.wait_until(lambda: is_ready(valkey), process, valkey.log, timeout_s)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server within 2 s. Nothing acknowledged is lost even where that takes a SIGKILL."""
    children.stop(process, _STOP)
