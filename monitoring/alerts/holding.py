"""Who holds an answered alert, which passes to a colleague by name; and what else a person did beside answering."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from alert_rules.alarms import HELD, State
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts.answers import lock, refuse_stale, to_answer
from monitoring.alerts.finding import as_view
from monitoring.alerts.history import histories
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.alerts.views import HISTORY_MAX, AlertDetail, detail
from monitoring.patients.escalation_plans import escalation_plans
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict
from monitoring.wards.tables import Ward

_Holder = aliased(Staff)


def lock_held(act: Act, alert_id: UUID, version: int | None) -> Alert:
    """An alert that somebody holds and the caller may answer, locked. Raises NotFound, Forbidden, Conflict.

    Conflict also where it is not that version any more, if one is named.
    """
    lock(act, alert_id)
    row = to_answer(act, alert_id)
    found: Alert = row[0]
    if found.state not in HELD or found.acknowledged_by is None:
        raise Conflict(f"The alert is {found.state}: nobody holds it.", current=as_view(row))
    refuse_stale(row, version)
    return found


def take(act: Act, found: Alert, giver: str, note: str | None) -> AlertDetail:
    """The caller holds it from now on. What is owed, and by when, stays as it was."""
    found.acknowledged_at, found.acknowledged_by = act.now, act.who.id
    what = f"taken over from {giver}"
    return record(act.session, found, State(found.state), what, act.now, by=act.who.id, note=note)


def record(
    session: Session,
    found: Alert,
    was: State,
    what: str,
    now: datetime,
    *,
    by: int | None = None,
    note: str | None = None,
) -> AlertDetail:
    """Write what happened to an alert into its history; the alert as it now is."""
    found.version += 1
    session.add(found)
    session.add(
        AlertHistory(
            alert_id=found.id, at=now, from_state=was, to_state=found.state, severity=found.severity, what=what, by=by,
            note=note,
        )
    )  # fmt: skip
    session.flush()
    return shown(session, found, now)


def shown(session: Session, found: Alert, now: datetime) -> AlertDetail:
    """An alert as it is answered and told."""
    query = (
        select(col(Patient.public_id), col(Ward.code), col(_Holder.public_id))
        .select_from(Alert)
        .join(Patient, col(Patient.id) == col(Alert.patient_id))
        .join(Ward, col(Ward.id) == col(Alert.ward_id))
        .outerjoin(_Holder, col(_Holder.id) == col(Alert.acknowledged_by))
        .where(col(Alert.id) == found.id)
    )
    patient, ward, holder = session.execute(query).one()
    past = histories(session, [found.id], HISTORY_MAX)[found.id]
    plan = escalation_plans(session, [found.episode_id], now).get(found.episode_id or 0)
    return detail(found, past, plan, patient=patient, ward=ward, acknowledged_by=holder)
