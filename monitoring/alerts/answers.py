"""What people do about alerts: take responsibility, act, put one off. Each answer is one transaction.

How an alert ends: `resolving.py`.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from alert_rules.alarms import (
    HELD,
    SNOOZE_MAX,
    TECHNICAL,
    Kind,
    NotNow,
    State,
    acknowledge,
    act,
    snooze,
)
from alert_rules.severity import Severity
from alert_rules.staffed import due_at, shift_ends_at
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.alerts.finding import as_detail, as_view
from monitoring.alerts.finding import found as found_alert
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.alerts.views import AlertDetail, event
from monitoring.database import AnyRow
from monitoring.escalation.starting import hold, let_go
from monitoring.events import NewEvent, emit
from monitoring.fields import Instant, Line, Reason, Text, Version, in_utc
from monitoring.patients.tables import LatestVitals
from monitoring.refusals import Conflict, Forbidden, unacceptable


class AcknowledgeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Taking responsibility."""

    note: Text | None = None
    version: Version | None = None


class ActionBody(msgspec.Struct, forbid_unknown_fields=True):
    """What was done."""

    what: Line
    note: Text | None = None
    version: Version | None = None


class SnoozeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Not now, and why."""

    until: Instant
    reason: Reason
    version: Version | None = None


def to_answer(act_: Act, alert_id: UUID) -> AnyRow:
    """An alert that the caller may answer. Raises NotFound, Forbidden.

    Support workers answer technical and amber alerts; what is worse needs a clinician.
    """
    row = found_alert(act_, alert_id)
    found: Alert = row[0]
    if not may_answer(act_.who.role, found):
        raise Forbidden("Support workers answer technical and amber alerts.")
    return row


def may_answer(role: Role | None, found: Alert) -> bool:
    """Whether a role that answers alerts may answer this one."""
    return role is not Role.SUPPORT or Kind(found.kind) in TECHNICAL or found.severity <= Severity.AMBER


def acknowledge_alert(act_: Act, alert_id: UUID, body: AcknowledgeBody) -> AlertDetail:
    """Take responsibility. Raises NotFound, Forbidden; Conflict naming who was first."""
    lock(act_, alert_id)
    row = to_answer(act_, alert_id)
    found, by = row[0], row[3]
    if by is not None and found.state in HELD:
        raise Conflict(f"{by.name} acknowledged it first.", current=as_view(row))
    refuse_stale(row, body.version)
    return told(act_, _acknowledge(act_, row, "acknowledged", body.note))


def take_for_visit(act_: Act, found: Alert, what: str, note: str | None, owed_at: datetime) -> NewEvent | None:
    """Take responsibility in the name of a caller whose team was asked to visit because of this alert.

    Not for who may answer alerts: the caller may answer what was asked. The alert's row is locked. The visit is the
    action, owed by `owed_at`. Returns the event to emit at the end; None, and nothing changed, where somebody else has
    the alert or it has ended.
    """
    if found.state not in {State.OPEN, State.SNOOZED}:
        return None
    shown = _acknowledge(act_, found_alert(act_, found.public_id), what, note, owed_at)
    return event(shown, act_.now)


def act_for_visit(act_: Act, found: Alert, what: str, note: str | None) -> NewEvent:
    """The visit is made: what taking the alert for it promised is done, and somebody has to say how it ended.

    The alert's row is locked, and it is acknowledged. Returns the event to emit at the end.
    """
    return event(move(act_, found_alert(act_, found.public_id), act(State(found.state)), what, note), act_.now)


def act_on_alert(act_: Act, alert_id: UUID, body: ActionBody) -> AlertDetail:
    """Record what was done; whoever acts has taken responsibility. Raises NotFound, Forbidden, Conflict."""
    lock(act_, alert_id)
    row = to_answer(act_, alert_id)
    refuse_stale(row, body.version)
    to = allowed(row, act)
    take(act_, row[0])
    return told(act_, move(act_, row, to, f"actioned: {body.what}", body.note))


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
    return told(act_, move(act_, row, to, "snoozed", body.reason, until))


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


def take(act_: Act, found: Alert) -> None:
    if found.acknowledged_by is None or found.state == State.OPEN:
        found.acknowledged_at, found.acknowledged_by = act_.now, act_.who.id


def _acknowledge(act_: Act, row: AnyRow, what: str, note: str | None, owed_at: datetime | None = None) -> AlertDetail:
    """The caller takes responsibility; what they owe next is due by `owed_at`, or in the severity's time."""
    to = allowed(row, acknowledge)
    row[0].acknowledged_at, row[0].acknowledged_by = act_.now, act_.who.id
    return move(act_, row, to, what, note, owed_at)


def told(act_: Act, shown: AlertDetail) -> AlertDetail:
    emit(act_.session, [event(shown, act_.now)])
    return shown


def move(
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
    return as_detail(act_, found_alert(act_, found.public_id))
