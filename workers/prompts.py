"""Repeats that did not come: what was asked about is raised at its stored deadline. And SMS that ask for one."""

from datetime import datetime, time, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, text
from sqlmodel import Session, col, update

from alert_rules.repeating import Ended
from alert_rules.severity import Severity
from monitoring.alerts.life import About, Alerts
from monitoring.clock import WARD_TIME
from monitoring.database import AnyRow, transaction
from monitoring.delivery.outbox import NewMessage, Way, put
from monitoring.delivery.targets import WrongTarget, address
from monitoring.escalation.tables import By
from monitoring.events import emit
from monitoring.metrics import TICK_FAILURES
from monitoring.patients.tables import LatestVitals
from monitoring.prompts.asking import NOT_REPEATED, open_prompts, raise_first, suppress
from monitoring.prompts.tables import Prompt
from workers.mishaps import described
from workers.one_by_one import together_or_each

log = structlog.get_logger()

BATCH: Final = 200
PUT_OFF: Final = timedelta(minutes=1)
"""When one that could not be raised is tried again."""

SMS_FROM: Final = time(8)
SMS_UNTIL: Final = time(22)
"""Outside these local hours no patient is sent an SMS: whoever is asked then is asked by their device alone."""

_CLAIM: Final = text(
    """
    SELECT episode_id FROM latest_vitals AS known
    WHERE repeat_by <= :now AND (CAST(:only AS bigint) IS NULL OR episode_id = CAST(:only AS bigint))
    ORDER BY repeat_by, episode_id
    LIMIT :batch
    FOR UPDATE OF known SKIP LOCKED
    """
)
_WHO: Final = text("SELECT episode_id FROM latest_vitals WHERE repeat_by <= :now ORDER BY repeat_by LIMIT :batch")

# Locked first, read then: a transfer that commits between the two must not leave an alert on the ward it left.
_DUE: Final = text(
    """
    SELECT episode.id AS episode_id, episode.patient_id, patient.public_id, ward.id AS ward_id, ward.code,
           ward.staffed_hours, plan.monitoring,
           episode.discharged_at IS NOT NULL OR patient.died_at IS NOT NULL AS has_left
    FROM episode
    JOIN patient ON patient.id = episode.patient_id
    JOIN ward ON ward.id = episode.ward_id
    LEFT JOIN LATERAL (SELECT monitoring FROM plan
                       WHERE plan.episode_id = episode.id AND plan.from_at <= :now
                       ORDER BY from_at DESC, plan.id DESC LIMIT 1) AS plan ON true
    WHERE episode.id = ANY(:claimed)
    ORDER BY episode.id
    """
)

_TO_TELL: Final = text(
    """
    SELECT prompt.id, prompt.public_id, prompt.until_at, ward.id AS ward_id, ward.code, patient.phones
    FROM prompt
    JOIN episode ON episode.id = prompt.episode_id
    JOIN ward ON ward.id = episode.ward_id
    JOIN patient ON patient.id = prompt.patient_id
    WHERE prompt.ended_at IS NULL AND prompt.told_at IS NULL AND prompt.until_at > :now AND ward.prompts_by_sms
    ORDER BY prompt.asked_at LIMIT :batch
    FOR UPDATE OF prompt SKIP LOCKED
    """
)


def raise_unrepeated(engine: Engine, now: datetime) -> int:
    """Raise what nobody repeated in time. Returns how many were looked at.

    One batch in one transaction; where one of them can't be judged, each by itself.
    """

    def put_off(episode_id: int, error: BaseException) -> None:
        TICK_FAILURES.labels("repeat").inc()
        log.error("repeat_not_judged", episode=episode_id, **described(error))
        with transaction(engine) as session:
            later = update(LatestVitals).where(col(LatestVitals.episode_id) == episode_id)
            session.execute(later.values(repeat_by=now + PUT_OFF))

    return together_or_each(engine, partial(_look, engine, now), (_WHO, {"now": now, "batch": BATCH}), put_off)


def _look(engine: Engine, now: datetime, only: int | None) -> int:
    with transaction(engine) as session:
        claimed = list(session.scalars(_CLAIM, {"now": now, "batch": BATCH, "only": only}))
        if not claimed:
            return 0
        due = session.execute(_DUE, {"now": now, "claimed": claimed}).all()
        alerts = Alerts.lock(session, now, [row.patient_id for row in due])
        prompts = open_prompts(session, claimed)
        unrepeated = [row.episode_id for row in due if _judge(session, alerts, row, prompts.get(row.episode_id))]
        known = update(LatestVitals).where(col(LatestVitals.episode_id).in_(claimed))
        session.execute(known.values(repeat_by=None))
        # A repeat that did not come is a silence that worries: what is overdue after it is so at amber_plus.
        worrying = update(LatestVitals).where(
            col(LatestVitals.episode_id).in_(unrepeated), col(LatestVitals.newest_severity) < int(Severity.AMBER_PLUS)
        )
        session.execute(worrying.values(newest_severity=int(Severity.AMBER_PLUS)))
        emit(session, alerts.write())
    return len(claimed)


def _judge(session: Session, alerts: Alerts, row: AnyRow, prompt: Prompt | None) -> bool:
    """Raise what one patient was asked about, as of its set. Returns whether it was."""
    if prompt is None:
        return False
    if row.has_left or row.monitoring == "comfort":
        suppress(session, prompt, row.ward_id, Ended.NOT_WATCHED, alerts.now)
        return False
    about = About(row.patient_id, row.public_id, row.episode_id, row.ward_id, row.code, row.staffed_hours)
    raise_first(alerts, about, prompt, why=NOT_REPEATED)
    return True


def ask_by_sms(engine: Engine, now: datetime) -> int:
    """Ask by SMS where the ward does so: once for each prompt, at no patient's night. Returns how many are asked."""
    if not SMS_FROM <= now.astimezone(WARD_TIME).time() < SMS_UNTIL:
        return 0
    with transaction(engine) as session:
        untold = session.execute(_TO_TELL, {"now": now, "batch": BATCH}).all()
        messages = [_message(row, phone, now) for row in untold if (phone := _mobile(row.phones)) is not None]
        # Also whose phone takes none: nobody is looked at again every second.
        told = update(Prompt).where(col(Prompt.id).in_([row.id for row in untold]))
        session.execute(told.values(told_at=now))
        put(session, messages, now)
    return len(messages)


def _message(row: AnyRow, phone: str, now: datetime) -> NewMessage:
    """No name, no value and no ward: a phone lies about."""
    body = {"type": "prompt.repeat", "timestamp": now, "data": {"prompt": row.public_id}}
    return NewMessage([Way(By.SMS, phone)], body, int(Severity.AMBER), row.until_at, ward_id=row.ward_id)


def _mobile(phones: list[str]) -> str | None:
    """The first number of a patient that an SMS can go to."""
    for phone in phones:
        try:
            number = address(By.SMS, phone, allow_private=False)
        except WrongTarget:
            continue
        if number.startswith(("07", "+447")) or not number.startswith(("0", "+44")):
            return number
    return None
