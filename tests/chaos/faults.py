"""What can go wrong with processes, as a table: each strikes in the midst of a load, and mends it at its end."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Final

from tests.chaos.grounds import Ground
from tests.chaos.up import Up
from tests.monitoring.embedded.processes import eventually

STOPPED_S: Final = (5.0, 30.0)
BRIEFLY_S: Final = (2.5, 5.0)  # longer than the API waits for its queue
AWAY_S: Final = (5.0, 15.0)
CLOCK_OFF: Final = timedelta(hours=1)

Span = tuple[float, float]  # a random time between these, in s
Strike = Callable[[Ground, Random], AbstractContextManager[float]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong. `strike` yields when recovery could begin, by the monotonic clock, in s."""

    name: str
    strike: Strike
    is_single_kill: bool = False  # after which everything has to be back within seconds
    ground: str = "embedded"  # where it strikes
    forgets_looks: bool = False  # the database's server is killed, and with it the last looks (docs/decisions/0013)


@contextmanager
def killed(part: str, ground: Ground, rng: Random, *, all_of_it: bool = False) -> Iterator[float]:
    """Kill -9 one process of a part, or all of them at once."""
    pids = ground.up.pids(part)
    for pid in pids if all_of_it else [rng.choice(pids)]:
        with suppress(ProcessLookupError):  # it ended by itself at this moment
            os.kill(pid, signal.SIGKILL)
    yield time.monotonic()


@contextmanager
def killed_in_a_batch(ground: Ground, _: Random) -> Iterator[float]:
    """Kill -9 every worker while one of them waits in the middle of its transaction for a lock that we hold."""
    with ground.up.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE ledger IN SHARE ROW EXCLUSIVE MODE")
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'ledger'::regclass AND NOT granted"
        eventually(lambda: connection.execute(waiting).fetchone() != (0,))
        for pid in ground.up.pids("worker"):
            os.kill(pid, signal.SIGKILL)
    yield time.monotonic()


@contextmanager
def killed_twice(part: str, ground: Ground, _: Random) -> Iterator[float]:
    """Kill -9 a part, and the one that is started in its place as soon as it is there."""
    [first] = ground.up.pids(part)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: ground.up.pids(part) not in ([], [first]))
    os.kill(ground.up.pids(part)[0], signal.SIGKILL)
    yield time.monotonic()


@contextmanager
def kept_away(part: str, up: Up) -> Iterator[None]:
    """Kill -9 a part, and keep `up` from starting it again while the `with` lasts."""
    up.process.send_signal(signal.SIGSTOP)
    try:
        os.kill(up.pids(part)[0], signal.SIGKILL)
        yield
    finally:
        up.process.send_signal(signal.SIGCONT)


@contextmanager
def away(part: str, for_s: Span, ground: Ground, rng: Random) -> Iterator[float]:
    """A part is away for some seconds, as with a full disk."""
    with kept_away(part, ground.up):
        time.sleep(rng.uniform(*for_s))
    yield time.monotonic()


@contextmanager
def stopped(part: str, for_s: Span, ground: Ground, rng: Random) -> Iterator[float]:
    """SIGSTOP one process of a part, and SIGCONT it some seconds later: others have to take over meanwhile."""
    pid = rng.choice(ground.up.pids(part))
    until_s = time.monotonic() + rng.uniform(*for_s)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield time.monotonic()
        time.sleep(max(0.0, until_s - time.monotonic()))
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def paused(part: str, for_s: Span, ground: Ground, rng: Random) -> Iterator[float]:
    """SIGSTOP a part that nobody can stand in for, and SIGCONT it some seconds later."""
    with stopped(part, for_s, ground, rng):
        pass
    yield time.monotonic()


@contextmanager
def locked(for_s: Span, ground: Ground, rng: Random) -> Iterator[float]:
    """Hold a lock that every batch needs, as a change of schema does, for longer than a batch waits."""
    with ground.up.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE ledger IN SHARE ROW EXCLUSIVE MODE")
        time.sleep(rng.uniform(*for_s))
    yield time.monotonic()


@contextmanager
def up_killed(ground: Ground, _: Random) -> Iterator[float]:
    """Kill -9 `up` alone, and start it again on the same folder."""
    ground.up.kill()
    ground.up.start_again()
    yield time.monotonic()


@contextmanager
def everything_killed(ground: Ground, _: Random) -> Iterator[float]:
    """Kill -9 every process there is, and start it again on the same folder."""
    ground.up.kill_everything()
    ground.up.start_again()
    yield time.monotonic()


@contextmanager
def up_restarted(ground: Ground, _: Random) -> Iterator[float]:
    """Ctrl-C, which may take 15 s under load, and start it again on the same folder."""
    assert ground.up.stop() == 0
    ground.up.start_again()
    yield time.monotonic()


@contextmanager
def clocks_stepped(ground: Ground, rng: Random) -> Iterator[float]:
    """The clocks of those who stay well are an hour fast, or an hour slow, and then set right again."""
    for number, home in enumerate(ground.well):
        home.step_clock(CLOCK_OFF if number % 2 else -CLOCK_OFF)
    time.sleep(rng.uniform(*AWAY_S))
    yield time.monotonic()
    for home in ground.well:
        home.step_clock(timedelta(0))


PROCESSES: Final = (
    Fault("a worker", partial(killed, "worker"), is_single_kill=True),
    Fault("every worker", partial(killed, "worker", all_of_it=True)),
    Fault("workers in a batch", killed_in_a_batch),
    Fault("API", partial(killed, "API"), is_single_kill=True),
    Fault("timekeeper", partial(killed, "timekeeper"), is_single_kill=True),
    Fault("Valkey", partial(killed, "Valkey"), is_single_kill=True),
    Fault("Valkey twice", partial(killed_twice, "Valkey")),
    Fault("PostgreSQL", partial(killed, "PostgreSQL"), is_single_kill=True, forgets_looks=True),
    Fault("a session of PostgreSQL", partial(killed, "session"), is_single_kill=True, forgets_looks=True),
    Fault("PostgreSQL twice", partial(killed_twice, "PostgreSQL"), forgets_looks=True),
    Fault("up", up_killed, is_single_kill=True, forgets_looks=True),
    Fault("everything", everything_killed, forgets_looks=True),
    Fault("up restarted", up_restarted),
    Fault("a worker stopped", partial(stopped, "worker", STOPPED_S)),
    Fault("timekeeper stopped", partial(stopped, "timekeeper", STOPPED_S)),
    Fault("Valkey stopped", partial(paused, "Valkey", BRIEFLY_S)),
    Fault("Valkey away", partial(away, "Valkey", AWAY_S)),
    Fault("PostgreSQL away", partial(away, "PostgreSQL", AWAY_S), forgets_looks=True),
    Fault("table locked", partial(locked, AWAY_S)),
    Fault("devices' clocks", clocks_stepped),
)
