"""Alerts that were handed over and not taken: each handover's deadline against the time."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, or_, select, text
from sqlmodel import col

from monitoring.database import is_unavailable, once_more, transaction
from monitoring.duty.handover import lapse
from monitoring.events import NewEvent, emit
from monitoring.metrics import TICK_FAILURES
from monitoring.tables import Handover  # all tables: foreign keys name most of them
from workers.mishaps import CULPRITS, described

log = structlog.get_logger()

HANDOVERS_MAX: Final = 200
"""In one look: the timekeeper's other tasks want their turn."""
PUT_OFF_MIN: Final = timedelta(seconds=30)
PUT_OFF_MAX: Final = timedelta(hours=1)
"""One that cannot be ended waits for as long again as it has been due, within these."""

_PUT_OFF: Final = text(
    """
    UPDATE handover
    SET put_off_until = CAST(:now AS timestamptz) + least(:most, greatest(:least, :now - handover.due_at))
    FROM alert JOIN patient ON patient.id = alert.patient_id JOIN ward ON ward.id = alert.ward_id
    WHERE handover.alert_id = :alert AND handover.ended IS NULL AND alert.id = handover.alert_id
      AND (put_off_until IS NULL OR put_off_until <= :now)
    RETURNING alert.public_id AS alert, patient.public_id AS patient, ward.code
    """
)


def lapse_handovers(engine: Engine, now: datetime) -> int:
    """End every handover that was not taken in time, alert by alert. Returns how many were ended here."""
    due = select(col(Handover.alert_id)).where(
        col(Handover.ended).is_(None),
        col(Handover.due_at) <= now,
        or_(col(Handover.put_off_until).is_(None), col(Handover.put_off_until) <= now),
    )
    with transaction(engine) as session:
        alerts = list(session.execute(due.order_by(col(Handover.due_at)).limit(HANDOVERS_MAX)).scalars())
    total = 0
    for alert_id in alerts:
        try:
            total += once_more(partial(_lapse, engine, alert_id, now))
        except CULPRITS as error:
            if is_unavailable(error):
                raise
            TICK_FAILURES.labels("handover_of_alert").inc()
            log.error("handover_not_ended", alert=alert_id, **described(error))
            _put_off(engine, alert_id, now)
    return total


def _lapse(engine: Engine, alert_id: int, now: datetime) -> bool:
    with transaction(engine) as session:
        return lapse(session, alert_id, now)


def _put_off(engine: Engine, alert_id: int, now: datetime) -> None:
    """One that fails stands in nobody's way, and a person hears of it: somebody who has gone still holds the alert."""
    with transaction(engine) as session:
        values = {"alert": alert_id, "now": now, "least": PUT_OFF_MIN, "most": PUT_OFF_MAX}
        said = {"problem": "handover_not_ended"}
        emit(
            session,
            [
                NewEvent("system", now, row.code, row.patient, {**said, "alert": row.alert})
                for row in session.execute(_PUT_OFF, values)
            ],
        )
