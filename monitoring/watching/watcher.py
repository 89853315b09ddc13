"""The watcher: a thread of each API process and each timekeeper that looks at everything, and tells by itself.

Every process watches the others, and what all of them need: so no failure is told by the part that failed. It has
connections of its own, what hangs is left hanging on a thread of its own, and whom it tells it keeps in memory.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Final
from uuid import uuid4

import structlog
from redis.exceptions import RedisError

from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import DATABASE_ERRORS, make_engine, snapshot
from monitoring.heartbeat import Pulse
from monitoring.intake.clients import connect
from monitoring.metrics import UNWELL
from monitoring.watching.announcing import ANSWERS_WITHIN_S, Announcer
from monitoring.watching.clock import Clocks
from monitoring.watching.engineers import Engineers
from monitoring.watching.heart import Heart
from monitoring.watching.looking import Stream, look_at_database, look_at_queue
from monitoring.watching.problems import KINDS, STARTS_WITHIN_S, Found, Trouble, after_look
from monitoring.watching.records import still_open
from monitoring.watching.within import Within

log = structlog.get_logger()

LOOK_EVERY_S: Final = 2.0
ENGINEERS_EVERY_S: Final = 30.0
AT_ONCE_S: Final = 0.5

SLIPS: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a mistake of ours raises."""

OVER: Final = frozenset({"clock"})
"""Told for a while after it happened: by itself it keeps nothing from working."""


class Watcher:
    """One process's watcher. `start` begins it; `tick` is one look, and what follows from it."""

    def __init__(self, settings: Settings, part: str, *, beats: bool) -> None:
        self.settings = settings
        self.engine = make_engine(settings.database_url, pool_size=1, max_overflow=1)
        self.queue = connect(settings.queue_url)
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._pulse = Pulse(self.engine, name, part) if beats else None
        self._heart = Heart(self.queue, settings)
        self._database, self._clocks, self._stream = Within("watch-database"), Clocks(), Stream()
        self.engineers, self._engineers_at_s = Engineers(), 0.0
        self._stop = threading.Event()
        self.announcer = Announcer(
            settings, self.engine, self.queue, f"{part} on {socket.gethostname()}", self._database, self.engineers,
            self._stop,
        )  # fmt: skip
        self.troubles: dict[str, Trouble] = {}
        self._began_s: float | None = None
        self._is_settled = False
        self._inherited: list[str] | None = None  # what was open when we came
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """This process ends on purpose."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(ANSWERS_WITHIN_S)
        if self._pulse is not None:
            with suppress(TimeoutError, *DATABASE_ERRORS):
                self._database.do(self._pulse.stop, ANSWERS_WITHIN_S)
        self.queue.close()
        self.engine.dispose()

    def _run(self) -> None:
        while not self._stop.is_set():
            before_s = time.monotonic()
            now, now_s = utc_now(), time.monotonic()
            if now_s - before_s < AT_ONCE_S:  # else we stood still between the two clocks
                self._survive(now, now_s)
            self._stop.wait(LOOK_EVERY_S)

    def _survive(self, now: datetime, now_s: float) -> None:
        """Whatever goes wrong in a look, the next one is taken: nobody else would notice that we are gone."""
        try:
            self.tick(now, now_s)
        except (*DATABASE_ERRORS, RedisError, OSError, *SLIPS) as error:
            log.error("look_failed", error=type(error).__name__)

    def tick(self, now: datetime, now_s: float) -> None:
        """Look once, and tell what has to be told."""
        found = self._look(now, now_s)
        self._began_s = now_s if self._began_s is None else self._began_s
        self._is_settled = self._is_settled or now_s - self._began_s >= STARTS_WITHIN_S or _all_well(found)
        for problem in self._inherited or ():  # somebody has to say when it is over, whoever told of it
            self.troubles.setdefault(problem, Trouble("", now_s, is_open=True))
        self._inherited = None if self._inherited is None else []
        self.troubles, ended = after_look(self.troubles, found, now_s, may_open=self._is_settled)
        for problem, detail in found.items():
            UNWELL.labels(problem).set(detail is not None)
        for problem in ended:
            self.announcer.end(problem, now)
        for problem, trouble in self.troubles.items():
            if trouble.is_open and found.get(problem) is not None:
                self.announcer.open(problem, trouble, now, now_s)
        self._heart.tick(now, now_s, all_well=_all_well(found) and not self.troubles.keys() - OVER)

    def _look(self, now: datetime, now_s: float) -> Found:
        found: dict[str, str | None] = {"clock": self._clocks.look(now, now_s)}
        found |= look_at_queue(self.queue, self.settings, self._stream, now, now_s)
        try:
            found |= self._database.do(partial(self._ask_database, now, now_s), ANSWERS_WITHIN_S)
        except TimeoutError:
            found["database"] = f"no answer within {ANSWERS_WITHIN_S:g} s"
        return found

    def _ask_database(self, now: datetime, now_s: float) -> Found:
        with suppress(*DATABASE_ERRORS):
            if self._pulse is not None:
                self._pulse.beat(now)
        found = look_at_database(self.engine, now)
        if any(found.get(one, "unknown") is not None for one in ("database", "schema")):
            return found
        with suppress(*DATABASE_ERRORS):
            if self._inherited is None:
                with snapshot(self.engine) as session:
                    self._inherited = [problem for problem in still_open(session) if problem in KINDS]
            if now_s >= self._engineers_at_s:
                self.engineers.read(self.engine, now)
                self._engineers_at_s = now_s + ENGINEERS_EVERY_S
        return found


def _all_well(found: Found) -> bool:
    return found.keys() == KINDS.keys() and not any(detail for name, detail in found.items() if name not in OVER)


@contextmanager
def watching(settings: Settings, part: str, *, beats: bool) -> Iterator[None]:
    """A watcher, while this process does its work. `beats`: it says itself that the process is alive."""
    watcher = Watcher(settings, part, beats=beats)
    watcher.start()
    try:
        yield
    finally:
        watcher.stop()
