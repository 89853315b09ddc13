"""`virtual-ward up` with its defaults, as a process of its own on this machine's loopback."""

import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from typing import Final

import httpx
import psycopg
from redis import Redis

from monitoring.config import PREFIX, read_settings
from monitoring.embedded import children
from monitoring.embedded.supervisor import Installation, read_installation
from monitoring.intake.clients import connect
from monitoring.intake.stream import DRAIN_QUEUE, bell_name, ring_once, stream_name
from tests.benchmarks.figures import BenchmarkError
from tests.monitoring.embedded.processes import REPOSITORY, offspring

START_S_MAX: Final = 90.0
STOP_S_MAX: Final = 20.0
SETTLE_S: Final = 3.0  # until every token is loaded and every worker waits for its first job
HELD_MS: Final = 600_000
POLL_S: Final = 0.002
QUIET_S: Final = 0.2
QUIET_S_MAX: Final = 20.0
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
STREAMS: Final = read_settings().streams


@dataclass(frozen=True, slots=True)
class Up:
    """A running installation."""

    process: subprocess.Popen[bytes]
    installation: Installation
    queue: Redis
    url: str
    ready_s: float  # from its start

    def owner(self) -> psycopg.Connection:
        """The database as its owner, each statement committed alone."""
        return psycopg.connect(self.installation.owner_url, autocommit=True)

    def backlog(self) -> int:
        """How many requests wait to be drained, or are being drained."""
        return sum(int(self.queue.xlen(stream_name(number))) for number in range(STREAMS))

    def wait_until_drained(self, within_s: float) -> float:
        """Wait for an empty queue. Returns when that was; raises BenchmarkError where it takes longer."""
        deadline_s = time.monotonic() + within_s
        while left := self.backlog():
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"{left} requests are left undrained after {within_s:g} s")
            time.sleep(POLL_S)
        return time.monotonic()

    def hold_bell(self) -> None:
        """Keep everybody from ringing, so that nothing is drained. Waits until the last drain has let go."""
        bells = [bell_name(number) for number in range(STREAMS)]
        quiet_s, deadline_s = 0.0, time.monotonic() + QUIET_S_MAX
        while quiet_s < QUIET_S:
            if time.monotonic() > deadline_s:
                raise BenchmarkError("somebody keeps ringing the bell")
            time.sleep(POLL_S)
            at_work = self.queue.exists(*bells) or self.queue.llen(f"rq:queue:{DRAIN_QUEUE}")
            quiet_s = 0.0 if at_work else quiet_s + POLL_S
        for bell in bells:
            self.queue.set(bell, 1, px=HELD_MS)

    def ring_bell(self) -> None:
        """Let the drain begin."""
        for number in range(STREAMS):
            self.queue.delete(bell_name(number))
            ring_once(self.queue, number)

    def pss_mb(self) -> dict[str, float]:
        """Proportional set size of everything that `up` started, in MB by part; shared pages count once."""

        def read(process: Path) -> float:
            rows = (process / "smaps_rollup").read_text().splitlines()
            return next((int(row.split()[1]) * 1024 / 1e6 for row in rows if row.startswith("Pss:")), 0.0)

        return self._by_part(read)

    def cpu_s(self) -> dict[str, float]:
        """CPU time that everything has used since it was started, in s by part: it hardly cares what else runs."""

        def read(process: Path) -> float:
            fields = (process / "stat").read_text().rpartition(") ")[2].split()
            return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

        return self._by_part(read)

    def _by_part(self, read: Callable[[Path], float]) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for pid, line in {self.process.pid: "up", **offspring(self.process.pid)}.items():
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                found[_part(line)] += read(Path("/proc") / str(pid))
        return dict(found)


UNHURRIED: Final = {"VIRTUAL_WARD_RATE_PER_S": "1000000"}
"""One token stands for many people who ask at once."""


@contextmanager
def running(data: Path, *, settle: bool = True, environment: Mapping[str, str] | None = None) -> Iterator[Up]:
    """`up` on a folder, ready; stopped afterwards, whatever happens. From the main thread."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    output = data.with_name(f"{data.name}.said")
    started_s = time.monotonic()
    process = _spawn(data, port, output, environment or {})
    try:
        _wait_until_ready(process, url, output)
        ready_s = time.monotonic() - started_s
        installation = read_installation(data)
        queue = connect(installation.queue_url)
        if settle:
            _wait_until_settled(url)
        yield Up(process, installation, queue, url, ready_s)
        queue.close()
    finally:
        _stop(process)


def clean_environment() -> dict[str, str]:
    """Our environment without settings of another installation: everything is at its default."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _spawn(data: Path, port: int, output: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with output.open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "monitoring.cli", "up", "--data", data, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            env={**clean_environment(), **environment},
            **children.bound(SIGTERM),
        )


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, output: Path) -> None:
    deadline_s = time.monotonic() + START_S_MAX
    while f"ready on {url}" not in output.read_text():
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise BenchmarkError(f"`up` does not start: {output.read_text()[-2000:]}")
        time.sleep(0.01)


def _wait_until_settled(url: str) -> None:
    """Until every part says that it is well, and a little longer."""
    deadline_s = time.monotonic() + START_S_MAX
    while (health := httpx.get(f"{url}/health/ready", timeout=10).json())["status"] != "ok":
        if time.monotonic() > deadline_s:
            raise BenchmarkError(f"`up` does not become healthy: {health['parts']}")
        time.sleep(0.1)
    time.sleep(SETTLE_S)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S_MAX)
    children.kill(process)


def _part(command: str) -> str:
    """Which part of the installation a command line belongs to."""
    named = {"monitoring.serve": "API", "workers.worker": "workers", "workers.timekeeper": "timekeeper"}
    for module, name in named.items():
        if module in command:
            return name
    program = command.split(" ", maxsplit=1)[0].rpartition("/")[2]
    return {"valkey-server": "Valkey", "up": "up"}.get(program, "PostgreSQL")
