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
"""So long after its start. Later it is one of those that were there before."""
FORGOTTEN_AFTER: Final = timedelta(hours=1)

_TAKE_A_PLACE: Final = text(
    """
    DELETE FROM heartbeat WHERE name = (
        SELECT name FROM heartbeat WHERE part = :part AND at <= :stale ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED)
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
    _takes_a_place_until: datetime | None = field(default=None)

    def beat(self, now: datetime) -> None:
        """Say that it is alive; and, while it is new, that it is here in place of one that died."""
        if self._takes_a_place_until is None:
            self._takes_a_place_until = now + TAKES_A_PLACE_FOR
        with transaction(self.engine) as session:
            session.merge(Heartbeat(name=self.name, part=self.part, at=now))
            if now < self._takes_a_place_until:
                session.flush()
                asked = {"part": self.part, "stale": now - STALE_AFTER}
                if session.connection().execute(_TAKE_A_PLACE, asked).rowcount:
                    self._takes_a_place_until = now

    def stop(self) -> None:
        """It ends on purpose."""
        with transaction(self.engine) as session:
            session.execute(text("DELETE FROM heartbeat WHERE name = :name"), {"name": self.name})


def heard(engine: Engine, now: datetime) -> dict[str, Heard]:
    """Who of each part is there, and who is missing."""
    with snapshot(engine) as session:
        found = session.execute(_HEARD, {"stale": now - STALE_AFTER, "dead": now - DEAD_AFTER}).all()
    return {row.part: Heard(row.alive, row.dead) for row in found}
