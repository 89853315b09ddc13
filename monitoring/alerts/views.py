"""An alert as the outside sees it: in answers and on `/v1/live` alike."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from monitoring.alerts.tables import Alert
from monitoring.events import NewEvent
from monitoring.sepsis.views import SepsisView, sepsis_view

HISTORY_MAX: Final = 1000
HISTORY_TOLD_MAX: Final = 100
"""The newest entries that an alert shows, and those that its events carry: each event is kept for days, with all of
them once more."""


class AlertView(msgspec.Struct, kw_only=True):
    """An alert."""

    id: UUID
    patient: UUID
    ward: str
    kind: Kind
    severity: str
    state: State
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    resolved_at: datetime | None
    due_at: datetime | None
    outcome: str | None
    news2: dict[str, Any] | None
    reasons: list[dict[str, Any]]
    sepsis: SepsisView | None  # whether sepsis is suspected; null where nobody was asked
    version: int


class HistoryView(msgspec.Struct, kw_only=True):
    """Something that happened to an alert."""

    at: datetime
    what: str
    from_state: State | None
    to_state: State
    severity: str
    by: UUID | None
    by_name: str | None
    note: str | None
    set: UUID | None


class AlertDetail(AlertView, kw_only=True):
    """An alert with why it fired and everything that happened to it, and the treatment escalation plan in force."""

    escalation_plan: dict[str, Any] | None  # `escalation` of the patient's plan; none where nobody recorded one
    why: dict[str, Any]
    history: list[HistoryView]


def view(alert: Alert, *, patient: UUID, ward: str, acknowledged_by: UUID | None) -> AlertView:
    """An alert with the public ids of what it points to."""
    return AlertView(**_fields(alert, patient, ward, acknowledged_by))


def detail(
    alert: Alert,
    history: list[HistoryView],
    escalation_plan: dict[str, Any] | None,
    *,
    patient: UUID,
    ward: str,
    acknowledged_by: UUID | None,
) -> AlertDetail:
    """An alert with its reasons and its whole history."""
    fields = _fields(alert, patient, ward, acknowledged_by)
    return AlertDetail(**fields, escalation_plan=escalation_plan, why=alert.why, history=history)


def event(shown: AlertDetail, now: datetime) -> NewEvent:
    """The event that tells of an alert as it now is."""
    told = msgspec.structs.replace(shown, history=shown.history[-HISTORY_TOLD_MAX:])
    return NewEvent("alert", now, shown.ward, shown.patient, told)


def _fields(alert: Alert, patient: UUID, ward: str, acknowledged_by: UUID | None) -> dict[str, Any]:
    return {
        "id": alert.public_id,
        "patient": patient,
        "ward": ward,
        "kind": alert.kind,
        "severity": Severity(alert.severity).label,
        "state": alert.state,
        "raised_at": alert.raised_at,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": acknowledged_by,
        "resolved_at": alert.resolved_at,
        "due_at": alert.due_at,
        "outcome": alert.outcome,
        "news2": alert.news2,
        "reasons": alert.reasons,
        "sepsis": sepsis_view(alert.sepsis),
        "version": alert.version,
    }
