"""An alert's ladder: begun with the alert, held while somebody answers for it, ended with it.

Always under the lock of the alert's row, in the transaction of what caused it. What is due is taken by `firing.py`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from alert_rules.ladder import as_json, ladder_for, version
from alert_rules.severity import Severity
from monitoring.alerts.tables import Alert
from monitoring.database import driver
from monitoring.delivery.outbox import cancel
from monitoring.escalation.ladders import ladders_of
from monitoring.patients.escalation_plans import escalation_plans, rules_out_hospital

CHANNEL: Final = "ladder"
"""NOTIFY only wakes whoever keeps the time; the rows are the truth."""

_BEGIN: Final = """
    INSERT INTO escalation (alert_id, severity, ladder, version, no_hospital, run, step, repeats, asked, due_at)
    SELECT alert_id, severity, ladder, version, no_hospital, 1, 0, 0, 0, %(now)s
    FROM jsonb_to_recordset(%(begun)s::jsonb)
        AS begun (alert_id bigint, severity smallint, ladder jsonb, version text, no_hospital boolean)
    ON CONFLICT (alert_id) DO UPDATE
    SET severity = excluded.severity, ladder = excluded.ladder, version = excluded.version,
        no_hospital = excluded.no_hospital, run = escalation.run + 1, step = 0, repeats = 0, asked = 0,
        due_at = excluded.due_at
"""

_SUPERSEDE: Final = """
    UPDATE message SET state = 'cancelled', done_at = %s, ways = '[]' WHERE alert_id = ANY(%s) AND state = 'pending'
"""

_MOOT: Final = "UPDATE handover SET ended = 'moot', ended_at = %s WHERE alert_id = ANY(%s) AND ended IS NULL"

_WARDS: Final = text("SELECT id, pathway FROM ward WHERE id = ANY(:wards)")


def begin(session: Session, alerts: Collection[Alert], now: datetime) -> None:
    """Begin the ladders of these alerts, or begin them anew: from the first step, due at once.

    A few statements, whatever the number of alerts. What was still to be sent of an earlier run is not: the new one
    says it anew.
    """
    if not alerts:
        return
    session.flush()
    wards = {row.id: row.pathway for row in session.execute(_WARDS, {"wards": [one.ward_id for one in alerts]})}
    ladders = ladders_of(session, wards, now)
    stay_home = not_to_hospital(session, alerts, now)
    begun = []
    for alert in alerts:
        severity, stays = Severity(alert.severity), alert.id in stay_home
        ladder = ladder_for(ladders[alert.ward_id], severity, to_hospital=not stays)
        begun.append(
            {"alert_id": alert.id, "severity": severity, "ladder": as_json(ladder), "version": version(ladder),
             "no_hospital": stays}
        )  # fmt: skip
    connection = driver(session)
    connection.execute(_SUPERSEDE, (now, [alert.id for alert in alerts]))
    connection.execute(_BEGIN, {"begun": msgspec.json.encode(begun).decode(), "now": now})
    connection.execute(f"NOTIFY {CHANNEL}")


def not_to_hospital(session: Session, alerts: Collection[Alert], now: datetime) -> set[int]:
    """Those of these alerts, from red on, whose patients' plans say not to hospital. One query."""
    grave = [alert for alert in alerts if alert.severity >= Severity.RED]
    plans = escalation_plans(session, [alert.episode_id for alert in grave], now)
    return {alert.id for alert in grave if rules_out_hospital(plans.get(alert.episode_id or 0))}


def hold(session: Session, alert: Alert, now: datetime) -> None:
    """Somebody answers for the alert: nobody else is told until what they owe is overdue, or any more if it ended.

    Returns when nothing that was on its way can still reach anybody: see `outbox.cancel`.
    """
    session.flush()
    driver(session).execute(
        "UPDATE escalation SET due_at = %s, asked = 0 WHERE alert_id = %s", (alert.due_at, alert.id)
    )
    cancel(session, alert.id, now)


def let_go(session: Session, alerts: Collection[int], now: datetime) -> None:
    """Nobody holds these alerts any more: what was offered of them is no longer to be taken."""
    if alerts:
        driver(session).execute(_MOOT, (now, list(alerts)))


def end(session: Session, alerts: Collection[Alert], now: datetime) -> None:
    """These alerts ended by themselves, or all at once: nobody is told any more."""
    if not alerts:
        return
    ids = [alert.id for alert in alerts]
    driver(session).execute("UPDATE escalation SET due_at = NULL WHERE alert_id = ANY(%s)", (ids,))
    driver(session).execute(_SUPERSEDE, (now, ids))
