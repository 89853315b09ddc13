"""Servers that are away, hang, talk nonsense or keep nothing, and waiting until something is so."""

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from monitoring.embedded import postgres, valkey
from monitoring.embedded.valkey import Valkey
from tests.servers import Servers

_PATIENCE_S = 15.0
_tick = threading.Event()  # never set: waiting for it is a pause that does not block an event loop elsewhere


def until(condition: Callable[[], object], *, within_s: float = _PATIENCE_S) -> float:
    """Return as soon as `condition` holds, with the seconds it took. Fails after `within_s`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, "it never came about"
        _tick.wait(0.005)
    return time.monotonic() - began


@contextmanager
def own_queue(**settings: str) -> Iterator[Valkey]:
    """A Valkey of its own, set as the tests' one but for `settings`. From the main thread."""
    with _folder() as folder:
        server = Valkey(folder / "valkey", folder / "run" / "valkey.sock", {**valkey.FAST, **settings})
        valkey.prepare(server)
        process = valkey.start(server)
        try:
            valkey.wait_until_ready(server, process, 20)
            yield server
        finally:
            valkey.stop(process)


@contextmanager
def hanging_queue() -> Iterator[str]:
    """The URL of a server that lets everybody in and never says a word."""
    with _folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "hangs.sock"))
        listener.listen(64)
        yield f"unix://{folder}/hangs.sock"


@contextmanager
def babbling_queue() -> Iterator[str]:
    """The URL of a server that answers whatever it hears with something that is no answer."""
    with _folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "babbles.sock"))
        listener.listen(64)
        babbler = threading.Thread(target=_babble, args=(listener,), daemon=True)
        babbler.start()
        yield f"unix://{folder}/babbles.sock"
        listener.shutdown(socket.SHUT_RDWR)
        babbler.join()


@contextmanager
def database_away(servers: Servers, url: str) -> Iterator[None]:
    """The database of that URL throws everybody out and lets nobody in."""
    name = conninfo_to_dict(url)["dbname"]
    _run(servers.postgres.url("postgres", postgres.OWNER), f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    _run(servers.postgres.url("postgres"), f"{_TERMINATE} datname = '{name}'")  # sessions are ended by their own role
    try:
        yield
    finally:
        _run(servers.postgres.url("postgres", postgres.OWNER), f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the servers' account can cross."""
    with tempfile.TemporaryDirectory(prefix="vw-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


def _babble(listener: socket.socket) -> None:
    with suppress(OSError):  # shut down
        while True:
            heard, _ = listener.accept()
            with heard, suppress(OSError):
                while heard.recv(65_536):
                    heard.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
