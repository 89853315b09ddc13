"""One look at everything that can fail: by problem what is wrong, None where nothing is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from monitoring.config import Settings
from monitoring.database import DATABASE_ERRORS
from monitoring.health import Part, database_parts, heard_part, queue_part, unscored_part
from monitoring.heartbeat import Heard, heard
from monitoring.intake.durability import read_durability
from monitoring.intake.stream import AWAY, Backlog, read_backlog
from monitoring.watching.problems import Found

STUCK_S: Final = 20.0
"""The same entry is the oldest for so long: a drain takes seconds, and one that died is found in three."""


def look_at_database(engine: Engine, now: datetime) -> Found:
    """What the database knows of. Where it or its schema is not there, nothing else is known."""
    parts = database_parts(engine, now)
    if parts["database"].status != "ok":
        return {"database": parts["database"].detail}
    found: dict[str, str | None] = {"database": None, "schema": _wrong(parts["schema"])}
    if found["schema"] is not None:
        return found
    try:
        api = heard_part(heard(engine, now).get("api", Heard()))
    except DATABASE_ERRORS:
        return found
    return {name: _wrong(part) for name, part in (parts | {"api": api}).items()}


@dataclass(slots=True)
class Stream:
    """The oldest entry at the last look, and since when it is that."""

    oldest: tuple[datetime, float] | None = None

    def look(self, backlog: Backlog, now_s: float) -> str | None:
        """What is wrong, None where readings are worked off or none wait."""
        if backlog.oldest_at is None:
            self.oldest = None
            return None
        if self.oldest is None or self.oldest[0] != backlog.oldest_at:
            self.oldest = backlog.oldest_at, now_s
        stuck_s = now_s - self.oldest[1]
        return f"nothing was worked off for {stuck_s:.0f} s" if stuck_s >= STUCK_S else None


def look_at_queue(queue: Redis, settings: Settings, stream: Stream, now: datetime, now_s: float) -> Found:
    """What the queue knows of. One that only makes each request wait for the disk is no problem to be woken for."""
    try:
        durability = read_durability(queue, stated=settings.queue_durability == "stated")
        backlog = read_backlog(queue, settings.streams)
    except (RedisError, *AWAY) as error:
        return {"queue": f"not available ({type(error).__name__})"}
    part, unscored = queue_part(durability), unscored_part(backlog, now)
    waits = None if unscored.status == "ok" else f"{unscored.detail}, the oldest for {unscored.seconds:.0f} s"
    return {
        "queue": part.detail if part.status == "failed" else None,
        "unscored": waits,
        "stream": stream.look(backlog, now_s),
    }


def _wrong(part: Part) -> str | None:
    return None if part.status == "ok" else part.detail
