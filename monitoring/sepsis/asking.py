"""The question as it stands on an alert's row: asked, put away, and what is known of a patient. Rows are locked."""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from alert_rules.alarms import Basis, Finding, Kind
from alert_rules.sepsis import Question, asked_of, gravest, owed_at
from monitoring.alerts.tables import Alert

ASKED: Final = "asked whether sepsis is suspected"
SOONER: Final = "asked sooner whether sepsis is suspected"
NOT_ASKED_NOW: Final = "whether sepsis is suspected is not asked in comfort care"

# Of the patient's open alerts; none under a plan of comfort care, whenever that began.
_OF_PATIENT: Final = text(
    """
    SELECT alert.sepsis FROM alert
    LEFT JOIN LATERAL (SELECT monitoring FROM plan
                       WHERE plan.episode_id = alert.episode_id AND plan.from_at <= :now
                       ORDER BY from_at DESC, plan.id DESC LIMIT 1) AS plan ON true
    WHERE alert.patient_id = :patient AND alert.state NOT IN ('resolved', 'expired') AND alert.sepsis IS NOT NULL
      AND plan.monitoring IS DISTINCT FROM 'comfort'
    """
)


def question_of(stored: dict[str, Any] | None) -> Question | None:
    """From the alert's row."""
    return None if stored is None else msgspec.convert(stored, Question)


def keep(alert: Alert, question: Question, now: datetime) -> None:
    """Into the alert's row. While it is unanswered its clock is a deadline of the timekeeper's."""
    alert.sepsis, alert.sepsis_due_at = msgspec.to_builtins(question), owed_at(question, now)


def ask(alert: Alert, before: Basis | None, found: Finding, now: datetime) -> str | None:
    """Hold a set against the question. Returns what the alert's history says where it was asked, or changed."""
    if alert.kind != Kind.DETERIORATION:
        return None
    asked = question_of(alert.sepsis)
    question = asked_of(asked, before, found, now)
    if question is None or question is asked:
        return None
    keep(alert, question, now)
    if asked is None or question.asked_at != asked.asked_at:
        return ASKED
    return SOONER if question.act_by != asked.act_by else None


def put_away(alert: Alert) -> bool:
    """Nobody is asked any more. Returns whether somebody was."""
    question = question_of(alert.sepsis)
    if question is None or question.said is not None:
        return False
    alert.sepsis = alert.sepsis_due_at = None
    return True


def known_of(session: Session, patient_id: int, now: datetime) -> str | None:
    """What the patient's open alerts say, where any asks: suspected, unanswered, not_suspected. None: none asks."""
    session.flush()
    stored = session.execute(_OF_PATIENT, {"patient": patient_id, "now": now}).scalars().all()
    asked = [question for one in stored if (question := question_of(one)) is not None]
    return gravest(*(one.status for one in asked)) if asked else None
