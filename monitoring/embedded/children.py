"""Child processes that never outlive us: each in a session of its own, ended by the kernel when we die."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from monitoring.embedded import EmbeddedError
from monitoring.embedded.accounts import Account, RunAs, run_as

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER: Final = 36
LOG_BYTES_MAX: Final = 5 * 2**20  # a log larger than this when its server starts becomes `.1`; one is kept
POLL_S: Final = 0.01
LIBC: Final = ctypes.CDLL(None)

# Servers read nothing of our environment: no PGPORT, no locale, and none of our secrets.
SERVER_ENV: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

Steps = Sequence[tuple[signal.Signals, float]]  # signals to stop by, and how long to wait after each, in s


class Bound(RunAs):
    """The arguments of Popen that bind a child to us."""

    start_new_session: bool
    preexec_fn: Callable[[], None]


def bound(death_signal: signal.Signals, account: Account | None = None) -> Bound:
    """Give a child a session of its own, and have the kernel send it `death_signal` when our thread ends.

    It is the spawning *thread* that counts, so children are started by the main thread. Elsewhere than on
    Linux nothing of the kind exists, and a kill -9 of `up` leaves its children running. What runs in the
    child before its program takes no lock, so that other threads can't make it hang.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if sys.platform == "linux":
            LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # we died before the child could ask
                os._exit(1)

    return {"start_new_session": True, "preexec_fn": before_exec, **run_as(account)}


def start_server(
    argv: Sequence[str | Path],
    log: Path,
    account: Account | None,
    *,
    death_signal: signal.Signals = signal.SIGKILL,
    keep: Collection[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a server that writes to `log` and inherits the file descriptors `keep`."""
    with _opened_log(log) as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=SERVER_ENV,
            cwd="/",
            pass_fds=tuple(keep),
            **bound(death_signal, account),
        )


def run_tool(argv: Sequence[str | Path], account: Account | None, stdin: str = "") -> None:
    """Run a program to its end. Raises EmbeddedError with the last it said where it fails."""
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=SERVER_ENV,
        cwd="/",
        **bound(signal.SIGKILL, account),
    ) as tool:
        try:
            output, _ = tool.communicate(stdin.encode())
        finally:
            kill(tool)  # where we are interrupted, it and what it started
    if tool.returncode != 0:
        said = " ".join(output.decode(errors="replace").splitlines()[-3:])
        raise EmbeddedError(f"{Path(argv[0]).name} failed: {said}")


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, timeout_s: float) -> None:
    """Wait for a server that was just started. Raises EmbeddedError when it ends or takes too long."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            raise EmbeddedError(f"{ending(process.returncode)}: {last_words(log)}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"not ready after {timeout_s:g} s: {last_words(log)}")
        time.sleep(POLL_S)


def stop(process: subprocess.Popen[bytes], steps: Steps) -> None:
    """Send one signal after the other until the process ends; at last SIGKILL to its whole session."""
    for number, patience_s in steps:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and what it started, where it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ending(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode < 0:
        return f"signal {-returncode}, {signal.strsignal(-returncode)}"
    return f"exit status {returncode}"


def last_words(log: Path) -> str:
    """Of the last lines a server wrote the fatal one, else the last of all."""
    lines: list[str] = []
    with suppress(FileNotFoundError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
        lines = file.read().decode(errors="replace").splitlines()[-5:]
    fatal = [line for line in lines if "FATAL" in line.upper()]
    return (fatal or lines or ["it said nothing"])[-1]


def adopt_orphans() -> None:
    """Become the parent of what a child of ours leaves behind when it dies, on Linux."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_orphans(program: str) -> None:
    """SIGKILL our children that run `program`. To be called while none of that name is meant to run."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            name, _, fields = stat.read_text().partition(" (")[2].rpartition(") ")
            if name == program and int(fields.split()[1]) == os.getpid():
                pid = int(stat.parent.name)
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)


def _opened_log(log: Path) -> IO[bytes]:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab")
