"""Three Valkeys, a primary and two replicas, and three sentinels that make another one the primary when it is gone."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from monitoring.config import SENTINELS
from monitoring.embedded import children, valkey
from monitoring.embedded.binaries import valkey_server
from monitoring.intake.clients import connect
from tests.chaos.up import free_port
from tests.monitoring.embedded.processes import eventually

NAME: Final = "ward"
DOWN_MS: Final = 1000  # this long without an answer, and two sentinels of three choose another primary
ELECTED_S: Final = 30.0
HERE: Final = "127.0.0.1"


class Trio:
    """The servers, by port. Made and used from the main thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        self._sentinels: list[subprocess.Popen[bytes]] = []
        self._sentinel_ports: list[int] = []

    @property
    def url(self) -> str:
        """As the service is told it."""
        return f"{SENTINELS}{','.join(f'{HERE}:{port}' for port in self._sentinel_ports)}/{NAME}/0"

    def start(self) -> None:
        """All six, until the primary has both replicas."""
        primary, *others = (free_port() for _ in range(3))
        self._start(primary)
        for port in others:
            self._start(port, of=primary)
        for number in range(3):
            self._watch(number, primary)
        with connect(self.url) as client:
            eventually(lambda: _says(client, "connected_slaves") == 2, within_s=ELECTED_S)

    def primary(self) -> int:
        """The port of the one that the sentinels call so."""
        with Redis(host=HERE, port=self._sentinel_ports[0], socket_timeout=2) as sentinel:
            _, port = sentinel.sentinel_get_master_addr_by_name(NAME)
            return int(port)

    def kill(self, port: int) -> None:
        """Kill -9."""
        children.kill(self._servers.pop(port))

    def mend(self, port: int) -> None:
        """Start one that was killed, once another is the primary, as its replica; until it has caught up."""
        eventually(lambda: self.primary() != port, within_s=ELECTED_S)
        self._start(port, of=self.primary())
        with connect(self.url) as client:
            eventually(lambda: _says(client, "connected_slaves") == 2, within_s=ELECTED_S)

    def stop(self) -> None:
        """All of them."""
        for process in (*self._sentinels, *self._servers.values()):
            valkey.stop(process)

    def _start(self, port: int, *, of: int | None = None) -> None:
        settings = {**valkey.DURABLE, "port": str(port), "bind": HERE, "repl-diskless-sync-delay": "0"}
        settings |= {} if of is None else {"replicaof": f"{HERE} {of}"}
        server = valkey.Valkey(self._folder / f"valkey-{port}", self._folder / "run" / f"{port}.sock", settings)
        valkey.prepare(server)
        self._servers[port] = valkey.start(server)
        valkey.wait_until_ready(server, self._servers[port], ELECTED_S)

    def _watch(self, number: int, primary: int) -> None:
        port = free_port()
        file = self._folder / f"sentinel-{number}.conf"
        file.write_text("\n".join(_sentinel(port, primary)))
        command: Sequence[str | Path] = [valkey_server(), file, "--sentinel"]
        self._sentinels.append(children.start_server(command, file.with_suffix(".log"), None))
        self._sentinel_ports.append(port)
        eventually(lambda: self.primary() == primary if _answers(port) else False)


def _sentinel(port: int, primary: int) -> Iterator[str]:
    yield f"port {port}"
    yield f"bind {HERE}"
    yield f"sentinel monitor {NAME} {HERE} {primary} 2"
    yield f"sentinel down-after-milliseconds {NAME} {DOWN_MS}"
    yield f"sentinel failover-timeout {NAME} 5000\n"


def _answers(port: int) -> bool:
    try:
        with Redis(host=HERE, port=port, socket_timeout=2) as sentinel:
            return bool(sentinel.ping())
    except (RedisError, OSError):
        return False


def _says(client: Redis, name: str) -> object:
    try:
        return client.info("replication")[name]
    except (RedisError, OSError):  # no primary at this moment
        return None


@contextmanager
def trio(folder: Path) -> Iterator[Trio]:
    """All six, while they run."""
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    made = Trio(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
