"""Nobody has said yet whether sepsis is suspected: the ward's clinicians are told so, halfway and at the end."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, text
from sqlmodel import Session

from alert_rules.alarms import ENDED, State
from alert_rules.sepsis import UNANSWERED, Question, owed_at
from alert_rules.severity import Severity
from monitoring.alerts.holding import record
from monitoring.alerts.tables import Alert
from monitoring.alerts.views import AlertDetail, event
from monitoring.database import once_more, transaction
from monitoring.delivery.outbox import NewMessage, put
from monitoring.events import emit
from monitoring.metrics import TICK_FAILURES
from monitoring.sepsis.asking import NOT_ASKED_NOW, known_of, put_away, question_of
from monitoring.ucr.telling import reached
from workers.mishaps import CULPRITS, described, will_pass

log = structlog.get_logger()

BATCH: Final = 200
PUT_OFF: Final = timedelta(minutes=5)
"""When one that could not be judged is tried again."""
TRIED_FOR: Final = timedelta(minutes=30)
"""How long a message is tried. The design's own."""
NOT_ANSWERED: Final = "nobody has said yet whether sepsis is suspected"

_DUE: Final = text("SELECT id FROM alert WHERE sepsis_due_at <= :now ORDER BY sepsis_due_at, id LIMIT :batch")
_PUT_OFF: Final = text("UPDATE alert SET sepsis_due_at = :later WHERE id = :id AND sepsis_due_at <= :now")


def watch_sepsis(engine: Engine, now: datetime) -> int:
    """Tell of each that waits for an answer at its deadline, in a transaction of its own. Returns how many.

    One that somebody answers in this moment is passed over, and looked at again soon.
    """
    with transaction(engine) as session:
        due = list(session.scalars(_DUE, {"now": now, "batch": BATCH}))
    done = 0
    for alert_id in due:
        try:
            done += once_more(partial(_watch, engine, alert_id, now))
        except CULPRITS as error:
            if will_pass(error):
                raise
            TICK_FAILURES.labels("sepsis").inc()
            log.error("sepsis_not_judged", alert=alert_id, **described(error))
            with transaction(engine) as session:
                session.execute(_PUT_OFF, {"id": alert_id, "now": now, "later": now + PUT_OFF})
    return done


def _watch(engine: Engine, alert_id: int, now: datetime) -> bool:
    with transaction(engine) as session:
        alert = session.get(Alert, alert_id, with_for_update={"skip_locked": True})
        if alert is None or alert.sepsis_due_at is None or alert.sepsis_due_at > now:
            return False
        shown = _tell(session, alert, question_of(alert.sepsis), now)
        emit(session, [] if shown is None else [event(shown, now)])
    return True


def _tell(session: Session, alert: Alert, question: Question | None, now: datetime) -> AlertDetail | None:
    """The alert stays as it is, whoever has it. One that ended owes nothing, and in comfort care nobody is asked."""
    session.add(alert)
    alert.sepsis_due_at = None
    if question is None or alert.state in ENDED:
        return None
    if known_of(session, alert.patient_id, now) != UNANSWERED:
        put_away(alert)
        return record(session, alert, State(alert.state), NOT_ASKED_NOW, now)
    alert.sepsis_due_at = owed_at(question, now)
    shown = record(session, alert, State(alert.state), NOT_ANSWERED, now)
    put(session, _messages(session, alert, question, shown.ward, now), now)
    return shown


def _messages(session: Session, alert: Alert, question: Question, ward: str, now: datetime) -> list[NewMessage]:
    """No messages of the alert: who takes it has not answered by that."""
    severity = Severity(alert.severity).label
    data = {"alert": alert.public_id, "severity": severity, "ward": ward, "state": alert.state}
    body = {"type": "alert.sepsis_unanswered", "timestamp": now, "data": {**data, "act_by": question.act_by}}
    return [
        NewMessage(person.ways, body, alert.severity, now + TRIED_FOR, ward_id=alert.ward_id, staff_id=person.staff_id)
        for person in reached(session, alert.ward_id, now)
    ]
