"""What one would write in an afternoon: a route that enqueues an RQ job per set, a job that inserts a row per set."""

import os
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from redis import Redis
from rq import Queue
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from alert_rules.news2 import score
from alert_rules.vitals import Consciousness, Vitals
from devices.formats.native import decode
from devices.reading import ReadingSet
from monitoring.intake.routes import Taken

DATABASE_URL: Final = "NAIVE_DATABASE_URL"
QUEUE_URL: Final = "NAIVE_QUEUE_URL"


class Base(DeclarativeBase):
    """Tables of its own, beside ours."""


class Scored(Base):
    """A set and its score."""

    __tablename__ = "scored"

    key: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str]
    taken_at: Mapped[datetime]
    respiratory_rate: Mapped[int | None]
    spo2: Mapped[int | None]
    on_oxygen: Mapped[bool | None]
    systolic: Mapped[int | None]
    pulse: Mapped[int | None]
    consciousness: Mapped[str | None]
    temperature_tenths: Mapped[int | None]
    score: Mapped[int]
    risk: Mapped[str]


def score_and_store(document: str) -> None:
    """The job: score one set and insert its row."""
    one = msgspec.json.decode(document, type=ReadingSet)
    vitals = Vitals(
        respiratory_rate=one.respiratory_rate,
        spo2=one.spo2,
        on_oxygen=one.on_oxygen,
        systolic=one.systolic,
        pulse=one.pulse,
        consciousness=None if one.consciousness is None else Consciousness(one.consciousness),
        temperature_tenths=one.temperature_tenths,
    )
    news2 = score(vitals, 1)
    with Session(engine()) as session:
        session.add(
            Scored(
                id=one.id,
                taken_at=one.taken_at.replace(tzinfo=None),
                respiratory_rate=one.respiratory_rate,
                spo2=one.spo2,
                on_oxygen=one.on_oxygen,
                systolic=one.systolic,
                pulse=one.pulse,
                consciousness=one.consciousness,
                temperature_tenths=one.temperature_tenths,
                score=news2.score,
                risk=news2.risk,
            )
        )
        session.commit()


@post("/v1/readings", status_code=202)
async def enqueue(request: Request[Any, Any, Any]) -> Response[Taken]:
    """One job for each set."""
    decoded = decode(await request.body())
    for one in decoded.sets:
        queue().enqueue(score_and_store, msgspec.json.encode(one).decode())
    return Response(Taken(len(decoded.sets), decoded.refused), status_code=202)


@cache
def engine() -> Engine:
    """The database, connected to by whoever first asks: a forked job does each time."""
    return create_engine(os.environ[DATABASE_URL].replace("postgresql://", "postgresql+psycopg://", 1))


@cache
def queue() -> Queue:
    """The default queue, by RQ's defaults."""
    return Queue(connection=Redis.from_url(os.environ[QUEUE_URL]))
