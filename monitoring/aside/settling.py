"""The ward was told to call about something unverified; a person has decided of it: what the alert says ends with that.

Used by the drain, which scores what was released, and by who discards, each with what is known of the patient and the
alert locked.
"""

from typing import Final

import psycopg

from alert_rules.alarms import Finding, Kind
from alert_rules.severity import Severity
from monitoring.alerts.basis import held_of
from monitoring.alerts.life import About, Alerts, Evidence

UNVERIFIED: Final = "unverified"
"""What a data_quality alert tells of each such set, with how bad it would be."""

_OTHERS: Final = """
SELECT EXISTS (
    SELECT FROM set_aside
    WHERE decided_at IS NULL AND severity >= %s AND kept_at >= %s
      AND (patient_id = %s OR (patient_id IS NULL AND EXISTS (
          SELECT FROM assignment
          WHERE device_id = set_aside.source AND assignment.patient_id = %s AND during @> set_aside.received_at)))
)
"""


def settle(
    alerts: Alerts, connection: psycopg.Connection, about: About, what: str, *, ends: bool = True, by: int | None = None
) -> None:
    """Write into the patient's alert what was decided; where `ends`, the last decision ends what it stands for.

    What else the alert stands for goes on, and so it does while anything unverified is undecided.
    """
    alert = alerts.open.get((about.patient_id, Kind.DATA_QUALITY))
    if alert is None:
        return
    rules = held_of(alert).basis.rules
    unverified = frozenset(rule for rule in rules if rule.startswith(f"{UNVERIFIED}_"))
    if not unverified:
        return
    asked = (int(Severity.RED), alert.raised_at, about.patient_id, about.patient_id)
    ((others,),) = connection.execute(_OTHERS, asked).fetchall()
    if ends and not others and unverified == rules:
        alerts.expire(about, Kind.DATA_QUALITY, what, by)
        return
    if ends and not others:
        cleared = Finding(Severity.NONE, cleared=unverified)
        alerts.weigh(about, Kind.DATA_QUALITY, cleared, lambda: Evidence([], {}))
    alerts.note(about, Kind.DATA_QUALITY, what, Severity(alert.severity), by=by)
