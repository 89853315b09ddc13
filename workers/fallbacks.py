"""Each day's test of who stands at the end of the ladders."""

from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Engine, exists, select
from sqlmodel import Session, col

from monitoring.clock import local_day
from monitoring.config import Settings
from monitoring.escalation.proving import is_time, prove
from monitoring.escalation.tables import FallbackTest
from monitoring.tables import Ward  # all tables: foreign keys name most of them
from workers.each_ward import each_ward

TASK: Final = "fallbacks"


def prove_fallbacks(engine: Engine, settings: Settings, now: datetime) -> int:
    """Send today's test messages, once for each open ward and fallback. Returns how many were sent here."""
    if not is_time(now):
        return 0
    tested = exists().where(col(FallbackTest.ward_id) == col(Ward.id), col(FallbackTest.day) == local_day(now))
    due = select(col(Ward.id)).where(col(Ward.closed_at).is_(None), ~tested).order_by(col(Ward.id))
    return each_ward(engine, TASK, due, partial(_prove, settings, now))


def _prove(settings: Settings, now: datetime, session: Session, ward: Ward) -> int:
    return prove(session, settings, ward, now)
