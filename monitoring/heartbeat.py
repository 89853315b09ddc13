"""Heartbeats: a process of ours that is alive says so in a row.

Who leaves on purpose takes its row away. A row that grows old is of one that died, until another one, started since,
takes its place.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, text

from monitoring.database import snapshot, transaction
from monitoring.tables import Heartbeat

STALE_AFTER: Final = timedelta(seconds=10)
DEAD_AFTER: Final = timedelta(seconds=20)
"""Until then one that is started at once has taken its place."""
TAKES_A_PLACE_FOR: Final = timedelta(minutes=1)
"""So long after its start a process looks for one that died before it: that grows old only then."""
FORGOTTEN_AFTER: Final = timedelta(hours=1)

_TAKE_A_PLACE: Final = text(
    """
    DELETE FROM heartbeat WHERE name = (
        SELECT name FROM heartbeat WHERE part = :part AND at < :before ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED)
    """
)
_HEARD: Final = text(
    """
    SELECT part, count(*) FILTER (WHERE at > :stale) AS alive, count(*) FILTER (WHERE at <= :dead) AS dead
    FROM heartbeat GROUP BY part
    """
)


@dataclass(frozen=True, slots=True)
class Heard:
    """How many of a part were heard lately, and how many died and nobody took their place."""

    alive: int = 0
    dead: int = 0


@dataclass(slots=True)
class Pulse:
    """One process's heartbeat."""

    engine: Engine
    name: str
    part: str
    _began: datetime | None = field(default=None)
    _took_a_place: bool = field(default=False)

    def beat(self, now: datetime) -> None:
        """Say that it is alive; and, while it is new, that it is here in place of one that died before it began."""
        self._began = self._began or now
        with transaction(self.engine) as session:
            session.merge(Heartbeat(name=self.name, part=self.part, at=now))
            if not self._took_a_place and now < self._began + TAKES_A_PLACE_FOR:
                session.flush()
                asked = {"part": self.part, "before": min(self._began, now - STALE_AFTER)}
                self._took_a_place = session.connection().execute(_TAKE_A_PLACE, asked).rowcount > 0

    def stop(self) -> None:
        """It ends on purpose."""
        with transaction(self.engine) as session:
            session.execute(text("DELETE FROM heartbeat WHERE name = :name"), {"name": self.name})


def heard(engine: Engine, now: datetime) -> dict[str, Heard]:
    """Who of each part is there, and who is missing."""
    with snapshot(engine) as session:
        found = session.execute(_HEARD, {"stale": now - STALE_AFTER, "dead": now - DEAD_AFTER}).all()
    return {row.part: Heard(row.alive, row.dead) for row in found}
