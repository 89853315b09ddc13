"""Who is away and keeps the bed: for how long before it must be decided what follows."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from monitoring.wards.tables import PAUSES, Leave

DECIDE_WITHIN: Final = timedelta(hours=24)
"""In a hospital for so long: return, transfer or discharge must be chosen. The design's own."""


def open_leave(session: Session, episode_id: int) -> Leave | None:
    """The leave that a patient is on."""
    query = select(Leave).where(col(Leave.episode_id) == episode_id, col(Leave.until_at).is_(None))
    found: Leave | None = session.execute(query).scalar_one_or_none()
    return found


def is_paused(session: Session, episode_id: int) -> bool:
    """Whether no readings are due, because the patient is where somebody else watches."""
    leave = open_leave(session, episode_id)
    return leave is not None and leave.kind in PAUSES


def decide_by(leave: Leave) -> datetime | None:
    """When it has to be chosen what follows, while the patient is in a hospital."""
    return leave.from_at + DECIDE_WITHIN if leave.kind in PAUSES and leave.until_at is None else None
