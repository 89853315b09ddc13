"""What people do with alerts: find them, take responsibility, act, resolve. Each answer is one transaction."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, any_, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from alert_rules.alarms import (
    ENDED,
    HELD,
    SNOOZE_MAX,
    TECHNICAL,
    Kind,
    NotNow,
    Outcome,
    State,
    acknowledge,
    act,
    resolve,
    snooze,
)
from alert_rules.severity import Severity
from alert_rules.staffed import due_at, shift_ends_at
from monitoring.access.gate import see_ward
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts.history import histories
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.alerts.views import HISTORY_MAX, AlertDetail, AlertView, detail, event, view
from monitoring.database import AnyRow, AnySelect
from monitoring.escalation.starting import hold, let_go
from monitoring.events import NewEvent, emit
from monitoring.fields import Instant, Line, Reason, Text, Version, in_utc
from monitoring.paging import Page, before, page
from monitoring.patients.escalation_plans import escalation_plans
from monitoring.patients.register import find, key_of
from monitoring.patients.tables import LatestVitals, Patient
from monitoring.refusals import Conflict, Forbidden, NotFound, unacceptable
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


class SnoozeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Not now, and why."""

    until: Instant
    reason: Reason
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
    if not may_answer(act_.who.role, found):
        raise Forbidden("Support workers answer technical and amber alerts.")
    return row


def may_answer(role: Role | None, found: Alert) -> bool:
    """Whether a role that answers alerts may answer this one."""
    return role is not Role.SUPPORT or Kind(found.kind) in TECHNICAL or found.severity <= Severity.AMBER


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
    lock(act_, alert_id)
    row = to_answer(act_, alert_id)
    found, by = row[0], row[3]
    if by is not None and found.state in HELD:
        raise Conflict(f"{by.name} acknowledged it first.", current=as_view(row))
    refuse_stale(row, body.version)
    return _told(act_, _acknowledge(act_, row, "acknowledged", body.note))


def take_for_visit(act_: Act, found: Alert, what: str, note: str | None, owed_at: datetime) -> NewEvent | None:
    """Take responsibility in the name of a caller whose team was asked to visit because of this alert.

    Not for who may answer alerts: the caller may answer what was asked. The alert's row is locked. The visit is the
    action, owed by `owed_at`. Returns the event to emit at the end; None, and nothing changed, where somebody else has
    the alert or it has ended.
    """
    if found.state not in {State.OPEN, State.SNOOZED}:
        return None
    shown = _acknowledge(act_, _found(act_, found.public_id), what, note, owed_at)
    return event(shown, act_.now)


def act_for_visit(act_: Act, found: Alert, what: str, note: str | None) -> NewEvent:
    """The visit is made: what taking the alert for it promised is done, and somebody has to say how it ended.

    The alert's row is locked, and it is acknowledged. Returns the event to emit at the end.
    """
    return event(_move(act_, _found(act_, found.public_id), act(State(found.state)), what, note), act_.now)


def act_on_alert(act_: Act, alert_id: UUID, body: ActionBody) -> AlertDetail:
    """Record what was done; whoever acts has taken responsibility. Raises NotFound, Forbidden, Conflict."""
    lock(act_, alert_id)
    row = to_answer(act_, alert_id)
    refuse_stale(row, body.version)
    to = allowed(row, act)
    _take(act_, row[0])
    return _told(act_, _move(act_, row, to, f"actioned: {body.what}", body.note))


def resolve_alert(act_: Act, alert_id: UUID, body: ResolveBody) -> AlertDetail:
    """Say how it ended: a registered clinician, where it is not technical. Raises NotFound, Forbidden, Conflict."""
    lock(act_, alert_id)
    row = to_resolve(act_, alert_id)
    found: Alert = row[0]
    refuse_stale(row, body.version)
    to = allowed(row, resolve)
    _take(act_, found)
    found.outcome, found.resolved_at = body.outcome, act_.now
    return _told(act_, _move(act_, row, to, f"resolved: {body.outcome}", body.note))


