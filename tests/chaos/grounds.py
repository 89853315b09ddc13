"""Where faults strike: an installation on its own servers, or one whose lines to its servers can be cut."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from monitoring.config import PREFIX
from monitoring.embedded import postgres, valkey
from tests.chaos.homes import Home
from tests.chaos.lines import Lines
from tests.chaos.sentinels import Trio, trio
from tests.chaos.up import Up

START_S: Final = 60.0


class CannotMountError(Exception):
    """Small disks need root."""


@dataclass(frozen=True, slots=True)
class Ground:
    """An installation that runs, and what it stands on that faults reach into."""

    up: Up
    lines: Mapping[str, Lines] = field(default_factory=dict)  # by server
    disks: Mapping[str, Path] = field(default_factory=dict)  # small ones, by server
    queue: Trio | None = None  # with replicas
    well: list[Home] = field(default_factory=list)  # the homes of those who stay well in this experiment


@contextmanager
def embedded() -> Iterator[Ground]:
    """`up` with its servers, in a fresh folder."""
    with crossable_folder() as folder, Up(folder / "data") as up:
        yield Ground(up.ready())


@contextmanager
def on_lines() -> Iterator[Ground]:
    """`up` whose queue and database are elsewhere, behind lines that can be cut."""
    with ExitStack() as stack:
        folder = stack.enter_context(crossable_folder())
        database, queue = stack.enter_context(_postgres(folder)), stack.enter_context(_valkey(folder))
        near = folder / "near"
        near.mkdir(mode=0o711)
        to_queue = stack.enter_context(Lines(near / "valkey.sock", queue.socket))
        named = f".s.PGSQL.{postgres.PORT}"
        to_database = stack.enter_context(Lines(near / named, database.sockets / named))
        urls = {
            "DATABASE_URL": f"postgresql://{postgres.APP}@/{postgres.DATABASE}?host={near}&port={postgres.PORT}",
            "DATABASE_OWNER_URL": database.url(user=postgres.OWNER),
            "QUEUE_URL": f"unix://{near}/valkey.sock?db=0",
        }
        up = stack.enter_context(Up(folder / "data", env={f"{PREFIX}{name}": url for name, url in urls.items()}))
        yield Ground(up.ready(), {"Valkey": to_queue, "PostgreSQL": to_database})


@contextmanager
def on_replicas() -> Iterator[Ground]:
    """`up` whose queue has two replicas, and sentinels that choose the primary."""
    with ExitStack() as stack:
        folder = stack.enter_context(crossable_folder())
        queue = stack.enter_context(trio(folder / "trio"))
        up = stack.enter_context(Up(folder / "data", env={f"{PREFIX}QUEUE_URL": queue.url}))
        yield Ground(up.ready(), queue=queue)


@contextmanager
def on_small_disks() -> Iterator[Ground]:
    """`up` whose servers have a small disk each, in memory. Raises CannotMount where that is forbidden."""
    with ExitStack() as stack:
        folder = stack.enter_context(crossable_folder())
        data, run = folder / "data", folder / "run"
        disks = {}
        for name, size_mb in (("postgres", 320), ("valkey", 24)):
            tmpfs = ("-t", "tmpfs", "-o", f"size={size_mb}m,mode=0711", "tmpfs")
            disks[name] = stack.enter_context(_mounted(folder / f"disk-{name}", *tmpfs)) / name
        postgres.prepare(postgres.Postgres(disks["postgres"], run, postgres.DURABLE))
        valkey.prepare(valkey.Valkey(disks["valkey"], run / "valkey.sock", valkey.DURABLE))
        for name, disk in disks.items():
            stack.enter_context(_mounted(data / name, "--bind", str(disk)))
        with Up(data) as up:
            yield Ground(up.ready(), disks={"Valkey": data / "valkey", "PostgreSQL": data / "postgres"})


@contextmanager
def _mounted(folder: Path, *what: str) -> Iterator[Path]:
    folder.mkdir(mode=0o711, parents=True)
    try:
        done = subprocess.run(["mount", *what, folder], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CannotMountError(str(error)) from error
    if done.returncode:
        raise CannotMountError(done.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def crossable_folder() -> Iterator[Path]:
    """That the servers' account can cross, and of which nothing is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="vw-chaos-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def _postgres(folder: Path) -> Iterator[postgres.Postgres]:
    server = postgres.Postgres(folder / "servers" / "postgres", folder / "servers" / "run", postgres.DURABLE)
    server.folder.parent.mkdir(mode=0o711, exist_ok=True)
    postgres.prepare(server)
    process = postgres.start(server)
    try:
        postgres.wait_until_ready(server, process, START_S)
        yield server
    finally:
        postgres.stop(process)


@contextmanager
def _valkey(folder: Path) -> Iterator[valkey.Valkey]:
    server = valkey.Valkey(folder / "servers" / "valkey", folder / "servers" / "run" / "valkey.sock", valkey.DURABLE)
    valkey.prepare(server)
    process = valkey.start(server)
    try:
        valkey.wait_until_ready(server, process, START_S)
        yield server
    finally:
        valkey.stop(process)


GROUNDS: Final = {"embedded": embedded, "lines": on_lines, "disks": on_small_disks, "replicas": on_replicas}
