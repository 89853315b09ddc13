"""From an open problem to an engineer who knows: once for all processes, again while it lasts, and when it ends."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from monitoring.config import Settings
from monitoring.database import DATABASE_ERRORS
from monitoring.intake.stream import AWAY
from monitoring.metrics import SYSTEM_ALERTS
from monitoring.watching.engineers import Engineers, ways_to
from monitoring.watching.problems import CALM_S, State, Trouble
from monitoring.watching.records import (
    TOLD_AGAIN_AFTER,
    Claimed,
    Telling,
    claim,
    claim_alone,
    claim_in_queue,
    forget_in_queue,
    reached_nobody,
    shown,
)
from monitoring.watching.telling import Message, body_of, in_background, tell
from monitoring.watching.within import Within

log = structlog.get_logger()

ANSWERS_WITHIN_S: Final = 5.0
"""A database that takes longer for a few looks at indexes serves nobody."""
ASKED_AGAIN_S: Final = 60.0
"""Whether what another process told has to be told again: it may have reached nobody."""


@dataclass(slots=True)
class Told:
    """What this process has to do with the telling of an open problem."""

    since: datetime
    ask_at_s: float
    here: bool = False  # it told of it


@dataclass(slots=True)
class Announcer:
    """What one process tells. `database`: where what may hang is done."""

    settings: Settings
    engine: Engine
    queue: Redis
    seen_by: str
    database: Within
    engineers: Engineers
    stop: threading.Event
    told: dict[str, Told] = field(default_factory=dict)

    def open(self, problem: str, trouble: Trouble, now: datetime, now_s: float) -> None:
        """A problem is open: tell it where nobody did, or not for long."""
        since = now - timedelta(seconds=now_s - trouble.since_s)
        told = self.told.setdefault(problem, Told(since, now_s))
        if now_s < told.ask_at_s:
            return
        told.ask_at_s = now_s + TOLD_AGAIN_AFTER.total_seconds()  # before: who sends may come back and say at once
        if self._tell(Telling(problem, State.BEGAN, trouble.detail, self.seen_by, told.since, told.here), now):
            told.here = True
        else:
            told.ask_at_s = now_s + ASKED_AGAIN_S

    def end(self, problem: str, now: datetime) -> None:
        """A problem that was open has ended."""
        told = self.told.pop(problem, Told(now - timedelta(seconds=CALM_S), 0.0))
        self._tell(Telling(problem, State.ENDED, "well again", self.seen_by, told.since, told.here), now)

    def _tell(self, one: Telling, now: datetime) -> bool:
        """Tell it, where that falls to us."""
        claimed = self._claim(one, now)
        if claimed is None:
            return False
        said = shown(one, claimed.state)
        SYSTEM_ALERTS.labels(one.problem, claimed.state).inc()
        log.error("system", **{name: str(value) for name, value in said.items()})
        groups = [group for group in (self.engineers.on_duty(now), ways_to(self.settings)) if group]
        if not groups:
            log.error("system_alert_for_nobody", problem=one.problem)
            return True
        message = Message(claimed.id, body_of(said, self.settings.public_url, now))

        def send() -> None:
            if not tell(self.settings, groups, message, self.stop) and not self.stop.is_set():
                log.error("system_alert_reached_nobody", problem=one.problem)
                self._release(one.problem, claimed)

        in_background(send)
        return True

    def _claim(self, one: Telling, now: datetime) -> Claimed | None:
        """Ask the database, else the queue, whether it falls to us."""
        with suppress(TimeoutError, *DATABASE_ERRORS):
            return self.database.do(partial(claim, self.engine, one, now), ANSWERS_WITHIN_S)
        with suppress(RedisError, *AWAY):
            return claim_in_queue(self.queue, one)
        return claim_alone(one)

    def _release(self, problem: str, claimed: Claimed) -> None:
        """It reached nobody: whoever sees the problem tells it again."""
        if (told := self.told.get(problem)) is not None:
            told.ask_at_s = 0.0
        with suppress(*DATABASE_ERRORS):
            reached_nobody(self.engine, claimed.id)
        with suppress(RedisError, *AWAY):
            forget_in_queue(self.queue, problem)
