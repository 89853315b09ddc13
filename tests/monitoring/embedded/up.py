"""`virtual-ward up` with parts of a few lines, run by the tests as a process of its own.

python -m tests.monitoring.embedded.up DIR
"""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

from monitoring.embedded import EmbeddedError
from monitoring.embedded.supervisor import Installation, Part, Service, supervise

PARTS = ("api", "worker", "timekeeper")
ASKED = 5  # every 0.1 s


def note(data: Path, file: str, line: str) -> None:
    """Append a line to a file of the data directory."""
    with (data / file).open("a") as notes:
        notes.write(f"{line}\n")


def answers(path: Path) -> bool:
    """Whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def part(name: str, data: Path, sockets: Path) -> None:
    """Say that it runs; when told to stop, say whether the servers are still there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    note(data, "started", f"{name} {os.getpid()} {os.environ['PROMETHEUS_MULTIPROC_DIR']}")
    signal.sigwait({signal.SIGTERM})
    servers = answers(sockets / ".s.PGSQL.5432") and answers(sockets / "valkey.sock")
    note(data, "stopped", f"{name}, servers {'up' if servers else 'down'}")


def parts(installation: Installation) -> list[Part]:
    """Each part is this file again."""
    argv = [sys.executable, "-m", "tests.monitoring.embedded.up", installation.data, installation.sockets]
    return [Part(name, argv, {"PART": name}) for name in PARTS]


def way_in(data: Path) -> Iterator[bool]:
    """Whether it is ready: once it was asked so often that anything else would have begun as well."""
    yield from repeat(False, ASKED)
    note(data, "started", "ready")
    yield from repeat(True)


def up(data: Path) -> int:
    """What the command does, in short."""
    ready = way_in(data)
    try:
        return supervise(
            data,
            Service(
                migrate=lambda installation: note(data, "migrated", installation.owner_url),
                parts=parts,
                ready=lambda _: next(ready),
                port=8000,
            ),
            say=lambda message: print(message, flush=True),
        )
    except EmbeddedError as error:
        print(error, flush=True)
        return 1


if __name__ == "__main__":
    if "PART" in os.environ:
        part(os.environ["PART"], Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        sys.exit(up(Path(sys.argv[1])))
