"""Heartbeats: a process of ours that is alive says so in a row.

Who leaves on purpose takes its row away. A row that grows old is of one that died, until another one, started since,
takes its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, select, text
from sqlmodel import col

from monitoring.database import snapshot, transaction
from monitoring.tables import Heartbeat

STALE_AFTER: Final = timedelta(seconds=10)
DEAD_AFTER: Final = timedelta(seconds=20)
"""Until then one that is started at once has taken its place."""
TAKES_A_PLACE_FOR: Final = timedelta(minutes=1)
"""So long after its start a process looks for one that died before it: that grows old only then."""
FORGOTTEN_AFTER: Final = timedelta(hours=1)

_BEAT: Final = text(
    """
    INSERT INTO heartbeat (name, part, at, began_at, took_a_place) VALUES (:name, :part, :now, :began, false)
    ON CONFLICT (name) DO UPDATE SET at = excluded.at
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

    def beat(self, now: datetime) -> None:
        """Say that it is alive; and, while it is new, see who came in whose place."""
        began = self._began = self._began or now
        with transaction(self.engine) as session:
            session.execute(_BEAT, {"name": self.name, "part": self.part, "now": now, "began": began})
        if now < began + TAKES_A_PLACE_FOR:
            _settle(self.engine, self.part, now)

    def stop(self) -> None:
        """It ends on purpose."""
        with transaction(self.engine) as session:
            session.execute(text("DELETE FROM heartbeat WHERE name = :name"), {"name": self.name})


def _settle(engine: Engine, part: str, now: datetime) -> None:
    """Forget whoever died and has an heir."""
    query = select(Heartbeat).where(col(Heartbeat.part) == part).order_by(col(Heartbeat.name)).with_for_update()
    with transaction(engine) as session:
        for dead, heir in heirs(list(session.execute(query).scalars()), now - STALE_AFTER):
            heir.took_a_place = True
            session.delete(dead)


def heirs(there: Sequence[Heartbeat], stale: datetime) -> list[tuple[Heartbeat, Heartbeat]]:
    """Of the processes of a part who died, in that order, each with the first that began after it and came for nobody
    else yet: an heir that died too came for it all the same, and has an heir of its own.
    """
    free = sorted((one for one in there if not one.took_a_place), key=lambda one: one.began_at)
    found = []
    for dead in sorted((one for one in there if one.at < stale), key=lambda one: one.at):
        heir = next((one for one in free if one.began_at > dead.at), None)
        if heir is not None:
            free.remove(heir)
            found.append((dead, heir))
    return found


def heard(engine: Engine, now: datetime) -> dict[str, Heard]:
    """Who of each part is there, and who is missing."""
    with snapshot(engine) as session:
        found = session.execute(_HEARD, {"stale": now - STALE_AFTER, "dead": now - DEAD_AFTER}).all()
    return {row.part: Heard(row.alive, row.dead) for row in found}
