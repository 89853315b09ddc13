"""What a person does to an alert's ladder: sends it on, and records that 999 was called; and how it stands, for all."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from alert_rules.alarms import ENDED, State
from alert_rules.ladder import ROTA, ROUTE, ROUTES, Step, from_json
from alert_rules.severity import Severity
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts import answers, finding
from monitoring.alerts.holding import record
from monitoring.alerts.tables import Alert
from monitoring.alerts.views import AlertDetail, event
from monitoring.config import Settings
from monitoring.escalation.climbing import resume
from monitoring.escalation.firing import tell_now
from monitoring.escalation.tables import EmergencyCall, Escalation, LadderStep, Message, Taken
from monitoring.events import emit
from monitoring.fields import Instant, Line, Reason, Text, Version, Word, in_utc
from monitoring.refusals import Conflict, unacceptable

NEXT: Final = "next"
TOLD_BY_HAND_S: Final = 900
SHOWN_MAX: Final = 200


class EscalateBody(msgspec.Struct, forbid_unknown_fields=True):
    """To whom, and why: `next` (the ladder's next step), a role on duty, `rota:<code>`, `ucr`, or a way out by name."""

    to: Word
    reason: Reason
    version: Version | None = None


class EmergencyCallBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """999 was called, or it was decided not to call."""

    called: bool = True
    decided_by: Line | None = None  # the caller, unless said
    called_by: Line | None = None
    at: Instant | None = None
    incident_number: Word | None = None
    with_patient: Line | None = None
    conveyed: bool | None = None
    destination: Line | None = None
    note: Text | None = None


class EmergencyCallView(msgspec.Struct, kw_only=True):
    """A 999 call, or the decision not to make one, as recorded."""

    id: UUID
    called: bool
    decided_by: str
    called_by: str | None
    at: datetime
    incident_number: str | None
    with_patient: str | None
    conveyed: bool | None
    destination: str | None
    note: str | None
    recorded_at: datetime


class StepView(msgspec.Struct):
    """A step that was taken."""

    id: UUID
    at: datetime
    step: int | None  # None: by hand
    repeat: int
    severity: str
    tell: str
    taken: Taken
    reason: str
    people: int


class MessageView(msgspec.Struct):
    """A message that was sent, or is on its way. What it says and where it goes are not shown."""

    id: UUID
    by: str
    to: UUID | None  # the member of staff
    name: str | None
    state: str
    attempts: int
    error: str | None
    created_at: datetime
    done_at: datetime | None


class EscalationView(msgspec.Struct):
    """How an alert stands on its ladder: what comes next and when, and everybody who was told. The newest last."""

    alert: UUID
    severity: str
    version: str
    ladder: list[dict[str, Any]]
    next_step: int
    due_at: datetime | None
    steps: list[StepView]
    messages: list[MessageView]
    emergency_calls: list[EmergencyCallView]


def escalate(act: Act, alert_id: UUID, body: EscalateBody, settings: Settings) -> AlertDetail:
    """Tell somebody else now. Raises NotFound, Forbidden, Unacceptable; Conflict, saying why nobody was told."""
    answers.lock(act, alert_id)
    row = answers.to_answer(act, alert_id)
    found: Alert = row[0]
    answers.refuse_stale(row, body.version)
    if found.state in ENDED:
        raise Conflict(f"the alert is {found.state}", current=finding.as_view(row))
    if body.to == NEXT:
        resume(act.session, found, f"sent on by {act.who.name}: {body.reason}", act.now)  # told of below, as it ends up
    else:
        reach = tell_now(act.session, settings, found, _step(body.to), body.reason, act.now)
        if reach.taken is not Taken.TOLD:
            raise Conflict(f"Nobody was told: {reach.reason}.", current=finding.as_view(row))
    return _told(act, found, f"escalated to {body.to}", body.reason)


def call_999(act: Act, alert_id: UUID, body: EmergencyCallBody) -> EmergencyCallView:
    """Record a 999 call. It answers nothing by itself. Raises NotFound, Forbidden, Unacceptable."""
    answers.lock(act, alert_id)
    return _call_view(record_999(act, answers.to_answer(act, alert_id)[0], body))


def record_999(act: Act, found: Alert, body: EmergencyCallBody) -> EmergencyCall:
    """The record itself, of an alert that is locked, for whoever rang. Raises Unacceptable."""
    at = act.now if body.at is None else in_utc("at", body.at)
    if at > act.now:
        raise unacceptable("at", "is in the future")
    said = {name: getattr(body, name) for name in body.__struct_fields__ if name not in {"at", "decided_by"}}
    call = EmergencyCall(
        alert_id=found.id, at=at, decided_by=body.decided_by or act.who.name, recorded_by=act.who.id,
        recorded_at=act.now, **said,
    )  # fmt: skip
    act.session.add(call)
    what = f"999 {'called' if body.called else 'not called'}, decided by {call.decided_by}"
    _told(act, found, what, body.note)
    return call


def escalation(act: Act, alert_id: UUID) -> EscalationView:
    """How an alert stands on its ladder. Raises NotFound."""
    shown = finding.alert(act, alert_id)
    key = act.session.execute(select(col(Alert.id)).where(col(Alert.public_id) == alert_id)).scalar_one()
    stands = act.session.get(Escalation, key)
    steps = select(LadderStep).where(col(LadderStep.alert_id) == key).order_by(col(LadderStep.id).desc())
    calls = select(EmergencyCall).where(col(EmergencyCall.alert_id) == key).order_by(col(EmergencyCall.id).desc())
    messages = (
        select(Message, Staff)
        .join(LadderStep, col(LadderStep.id) == col(Message.ladder_step_id))
        .outerjoin(Staff, col(Staff.id) == col(Message.staff_id))
        .where(col(LadderStep.alert_id) == key)
        .order_by(col(Message.id).desc())
    )
    return EscalationView(
        alert=alert_id,
        severity=shown.severity,
        version=stands.version if stands else "",
        ladder=[_shown_step(step) for step in from_json(stands.ladder)] if stands else [],
        next_step=stands.step + 1 if stands else 0,
        due_at=stands.due_at if stands else None,
        steps=[_step_view(one) for one in _newest(act, steps)],
        messages=[_message_view(*row) for row in reversed(act.session.execute(messages.limit(SHOWN_MAX)).all())],
        emergency_calls=[_call_view(one) for one in _newest(act, calls)],
    )


def _step(to: str) -> Step:
    """One step by hand. Raises Unacceptable."""
    if to in ROUTES and to != "ucr":
        to = f"{ROUTE}{to}"
    if to not in {"clinician", "support", "coordinator", "ucr"} and not to.startswith((ROTA, ROUTE)):
        known = f"{NEXT}, clinician, support, coordinator, rota:<code>, {', '.join(ROUTES)}"
        raise unacceptable("to", f"is none of {known}")
    return Step(to, TOLD_BY_HAND_S)


def _told(act: Act, found: Alert, what: str, note: str | None) -> AlertDetail:
    shown = record(act.session, found, State(found.state), what, act.now, by=act.who.id, note=note)
    emit(act.session, [event(shown, act.now)])
    return shown


def _newest(act: Act, query: Any) -> list[Any]:
    return list(reversed(act.session.execute(query.limit(SHOWN_MAX)).scalars().all()))


def _shown_step(step: Step) -> dict[str, Any]:
    shown = {"tell": step.tell, "by": list(step.by), "wait_s": step.wait_s, "when": step.when}
    return {name: value for name, value in shown.items() if value}


def _step_view(one: LadderStep) -> StepView:
    step = one.step + 1 if one.step >= 0 else None
    severity = Severity(one.severity).label
    return StepView(one.public_id, one.at, step, one.repeat, severity, one.tell, one.taken, one.reason, one.people)


def _message_view(one: Message, staff: Staff | None) -> MessageView:
    to, name = (staff.public_id, staff.name) if staff else (None, None)
    return MessageView(one.public_id, one.by, to, name, one.state, one.attempts, one.error, one.created_at, one.done_at)


def _call_view(call: EmergencyCall) -> EmergencyCallView:
    said = {name: getattr(call, name) for name in EmergencyCallView.__struct_fields__ if name != "id"}
    return EmergencyCallView(id=call.public_id, **said)
