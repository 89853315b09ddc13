"""What the drain left in the database, read by plain SQL; and what is put on its stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from redis import Redis
from sqlalchemy import Engine, text

from devices.reading import Arrival, set_key
from monitoring.database import AnyRow
from monitoring.intake.stream import FIELD, stream_name
from tests.ward import Patient, Ward
from workers.drain import loop
from workers.drain.batch import Done


@dataclass(frozen=True, slots=True)
class Current:
    """The current score of a set."""

    points: str | None
    score: int | None
    score_max: int | None
    scale: int | None
    severity: int
    not_scored: str | None
    oxygen_assumed: bool
    uses: tuple[str, ...]  # the sets' own ids


@dataclass
class Heard:
    """What a drain told after its commits."""

    batches: list[Done] = field(default_factory=list)

    def __call__(self, done: Done, _: datetime) -> None:
        self.batches.append(done)

    @property
    def sets(self) -> int:
        """Sets that were stored."""
        return sum(done.sets for done in self.batches)


def drain_all(ward: Ward, queue: Redis, told: Heard | None = None) -> Heard:
    """Drain the first stream until it is empty."""
    told = told or Heard()
    loop.run(loop.Drain(ward.engine, queue, 0, told), until=lambda: False)
    return told


def put(queue: Redis, *arrivals: Arrival) -> list[bytes]:
    """Entries on the first stream, as the way in puts them there."""
    return [put_raw(queue, msgspec.json.encode(arrival)) for arrival in arrivals]


def put_raw(queue: Redis, payload: bytes) -> bytes:
    """An entry of any bytes."""
    entry_id = queue.xadd(stream_name(0), {FIELD: payload})
    assert isinstance(entry_id, bytes)
    return entry_id


def rows(engine: Engine, query: str, **values: Any) -> Sequence[AnyRow]:
    """What a query finds."""
    with engine.connect() as connection:
        return connection.execute(text(query), values).all()


def count(engine: Engine, table: str) -> int:
    """Rows of a table."""
    return int(rows(engine, f"SELECT count(*) FROM {table}")[0][0])


def change(engine: Engine, statement: str, **values: Any) -> None:
    """What no use-case does yet, or none should."""
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def current(ward: Ward, own_id: str, *, patient: Patient | None = None) -> Current:
    """The current score of a set, by its own id."""
    who = patient or ward.patient
    names = {set_key(row.source, row.id): row.id for row in rows(ward.engine, "SELECT source, id FROM reading")}
    (row,) = rows(
        ward.engine,
        """
        SELECT * FROM (
            SELECT 0 AS revision, points, score, score_max, scale, severity, not_scored, oxygen_assumed, uses
            FROM reading WHERE source = :source AND id = :id
            UNION ALL
            SELECT revision, points, score, score_max, scale, severity, not_scored, oxygen_assumed, uses
            FROM rescored WHERE set = :set
        ) AS scores ORDER BY revision DESC LIMIT 1
        """,
        source=who.device_key,
        id=own_id,
        set=set_key(who.device_key, own_id),
    )
    return Current(
        points=row.points,
        score=row.score,
        score_max=row.score_max,
        scale=row.scale,
        severity=row.severity,
        not_scored=row.not_scored,
        oxygen_assumed=row.oxygen_assumed,
        uses=tuple(sorted(names[str(used)] for used in row.uses or ())),
    )


def kept_aside(engine: Engine) -> list[tuple[str, str]]:
    """Own id and reason of everything that was kept aside, in order."""
    return [(row.id, row.reason) for row in rows(engine, "SELECT id, reason FROM set_aside ORDER BY key")]
