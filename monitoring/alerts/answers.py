"""What people do with alerts: find them, take responsibility, act, resolve. Each answer is one transaction."""

from collections.abc import Callable
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, any_, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from alert_rules.alarms import ENDED, TECHNICAL, Kind, NotNow, Outcome, State, acknowledge, act, resolve
from alert_rules.severity import Severity
from alert_rules.staffed import due_at
from monitoring.access.gate import see_ward
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts.history import histories
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.alerts.views import HISTORY_MAX, AlertDetail, AlertView, detail, event, view
from monitoring.database import AnyRow, AnySelect
from monitoring.events import emit
from monitoring.fields import Line, Text, Version
from monitoring.paging import Page, before, page
from monitoring.patients.register import find, key_of
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict, Forbidden, NotFound
from monitoring.wards.tables import Ward


class AcknowledgeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Taking responsibility."""

    note: Text | None = None
    version: Version | None = None


class ActionBody(msgspec.Struct, forbid_unknown_fields=True):
    """What was done."""

    what: Line
    note: Text | None = None
    version: Version | None = None


class ResolveBody(msgspec.Struct, forbid_unknown_fields=True):
    """How it ended."""

    outcome: Outcome
    note: Text | None = None
    version: Version | None = None


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
    return _detail(act_, _found(act_, alert_id))


def to_answer(act_: Act, alert_id: UUID) -> AnyRow:
    """An alert that the caller may answer. Raises NotFound, Forbidden.

    Support workers answer technical and amber alerts; what is worse needs a clinician.
    """
    row = _found(act_, alert_id)
    found: Alert = row[0]
    if act_.who.role is Role.SUPPORT and Kind(found.kind) not in TECHNICAL and found.severity > Severity.AMBER:
        raise Forbidden("Support workers answer technical and amber alerts.")
    return row


def to_resolve(act_: Act, alert_id: UUID) -> AnyRow:
    """An alert that the caller may resolve. Raises NotFound, Forbidden.

    What is not technical ends by a registered clinician, whatever else somebody may do.
    """
    row, who = _found(act_, alert_id), act_.who
    may = who.role is Role.ADMIN or (who.role is Role.CLINICIAN and who.registered)
    if Kind(row[0].kind) not in TECHNICAL and not may:
        raise Forbidden("Only a registered clinician resolves this alert.")
    return row


def acknowledge_alert(act_: Act, alert_id: UUID, body: AcknowledgeBody) -> AlertDetail:
    """Take responsibility. Raises NotFound, Forbidden; Conflict naming who was first."""
    _lock(act_, alert_id)
    row = to_answer(act_, alert_id)
    found, by = row[0], row[3]
    if by is not None and found.state in {State.ACKNOWLEDGED, State.ACTIONED}:
        raise Conflict(f"{by.name} acknowledged it first.", current=_view(row))
    _refuse_stale(row, body.version)
    to = _allowed(row, acknowledge)
    found.acknowledged_at, found.acknowledged_by = act_.now, act_.who.id
    return _move(act_, row, to, "acknowledged", body.note)


def act_on_alert(act_: Act, alert_id: UUID, body: ActionBody) -> AlertDetail:
    """Record what was done; whoever acts has taken responsibility. Raises NotFound, Forbidden, Conflict."""
    _lock(act_, alert_id)
    row = to_answer(act_, alert_id)
    _refuse_stale(row, body.version)
    to = _allowed(row, act)
    _take(act_, row[0])
    return _move(act_, row, to, f"actioned: {body.what}", body.note)


def resolve_alert(act_: Act, alert_id: UUID, body: ResolveBody) -> AlertDetail:
    """Say how it ended: a registered clinician, where it is not technical. Raises NotFound, Forbidden, Conflict."""
    _lock(act_, alert_id)
    row = to_resolve(act_, alert_id)
    found: Alert = row[0]
    _refuse_stale(row, body.version)
    to = _allowed(row, resolve)
    _take(act_, found)
    found.outcome, found.resolved_at = body.outcome, act_.now
    return _move(act_, row, to, f"resolved: {body.outcome}", body.note)


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
    return page(act_.session, shown, limit, key=lambda row: row[0].id, show=_view)


def _found(act_: Act, alert_id: UUID) -> AnyRow:
    query = _shown(Alert).where(col(Alert.public_id) == alert_id, *_of_callers_wards(act_))
    if (row := act_.session.execute(query).one_or_none()) is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return row


def _lock(act_: Act, alert_id: UUID) -> None:
    """Before the alert is read: joined rows read while waiting would be those of before."""
    act_.session.execute(select(col(Alert.id)).where(col(Alert.public_id) == alert_id).with_for_update())


def _refuse_stale(row: AnyRow, version: int | None) -> None:
    if version is not None and version != row[0].version:
        raise Conflict(f"The alert changed since version {version}.", current=_view(row))


def _allowed(row: AnyRow, verb: Callable[[State], State]) -> State:
    try:
        return verb(State(row[0].state))
    except NotNow as error:
        raise Conflict(str(error), current=_view(row)) from error


def _take(act_: Act, found: Alert) -> None:
    if found.acknowledged_by is None or found.state == State.OPEN:
        found.acknowledged_at, found.acknowledged_by = act_.now, act_.who.id


def _move(act_: Act, row: AnyRow, to: State, what: str, note: str | None) -> AlertDetail:
    found: Alert = row[0]
    was, found.state = State(found.state), to
    found.version += 1
    found.due_at = due_at(to, Severity(found.severity), act_.now, row[2].staffed_hours)
    act_.session.add(found)
    act_.session.add(
        AlertHistory(
            alert_id=found.id, at=act_.now, from_state=was, to_state=to, severity=found.severity, what=what,
            by=act_.who.id, note=note,
        )
    )  # fmt: skip
    act_.session.flush()
    shown = _detail(act_, _found(act_, found.public_id))
    emit(act_.session, [event(shown, act_.now)])
    return shown


def _view(row: AnyRow) -> AlertView:
    found, patient, ward, by = row
    return view(found, patient=patient.public_id, ward=ward.code, acknowledged_by=by and by.public_id)


def _detail(act_: Act, row: AnyRow) -> AlertDetail:
    found, patient, ward, by = row
    return detail(
        found,
        histories(act_.session, [found.id], HISTORY_MAX)[found.id],
        patient=patient.public_id,
        ward=ward.code,
        acknowledged_by=by and by.public_id,
    )
