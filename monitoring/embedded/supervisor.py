"""The whole service on one machine: the servers, then the parts, each started again when it dies.

Children are started by the main thread only: the kernel ends them with the thread that started them.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from monitoring.embedded import EmbeddedError, children, postgres, valkey
from monitoring.embedded.installation import (
    Installation,
    locked,
    read_installation,
    recorded,
    socket_folder,
)
from monitoring.embedded.watched import Watched

__all__ = ["Installation", "Part", "Say", "Service", "read_installation", "supervise"]

START_S: Final = 60.0  # servers that still fail to start after this end `up`
PROGRESS_S: Final = 5.0  # how often we say what we wait for
FIRST: Final = 2
"""So many parts, the way in, have the processors to themselves until it is ready, or for `FIRST_S`."""
FIRST_S: Final = 5.0
TICK_S: Final = 0.1
PARTS_STOP_S: Final = 7.0  # longer than the 5 s a worker's job may take; with the servers' 7 s within 15 s

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the service: `env` is added to our own environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """What `up` is to run. A server whose URL is configured is somebody else's and isn't started."""

    migrate: Callable[[Installation], None]
    parts: Callable[[Installation], Sequence[Part]]  # the way in first
    ready: Callable[[Installation], bool]  # asked until it says so; to answer within a second
    port: int
    database_url: str | None = None
    owner_url: str | None = None  # where it differs from database_url
    queue_url: str | None = None
    scheme: str = "http"


@dataclass(frozen=True, slots=True)
class _Server:
    program: str
    watched: Watched
    ready: Callable[[subprocess.Popen[bytes]], bool]
    stop: Callable[[subprocess.Popen[bytes]], None]


_NO_PARTS: Final = Service(migrate=lambda _: None, parts=lambda _: (), ready=lambda _: True, port=0)


class _Stopped(BaseException):
    """A signal asked us to stop."""


def supervise(data: Path, service: Service, *, say: Say, until: threading.Event | None = None) -> int:
    """Run everything on `data` until SIGINT, SIGTERM or SIGHUP comes or `until` is set; then stop in order.

    Returns 0. Raises EmbeddedError where it can't start, and whatever `service.migrate` raises.
    """

    def tell(message: str) -> None:
        with suppress(OSError):  # a closed terminal or pipe ends nothing
            say(message)

    with _interrupts() as disarm, ExitStack() as cleanup:
        try:
            _run(data.resolve(), service, tell, until or threading.Event(), cleanup)
        except _Stopped:
            pass
        finally:
            disarm()
    return 0


@contextmanager
def servers_alone(data: Path, say: Say) -> Iterator[Installation]:
    """The embedded servers on `data`, made where they are not there, without any part. From the main thread.

    Raises AlreadyRunningError where `up` runs on it, and EmbeddedError where they don't start.
    """
    with ExitStack() as cleanup:
        cleanup.enter_context(locked(data.resolve()))
        children.adopt_orphans()
        sockets = cleanup.enter_context(socket_folder(data.resolve()))
        installation, servers = _prepared(data.resolve(), sockets, _NO_PARTS, say)
        for server in servers:
            cleanup.callback(_stop_server, server, say)
        _start_servers(servers, say)
        yield installation


def _run(data: Path, service: Service, say: Say, until: threading.Event, cleanup: ExitStack) -> None:
    """Start everything and keep it running; `cleanup` learns how to stop what was started, the last first."""
    cleanup.enter_context(locked(data))
    children.adopt_orphans()
    sockets = cleanup.enter_context(socket_folder(data))
    installation, servers = _prepared(data, sockets, service, say)
    for server in servers:
        cleanup.callback(_stop_server, server, say)
    _start_servers(servers, say)
    metrics = _emptied_metrics(data)
    parts = [Watched(part.name, partial(_spawn_part, part, metrics), say) for part in service.parts(installation)]
    cleanup.callback(_stop_parts, parts, say)
    for part in parts[:FIRST]:
        part.tick(time.monotonic())
    service.migrate(installation)  # meanwhile these import themselves, and wait for their schema
    cleanup.enter_context(recorded(installation))
    ready, others_s = False, time.monotonic() + FIRST_S
    while not until.is_set():
        now_s = time.monotonic()
        for server in servers:
            server.watched.tick(now_s)
        for part in parts if ready or now_s > others_s else parts[:FIRST]:
            if (pid := part.tick(now_s)) is not None:
                mark_process_dead(pid, str(metrics))  # type: ignore[no-untyped-call]
        if not ready and (ready := service.ready(installation)):
            say(f"ready on {service.scheme}://127.0.0.1:{service.port}")
        until.wait(TICK_S)


def _prepared(data: Path, sockets: Path, service: Service, say: Say) -> tuple[Installation, list[_Server]]:
    """The servers that aren't configured, in the order they start and opposite to how they stop."""
    cluster = postgres.Postgres(data / "postgres", sockets, postgres.DURABLE)
    queue = valkey.Valkey(data / "valkey", sockets / "valkey.sock", valkey.DURABLE)
    servers = []
    if service.queue_url is None:
        valkey.prepare(queue)
        start = partial(_start_alone, "valkey-server", partial(valkey.start, queue))
        watched = Watched("Valkey", start, say, queue.log)
        servers.append(_Server("valkey-server", watched, lambda _: valkey.is_ready(queue), valkey.stop))
    if service.database_url is None:
        postgres.prepare(cluster)
        start = partial(_start_alone, "postgres", partial(postgres.start, cluster))
        watched = Watched("PostgreSQL", start, say, cluster.log)
        servers.append(_Server("postgres", watched, partial(postgres.is_ready, cluster), postgres.stop))
    installation = Installation(
        data=str(data),
        sockets=str(sockets),
        port=service.port,
        pid=os.getpid(),
        database_url=service.database_url or cluster.url(user=postgres.APP),
        owner_url=service.owner_url or service.database_url or cluster.url(user=postgres.OWNER),
        queue_url=service.queue_url or queue.url(),
    )
    return installation, servers


