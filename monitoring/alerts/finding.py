"""Alerts found and shown: those of the caller's wards, and no other."""

from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, any_, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from alert_rules.alarms import ENDED, State
from alert_rules.severity import Severity
from monitoring.access.gate import see_ward
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts.history import histories
from monitoring.alerts.tables import Alert
from monitoring.alerts.views import HISTORY_MAX, AlertDetail, AlertView, detail, view
from monitoring.database import AnyRow, AnySelect
from monitoring.paging import Page, before, page
from monitoring.patients.escalation_plans import escalation_plans
from monitoring.patients.register import find, key_of
from monitoring.patients.tables import Patient
from monitoring.refusals import NotFound
from monitoring.wards.tables import Ward


class AlertFilter(msgspec.Struct, frozen=True):
    """Which alerts to list."""

    state: State | None = None
    ward: str | None = None
    patient: UUID | None = None
    severity: Severity | None = None


_By = aliased(Staff)


def alerts(act_: Act, wanted: AlertFilter, limit: int, cursor: str | None) -> Page[AlertView]:
    """Alerts of the caller's wards, newest first. Raises Forbidden for a ward that is not theirs."""
    which = _of_callers_wards(act_)
    if wanted.ward is not None:
        see_ward(act_.who, wanted.ward)
        which.append(col(Alert.ward_id) == select(col(Ward.id)).where(col(Ward.code) == wanted.ward).scalar_subquery())
    if wanted.patient is not None:
        which.append(col(Alert.patient_id) == key_of(wanted.patient))
    if wanted.severity is not None:
        which.append(col(Alert.severity) == int(wanted.severity))
    if wanted.state is not None:
        which.append(col(Alert.state) == wanted.state)
    few = wanted.state is not None and wanted.state not in ENDED
    return _page(act_, which, limit, cursor, few=few)


def alerts_of_patient(act_: Act, patient_id: UUID, limit: int, cursor: str | None) -> Page[AlertView]:
    """Every alert of one patient, newest first. Raises NotFound."""
    patient = find(act_, patient_id)
    return _page(act_, [*_of_callers_wards(act_), col(Alert.patient_id) == patient.id], limit, cursor)


def alert(act_: Act, alert_id: UUID) -> AlertDetail:
    """One alert with why it fired and its whole history. Raises NotFound."""
    return as_detail(act_, found(act_, alert_id))


def found(act_: Act, alert_id: UUID) -> AnyRow:
    """An alert with its patient, ward and who acknowledged. Raises NotFound."""
    query = _shown(Alert).where(col(Alert.public_id) == alert_id, *_of_callers_wards(act_))
    if (row := act_.session.execute(query).one_or_none()) is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return row


def as_view(row: AnyRow) -> AlertView:
    """A row of `found`, as the outside sees it."""
    found, patient, ward, by = row
    return view(found, patient=patient.public_id, ward=ward.code, acknowledged_by=by and by.public_id)


def as_detail(act_: Act, row: AnyRow) -> AlertDetail:
    """The same with why it fired, its history and the treatment escalation plan."""
    found, patient, ward, by = row
    return detail(
        found,
        histories(act_.session, [found.id], HISTORY_MAX)[found.id],
        escalation_plans(act_.session, [found.episode_id], act_.now).get(found.episode_id or 0),
        patient=patient.public_id,
        ward=ward.code,
        acknowledged_by=by and by.public_id,
    )


def _shown(found: type[Alert]) -> AnySelect:
    """Alerts with their patient, ward and who acknowledged."""
    return (
        select(found, Patient, Ward, _By)
        .join(Patient, col(Patient.id) == col(found.patient_id))
        .join(Ward, col(Ward.id) == col(found.ward_id))
        .outerjoin(_By, col(_By.id) == col(found.acknowledged_by))
    )


def _of_callers_wards(act_: Act) -> list[ColumnElement[bool]]:
    if act_.who.wards is None:
        return []
    wards = select(col(Ward.id)).where(col(Ward.code).in_(act_.who.wards)).scalar_subquery()
    return [col(Alert.ward_id) == any_(func.array(wards))]


def _page(
    act_: Act, which: list[ColumnElement[bool]], limit: int, cursor: str | None, *, few: bool = False
) -> Page[AlertView]:
    """A page of alerts, newest first: found first, then shown. `few`: sorted, not looked for among all there were."""
    order = col(Alert.id) + 0 if few else col(Alert.id)
    newest = select(Alert).where(*which, col(Alert.id) < before(cursor)).order_by(order.desc()).limit(limit + 1)
    found = aliased(Alert, newest.subquery())
    shown = _shown(found).order_by(col(found.id).desc())
    return page(act_.session, shown, limit, key=lambda row: row[0].id, show=as_view)
