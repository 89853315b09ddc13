"""Heartbeats: a worker or timekeeper that is alive says so in a row."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, func, text
from sqlmodel import col, select

from monitoring.database import snapshot, transaction
from monitoring.tables import Heartbeat

STALE_AFTER = timedelta(seconds=10)
FORGOTTEN_AFTER = timedelta(hours=1)


def beat(engine: Engine, name: str, part: str, now: datetime) -> None:
    """Say that `name` is alive."""
    with transaction(engine) as session:
        session.merge(Heartbeat(name=name, part=part, at=now))


def forget(engine: Engine, name: str) -> None:
    """`name` ends on purpose."""
    with transaction(engine) as session:
        session.execute(text("DELETE FROM heartbeat WHERE name = :name"), {"name": name})


def alive(engine: Engine, now: datetime) -> dict[str, int]:
    """How many of each part were heard lately."""
    query = select(Heartbeat.part, func.count()).where(col(Heartbeat.at) > now - STALE_AFTER).group_by(Heartbeat.part)
    with snapshot(engine) as session:
        return dict(session.exec(query).all())
