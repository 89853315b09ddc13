"""Real processes for the tests: started, looked at, waited for with a deadline."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from monitoring.embedded.supervisor import Installation, read_installation

REPOSITORY = Path(__file__).parents[3]


def eventually(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait until the condition holds. Fails the test where it doesn't in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs. A zombie doesn't."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


def offspring(pid: int) -> dict[int, str]:
    """The processes below one, with their command lines."""
    found: dict[int, str] = {}
    parents = {int(entry.name): _parent(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    generation = {pid}
    while generation:
        generation = {child for child, parent in parents.items() if parent in generation}
        for child in generation:
            with suppress(FileNotFoundError, ProcessLookupError):
                found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    return found


def _parent(entry: Path) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        return int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
    return 0


class Up:
    """`up` as a process of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._output = data.with_name(f"{data.name}.said")
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.monitoring.embedded.up", data],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    @property
    def said(self) -> list[str]:
        """What it printed so far, by line."""
        return self._output.read_text().splitlines()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    def ready(self) -> Self:
        """Wait until it said that it is ready, and then has started what is not needed for that."""
        eventually(lambda: self.process.poll() is not None or "ready on http://127.0.0.1:8000" in self.said)
        assert self.process.poll() is None, self.said
        eventually(lambda: self.notes("started")[-1] != "ready")
        return self

    @property
    def installation(self) -> Installation:
        """As another command finds it."""
        return read_installation(self.data)

    def child(self, program: str) -> int:
        """The pid of its child that runs a program."""
        below = offspring(self.process.pid)
        return next(pid for pid, line in below.items() if line.split(" ")[0].endswith(program))

    def notes(self, file: str) -> list[str]:
        """What the parts wrote down, by line."""
        return (self.data / file).read_text().splitlines()

    def kill(self) -> None:
        """End it as no program can foresee."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Stop it as `kill` and service managers do. Returns its exit status."""
        self.process.terminate()
        return self.process.wait(15)
