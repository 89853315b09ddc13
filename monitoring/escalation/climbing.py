"""An alert's ladder goes on, or begins anew, because something else did not work out.

Both return what to emit at the end of the transaction.
"""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from alert_rules.alarms import ENDED, State
from monitoring.alerts.life import Alerts
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.database import driver
from monitoring.escalation.about import about_of
from monitoring.escalation.starting import CHANNEL
from monitoring.events import NewEvent

_AT_ONCE: Final = """
    UPDATE escalation SET due_at = least(due_at, %(now)s)
    WHERE alert_id = %(alert)s AND NOT EXISTS (
        SELECT FROM ladder_step AS taken
        WHERE taken.alert_id = %(alert)s AND taken.at >= %(since)s AND taken.run = escalation.run AND taken.step >= 0)
"""


def resume(session: Session, alert: Alert, why: str, now: datetime, since: datetime | None = None) -> list[NewEvent]:
    """The next step is due at once, whoever took the alert before. Its row is locked; one that ended stays ended.

    `since`: when that became known. What the ladder has told of its own accord from then on is not told twice.
    """
    if alert.state in ENDED:
        return []
    told: list[NewEvent] = []
    if alert.state == State.OPEN:
        was = State.OPEN
        session.add(
            AlertHistory(alert_id=alert.id, at=now, from_state=was, to_state=was, severity=alert.severity, what=why)
        )
        session.flush()
    else:
        told, since = _reopen(session, alert, why, now, anew=False), None
    driver(session).execute(_AT_ONCE, {"now": now, "alert": alert.id, "since": since})
    driver(session).execute(f"NOTIFY {CHANNEL}")
    return told


def restart(session: Session, alert: Alert, why: str, now: datetime) -> list[NewEvent]:
    """From the first step again: nobody has the alert any more. Its row is locked."""
    return _reopen(session, alert, why, now, anew=True)


def _reopen(session: Session, alert: Alert, why: str, now: datetime, *, anew: bool) -> list[NewEvent]:
    alerts = Alerts(session, now)
    alerts.reopen(alert, about_of(session, alert), why, anew=anew)
    return alerts.write()
