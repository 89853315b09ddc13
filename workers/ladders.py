"""The ladders' time: each alert's one deadline against the clock, on a thread of its own in the timekeeper.

Woken by whatever begins a ladder, and at the latest when the next deadline comes: a step is not to wait for the
timekeeper's other work.
"""

import threading
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, text

from monitoring.answering import FOLLOW_S, Bounded
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import transaction
from monitoring.escalation.firing import BATCH, fire
from monitoring.escalation.starting import CHANNEL
from monitoring.events import NewEvent, emit
from monitoring.metrics import TICK_FAILURES
from workers.mishaps import CULPRITS, described
from workers.one_by_one import together_or_each

log = structlog.get_logger()

WAIT_MAX_S: Final = 0.5
RECONNECT_S: Final = 0.5
PUT_OFF: Final = timedelta(seconds=30)
"""When an alert whose step could not be taken is tried again."""

_WHO: Final = text("SELECT alert_id FROM escalation WHERE due_at <= :now ORDER BY due_at, alert_id LIMIT :batch")
_NEXT: Final = "SELECT min(due_at) FROM escalation WHERE due_at IS NOT NULL"
_PUT_OFF: Final = text(
    """
    UPDATE escalation SET due_at = :later
    FROM alert JOIN patient ON patient.id = alert.patient_id JOIN ward ON ward.id = alert.ward_id
    WHERE escalation.alert_id = :alert AND alert.id = escalation.alert_id AND escalation.due_at <= :now
    RETURNING alert.public_id AS alert, patient.public_id AS patient, ward.code
    """
)


def fire_due(engine: Engine, settings: Settings, now: datetime) -> int:
    """Take every step that is due, in order. Returns how many alerts were looked at."""
    total = 0
    while fired := _fire_some(engine, settings, now):
        total += fired
        if fired < BATCH:
            break
    return total


def keep(engine: Engine, settings: Settings, stop: threading.Event) -> None:
    """Fire what is due as soon as it is, until told to stop."""
    while not stop.is_set():
        try:
            _follow(engine, settings, stop)
        except (*CULPRITS, OSError) as error:
            TICK_FAILURES.labels("ladders").inc()
            log.warning("ladders_interrupted", **described(error))
            stop.wait(RECONNECT_S)


def _follow(engine: Engine, settings: Settings, stop: threading.Event) -> None:
    with Bounded.to(settings.database_url, within_s=FOLLOW_S, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        while not stop.is_set():
            fire_due(engine, settings, utc_now())
            row = connection.execute(_NEXT).fetchone()
            next_at: datetime | None = row[0] if row else None
            wait_s = WAIT_MAX_S if next_at is None else (next_at - utc_now()).total_seconds()
            for _ in connection.notifies(timeout=min(max(wait_s, 0.005), WAIT_MAX_S), stop_after=1):
                pass


def _fire_some(engine: Engine, settings: Settings, now: datetime) -> int:
    """One batch in one transaction; where one of them can't be taken, each by itself."""

    def put_off(alert_id: int, error: BaseException) -> None:
        log.error("step_not_taken", alert=alert_id, **described(error))
        _put_off(engine, alert_id, now)

    return together_or_each(
        engine, partial(_fire, engine, settings, now), (_WHO, {"now": now, "batch": BATCH}), put_off
    )


def _fire(engine: Engine, settings: Settings, now: datetime, only: int | None) -> int:
    with transaction(engine) as session:
        return fire(session, settings, now, only=only)


def _put_off(engine: Engine, alert_id: int, now: datetime) -> None:
    """One that fails stands in nobody's way, and a person hears of it as long as it lasts."""
    TICK_FAILURES.labels("ladder_row").inc()
    with transaction(engine) as session:
        told = session.execute(_PUT_OFF, {"alert": alert_id, "now": now, "later": now + PUT_OFF}).all()
        said = {"problem": "step_not_taken"}
        emit(
            session,
            [NewEvent("system", now, row.code, row.patient, {**said, "alert": row.alert}) for row in told],
        )