def snooze_alert(act_: Act, alert_id: UUID, body: SnoozeBody) -> AlertDetail:
    """Put an amber off. Raises NotFound, Forbidden, Conflict; Unacceptable beyond what an amber may wait.

    It ends with the next set that is due, with the shift of the ward, and in four hours, whichever comes first; and at
    once where the patient gets worse, or somebody is concerned.
    """
    lock(act_, alert_id)
    row = to_answer(act_, alert_id)
    found: Alert = row[0]
    refuse_stale(row, body.version)
    to = allowed(row, lambda state: snooze(state, Severity(found.severity)))
    until = in_utc("until", body.until)
    next_set_at = select(col(LatestVitals.due_at)).where(col(LatestVitals.episode_id) == found.episode_id)
    ends = [act_.now + SNOOZE_MAX, shift_ends_at(act_.now, row[2].staffed_hours)]
    ends.append(act_.session.execute(next_set_at).scalar_one_or_none())
    latest = min(end for end in ends if end is not None and end > act_.now)
    if not act_.now < until <= latest:
        raise unacceptable(
            "until", f"must be from now to {latest.isoformat()}: 4 h, the next set, the end of the shift"
        )
    return _told(act_, _move(act_, row, to, "snoozed", body.reason, until))


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


def _found(act_: Act, alert_id: UUID) -> AnyRow:
    query = _shown(Alert).where(col(Alert.public_id) == alert_id, *_of_callers_wards(act_))
    if (row := act_.session.execute(query).one_or_none()) is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return row


def lock(act_: Act, alert_id: UUID) -> None:
    """Lock an alert's row. Before the alert is read: joined rows read while waiting would be those of before."""
    act_.session.execute(select(col(Alert.id)).where(col(Alert.public_id) == alert_id).with_for_update())


def refuse_stale(row: AnyRow, version: int | None) -> None:
    """Raise Conflict where the alert changed since the caller saw it."""
    if version is not None and version != row[0].version:
        raise Conflict(f"The alert changed since version {version}.", current=as_view(row))


def allowed(row: AnyRow, verb: Callable[[State], State]) -> State:
    """Where a verb leads the alert. Raises Conflict where it leads nowhere."""
    try:
        return verb(State(row[0].state))
    except NotNow as error:
        raise Conflict(str(error), current=as_view(row)) from error


def _take(act_: Act, found: Alert) -> None:
    if found.acknowledged_by is None or found.state == State.OPEN:
        found.acknowledged_at, found.acknowledged_by = act_.now, act_.who.id


def _acknowledge(act_: Act, row: AnyRow, what: str, note: str | None, owed_at: datetime | None = None) -> AlertDetail:
    """The caller takes responsibility; what they owe next is due by `owed_at`, or in the severity's time."""
    to = allowed(row, acknowledge)
    row[0].acknowledged_at, row[0].acknowledged_by = act_.now, act_.who.id
    return _move(act_, row, to, what, note, owed_at)


def _told(act_: Act, shown: AlertDetail) -> AlertDetail:
    emit(act_.session, [event(shown, act_.now)])
    return shown


def _move(
    act_: Act, row: AnyRow, to: State, what: str, note: str | None, owed_at: datetime | None = None
) -> AlertDetail:
    """Write that somebody moved an alert. `owed_at`: what they owe by when, where the state does not say."""
    found: Alert = row[0]
    was, found.state = State(found.state), to
    found.version += 1
    found.due_at = owed_at or due_at(to, Severity(found.severity), act_.now, row[2].staffed_hours)
    act_.session.add(found)
    act_.session.add(
        AlertHistory(
            alert_id=found.id, at=act_.now, from_state=was, to_state=to, severity=found.severity, what=what,
            by=act_.who.id, note=note,
        )
    )  # fmt: skip
    hold(act_.session, found, act_.now)
    if to not in HELD:
        let_go(act_.session, [found.id], act_.now)
    return _detail(act_, _found(act_, found.public_id))


def as_view(row: AnyRow) -> AlertView:
    """An alert of `to_answer`, as the outside sees it."""
    found, patient, ward, by = row
    return view(found, patient=patient.public_id, ward=ward.code, acknowledged_by=by and by.public_id)


def _detail(act_: Act, row: AnyRow) -> AlertDetail:
    found, patient, ward, by = row
    return detail(
        found,
        histories(act_.session, [found.id], HISTORY_MAX)[found.id],
        escalation_plans(act_.session, [found.episode_id], act_.now).get(found.episode_id or 0),
        patient=patient.public_id,
        ward=ward.code,
        acknowledged_by=by and by.public_id,
    )
