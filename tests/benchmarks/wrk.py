"""wrk, with bodies from a file: each posted once, counted, and timed on the clock that `time.monotonic` reads."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Final

import msgspec

from monitoring.embedded import children
from tests.benchmarks.figures import BenchmarkError

SCRIPT: Final = Path(__file__).with_name("load.lua")
CONNECTIONS: Final = 64
SECONDS_MAX: Final = 120
ANSWER_S_MAX: Final = 10


class Load(msgspec.Struct, frozen=True):
    """What wrk saw."""

    posts: int  # answered
    accepted: int  # 202
    busy: int  # 503
    refused: int  # anything else
    errors: int  # of connections, and answers that took more than 10 s
    first_s: float  # when the first was sent, on the monotonic clock
    last_s: float  # when the last was answered
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Accepted posts a second."""
        return self.accepted / (self.last_s - self.first_s)


_load = msgspec.json.Decoder(Load)


def is_there() -> bool:
    """Whether wrk is on PATH."""
    return shutil.which("wrk") is not None


def post(url: str, file: Path, *, expected: int) -> Load:
    """Post every line of a file. Raises BenchmarkError unless all were answered, each with 202 or 503."""
    with posting(url, file) as wrk:
        return result(wrk, expected=expected)


@contextmanager
def posting(url: str, file: Path, *, rate: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """wrk at work, at `rate` posts a second or as fast as answers come; killed at the end where it still runs."""
    options = [f"-c{CONNECTIONS}", f"-d{SECONDS_MAX}", f"--timeout={ANSWER_S_MAX}", "-s", str(SCRIPT)]
    with subprocess.Popen(
        ["wrk", "-t1", *options, url, "--", file, str(rate)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **children.bound(SIGKILL),
    ) as process:
        try:
            yield process
        finally:
            children.kill(process)


def result(process: subprocess.Popen[bytes], *, expected: int) -> Load:
    """Wait for wrk to end, and read what it counted. Raises BenchmarkError as `post`."""
    output, _ = process.communicate(timeout=SECONDS_MAX + ANSWER_S_MAX)
    _, found, counted = output.decode(errors="replace").partition("RESULT ")
    if not found:
        raise BenchmarkError(f"wrk failed: {output.decode(errors='replace')[-500:]}")
    load = _load.decode(counted)
    if load.posts != expected or load.refused or load.errors:
        raise BenchmarkError(f"wrk: {load.posts} of {expected} answered, {load.refused} refused, {load.errors} errors")
    return load