def _start_alone(program: str, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a server after ending what a killed one left: a busy session would keep it from starting."""
    children.kill_orphans(program)
    return start()


def _start_servers(servers: Sequence[_Server], say: Say) -> None:
    """Start all at once and wait for them. One that lives is waited for, however long it takes to recover."""
    started_s = time.monotonic()
    progress_s = started_s + PROGRESS_S
    while waiting := [server.watched for server in servers if not _is_ready(server)]:
        now_s = time.monotonic()
        for watched in waiting:
            watched.tick(now_s)
            if now_s - started_s > START_S and watched.process is None:
                raise EmbeddedError(f"{watched.name} doesn't start: {_last_words(watched)}")
        if now_s > progress_s:
            progress_s = now_s + PROGRESS_S
            for watched in waiting:
                say(f"waiting for {watched.name}: {_last_words(watched)}")
        time.sleep(children.POLL_S)


def _is_ready(server: _Server) -> bool:
    process = server.watched.process
    return process is not None and process.poll() is None and server.ready(process)


def _last_words(watched: Watched) -> str:
    return children.last_words(watched.log) if watched.log else ""


def _emptied_metrics(data: Path) -> Path:
    """Where the parts add up their metrics, without what earlier processes left there."""
    metrics = data / "metrics"
    metrics.mkdir(mode=0o700, exist_ok=True)
    for file in metrics.glob("*.db"):
        file.unlink()
    return metrics


def _spawn_part(part: Part, metrics: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        part.argv,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **part.env, "PROMETHEUS_MULTIPROC_DIR": str(metrics)},
        **children.bound(signal.SIGKILL),
    )


def _stop_parts(parts: Sequence[Watched], say: Say) -> None:
    running = [(part.name, part.process) for part in parts if part.process is not None]
    say(f"stopping {', '.join(part.name for part in parts)}")
    for _, process in running:
        process.terminate()
    deadline_s = time.monotonic() + PARTS_STOP_S
    for name, process in running:
        try:
            process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            children.kill(process)
            say(f"{name} didn't stop within {PARTS_STOP_S:g} s and was killed")


def _stop_server(server: _Server, say: Say) -> None:
    if server.watched.process is not None:
        say(f"stopping {server.watched.name}")
        server.stop(server.watched.process)
    children.kill_orphans(server.program)


@contextmanager
def _interrupts() -> Iterator[Callable[[], None]]:
    """Raise _Stopped at the first signal to stop, and never after the yielded function was called.

    A raise reaches everything that waits, `service.migrate` too; a flag would be seen only between two steps.
    """
    armed = True

    def disarm() -> None:
        nonlocal armed
        armed = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if armed:
            disarm()
            raise _Stopped

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored under nohup
        numbers.append(signal.SIGHUP)
    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield disarm
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
