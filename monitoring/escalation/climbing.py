"""An alert's ladder goes on, or begins anew, because something else did not work out."""

from datetime import datetime

from sqlmodel import Session

from alert_rules.alarms import ENDED, State
from monitoring.alerts.life import Alerts
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.database import driver
from monitoring.escalation.about import about_of
from monitoring.escalation.starting import CHANNEL, begin
from monitoring.events import emit


def resume(session: Session, alert: Alert, why: str, now: datetime) -> None:
    """The next step is due at once, whoever took the alert before. Its row is locked; one that ended stays ended."""
    _open(session, alert, why, now, anew=False)
    driver(session).execute(
        "UPDATE escalation SET due_at = least(due_at, %(now)s) WHERE alert_id = %(alert)s",
        {"now": now, "alert": alert.id},
    )
    driver(session).execute(f"NOTIFY {CHANNEL}")


def restart(session: Session, alert: Alert, why: str, now: datetime) -> None:
    """From the first step again. The alert's row is locked; one that ended stays ended."""
    if alert.state == State.OPEN:
        begin(session, [alert], now)
    _open(session, alert, why, now, anew=True)


def _open(session: Session, alert: Alert, why: str, now: datetime, *, anew: bool) -> None:
    """Open again where somebody had taken it; else the reason is noted."""
    if alert.state in ENDED:
        return
    if alert.state == State.OPEN:
        was = State.OPEN
        session.add(
            AlertHistory(alert_id=alert.id, at=now, from_state=was, to_state=was, severity=alert.severity, what=why)
        )
        session.flush()
        return
    alerts = Alerts(session, now)
    alerts.reopen(alert, about_of(session, alert), why, anew=anew)
    emit(session, alerts.write())
