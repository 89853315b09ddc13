"""`virtual-ward up` as a process of its own, and the processes below it, found to be killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import httpx
import psycopg

from monitoring.config import PREFIX
from monitoring.embedded import children
from monitoring.embedded.installation import RUN_FILE, Installation
from tests.monitoring.embedded.processes import REPOSITORY, alive, eventually, offspring

PARTS: Final = {
    "API": "-m monitoring.lean monitoring.serve",
    "worker": "-m monitoring.lean workers.worker",
    "timekeeper": "-m monitoring.lean workers.timekeeper",
    "Valkey": "/valkey-server ",
    "PostgreSQL": "/postgres -D ",
    "session": "postgres: vw_app ",
}
"""What tells a part by its command line."""

START_S: Final = 120.0
NOTHING: Final[Mapping[str, str]] = {}
STOP_S: Final = 15.0  # what `up` promises


class Up:
    """One installation: started, killed, started again on the same folder."""

    def __init__(self, data: Path, *, workers: int = 2, env: Mapping[str, str] = NOTHING) -> None:
        self.data = data
        self.workers = workers
        self._env = env
        self.port = free_port()
        self.process = self._spawn()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        below = offspring(self.process.pid)
        with suppress(subprocess.TimeoutExpired):
            self.stop()
        children.kill(self.process)
        eventually(lambda: not any(alive(pid) for pid in below), within_s=10)

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def installation(self) -> Installation:
        """As `up` wrote it down. Unlike `read_installation` this asks for no lock, and works in a kill's midst."""
        return Installation(**json.loads((self.data / RUN_FILE).read_text()))

    @property
    def said(self) -> str:
        """What it and its parts said last."""
        return self._output.read_text(errors="replace")[-4000:]

    def ready(self) -> Self:
        """Wait until everything answers. Fails naming what `up` said where it ends first."""
        deadline = time.monotonic() + START_S
        while not self.is_healthy():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)
        return self

    def is_healthy(self) -> bool:
        """Whether the API says that every part is well."""
        with suppress(httpx.HTTPError):
            answer = httpx.get(f"{self.url}/health/ready", timeout=2)
            return answer.is_success and answer.json()["status"] == "ok"
        return False

    def pids(self, part: str) -> list[int]:
        """The processes of a part, oldest generation first: a fork of PostgreSQL bears its name for a moment."""
        found = [pid for pid, line in offspring(self.process.pid).items() if PARTS[part] in f"{line} "]
        return found[: self.workers] if part == "worker" else found[:1]

    def kill(self) -> None:
        """Kill -9 `up` itself, and wait until the kernel has ended what was below it."""
        below = offspring(self.process.pid)
        self.process.kill()
        self.process.wait()
        eventually(lambda: not any(alive(pid) for pid in below), within_s=10)

    def kill_everything(self) -> None:
        """Kill -9 `up` and all below it in one sweep: `up` first, so that it starts nothing again."""
        below = offspring(self.process.pid)
        for pid in (self.process.pid, *below):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        eventually(lambda: not any(alive(pid) for pid in below), within_s=10)

    def start_again(self) -> None:
        """Start it on the same folder and port. Doesn't wait."""
        assert self.process.poll() is not None
        self.process = self._spawn()

    def stop(self) -> int:
        """Stop it as Ctrl-C does. Returns its exit status; raises TimeoutExpired where it takes over 15 s."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_S)

    def connect(self) -> psycopg.Connection:
        """The database, as its owner. Raises OperationalError while it is away."""
        return psycopg.connect(self.installation.owner_url, autocommit=True, connect_timeout=2)

    def command(self, *words: str, exit_status: int | None = 0) -> str:
        """What another `virtual-ward` command prints of this installation, as JSON. None: whatever its exit status."""
        command = [sys.executable, "-m", "monitoring.cli", *words, "--data", str(self.data), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY, env=environment())
        assert exit_status is None or done.returncode == exit_status, done.stderr
        return done.stdout

    @property
    def _output(self) -> Path:
        return self.data.with_name(f"{self.data.name}.said")

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Bound to us: however we end, the kernel ends it, and with it all below. From the main thread."""
        command = ["-m", "monitoring.cli", "up", "--data", str(self.data), "--port", str(self.port)]
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *command, "--workers", str(self.workers)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env=environment() | dict(self._env),
                **children.bound(signal.SIGKILL),
            )


@contextmanager
def running(*, workers: int = 2) -> Iterator[Up]:
    """An installation in a fresh folder, ready; afterwards neither a process nor the folder is left."""
    with tempfile.TemporaryDirectory(prefix="vw-chaos-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # under root the servers run as another account
        with Up(Path(folder, "data"), workers=workers) as up:
            yield up.ready()


def environment() -> dict[str, str]:
    """Ours, without what would point an installation elsewhere. Those who are told are on this machine, too."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return ours | {f"{PREFIX}WEBHOOK_ALLOW_PRIVATE": "true"}


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
