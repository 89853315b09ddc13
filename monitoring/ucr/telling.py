"""What is told of a referral: to whoever watches live, to the team's hub, to the ward, and in the alert's history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session

from alert_rules.alarms import State as AlertState
from monitoring.access.roles import Role
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.bars.sending import can_be_said
from monitoring.delivery.outbox import NewMessage, Way, put
from monitoring.duty.on_duty import Person, on_duty
from monitoring.escalation.tables import By
from monitoring.events import NewEvent
from monitoring.ucr.tables import Format, UcrReferral, UcrTeam
from monitoring.ucr.views import UcrTold, shown_of, told

TRIED_FOR: Final = timedelta(minutes=15)
"""How long a message to the ward is tried: then the clock tells the next thing. The design's own."""
SEPSIS: Final = "sepsis_"
"""What is told begins with it, where it is what is known of sepsis."""


def event(session: Session, referral: UcrReferral, what: str, why: str | None, now: datetime) -> NewEvent:
    """The durable event that tells what happened to a referral, as it now is."""
    session.flush()
    row = shown_of(session, referral.id)
    shown: UcrTold = told(row, what, why)
    return NewEvent("ucr", now, shown.ward, shown.patient, shown)


def tell_team(session: Session, referral: UcrReferral, team: UcrTeam, what: str, now: datetime) -> None:
    """Tell the team's hub by its webhook, where it has one. Not a message of the alert: to answer that cancels none."""
    is_bars = team.webhook_format == Format.BARS
    if team.webhook is None or (is_bars and not can_be_said(what)):
        return
    way = Way(By.WEBHOOK, team.webhook, tuple(team.secrets), bars=is_bars)
    body = _body(session, referral, what, now)
    until = max(referral.answer_by, now + TRIED_FOR)
    message = NewMessage([way], body, referral.severity, until, ward_id=referral.ward_id)
    put(session, [message], now)


def tell_ward(session: Session, referral: UcrReferral, what: str, now: datetime) -> None:
    """Tell the ward's clinicians on duty.

    What is said of sepsis is no message of the alert: a team that takes the alert takes back none that says so.
    """
    if referral.ward_id is None:
        return
    body = _body(session, referral, what, now)
    messages: Sequence[NewMessage] = [
        NewMessage(
            person.ways, body, referral.severity, now + TRIED_FOR,
            alert_id=None if what.startswith(SEPSIS) else referral.alert_id, ward_id=referral.ward_id,
            staff_id=person.staff_id,
        )
        for person in reached(session, referral.ward_id, now)
    ]  # fmt: skip
    put(session, messages, now)


def reached(session: Session, ward_id: int, now: datetime) -> list[Person]:
    """The ward's clinicians on duty who can be told."""
    clinicians = (ward_id, Role.CLINICIAN.value)
    return [person for person in on_duty(session, [clinicians], now)[clinicians] if person.ways]


def note(session: Session, alert: Alert | None, what: str, by: int | None, said: str | None, now: datetime) -> None:
    """Add to the alert's history what does not change it."""
    if alert is None:
        return
    state = AlertState(alert.state)
    session.add(
        AlertHistory(
            alert_id=alert.id, at=now, from_state=state, to_state=state, severity=alert.severity, what=what, by=by,
            note=said,
        )
    )  # fmt: skip


def _body(session: Session, referral: UcrReferral, what: str, now: datetime) -> dict[str, Any]:
    """Thin: ids, the ward and the clock; never a name, a vital sign or an NHS number."""
    session.flush()
    shown = told(shown_of(session, referral.id), what, None)
    data = {
        "referral": shown.id, "previous": shown.previous, "team": shown.team, "ward": shown.ward, "alert": shown.alert,
        "severity": shown.severity, "state": shown.state, "received_at": shown.received_at,
        "breach_at": shown.breach_at, "answer_by": shown.answer_by, "sepsis": shown.sepsis, "what": what,
    }  # fmt: skip
    return {"type": f"ucr.{what}", "timestamp": now, "data": data}
