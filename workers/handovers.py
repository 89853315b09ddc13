"""Alerts that were handed over and not taken: each handover's deadline against the time."""

from datetime import datetime
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, select
from sqlmodel import col

from monitoring.database import once_more, transaction
from monitoring.duty.handover import lapse
from monitoring.metrics import TICK_FAILURES
from monitoring.tables import Handover  # all tables: foreign keys name most of them
from workers.mishaps import CULPRITS, described, will_pass

log = structlog.get_logger()

HANDOVERS_MAX: Final = 200
"""In one look: the timekeeper's other tasks want their turn."""


def lapse_handovers(engine: Engine, now: datetime) -> int:
    """End every handover that was not taken in time, alert by alert. Returns how many were ended here."""
    due = select(col(Handover.alert_id)).where(col(Handover.ended).is_(None), col(Handover.due_at) <= now)
    with transaction(engine) as session:
        alerts = list(session.execute(due.order_by(col(Handover.due_at)).limit(HANDOVERS_MAX)).scalars())
    total = 0
    for alert_id in alerts:
        try:
            total += once_more(partial(_lapse, engine, alert_id, now))
        except CULPRITS as error:
            if will_pass(error):
                raise
            TICK_FAILURES.labels("handover_of_alert").inc()
            log.error("handover_not_ended", alert=alert_id, **described(error))
    return total


def _lapse(engine: Engine, alert_id: int, now: datetime) -> bool:
    with transaction(engine) as session:
        return lapse(session, alert_id, now)
