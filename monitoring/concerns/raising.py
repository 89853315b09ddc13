"""Somebody is worried: the alert, the ladder's first step, and the answer, in one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlmodel import col

from alert_rules.alarms import Finding, Kind, State
from alert_rules.concern import ADVICE, severity_of
from alert_rules.severity import Severity
from alert_rules.soft_signs import Sign
from monitoring.acts import Act
from monitoring.alerts.life import About, Alerts, Evidence
from monitoring.alerts.tables import Alert
from monitoring.concerns.tables import Concern, From
from monitoring.config import Settings
from monitoring.database import AnyRow, AnySelect
from monitoring.escalation.firing import fire
from monitoring.escalation.tables import LadderStep, Taken
from monitoring.events import NewEvent
from monitoring.fields import Instant, Line, Reason, in_utc
from monitoring.kit.tables import Assignment
from monitoring.patients.register import find
from monitoring.patients.tables import LatestVitals, Patient
from monitoring.refusals import Conflict, unacceptable
from monitoring.soft_signs.noticing import Signs, Told, as_reasons, keep, refuse_twice
from monitoring.soft_signs.tables import Source
from monitoring.wards.tables import Episode, Ward

AHEAD_MAX: Final = timedelta(minutes=5)
CALL: Final = "if it cannot wait, call 111, or 999 in an emergency"
ConcernId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class ConcernBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What worries whom, in their own words."""

    id: ConcernId
    at: Instant
    patient: UUID | None = None
    from_: From = msgspec.field(name="from")
    text: Reason
    callback: Line | None = None
    urgent: bool = False
    soft_signs: Signs = []


class ToldView(msgspec.Struct):
    """A step of the ladder that has been taken already: who hears of it."""

    tell: str
    people: int
    reached: bool
    reason: str


class ConcernView(msgspec.Struct):
    """What became of a concern: its alert, what to do meanwhile, and who was told."""

    id: str
    alert: UUID
    severity: str
    advice: str
    told: list[ToldView]


def raise_concern(act: Act, body: ConcernBody, settings: Settings) -> ConcernView:
    """Always an alert. Sent again it is answered again; Conflict for another one under the same id.

    Raises NotFound, Unacceptable where it is about nobody who is, or was, on a ward.
    """
    source = act.who.id if act.who.role is None else -act.who.id
    content = sha256(msgspec.json.encode(body)).digest()
    act.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(body.id, source))))
    known = select(Concern).where(col(Concern.source) == source, col(Concern.said_id) == body.id)
    before: Concern | None = act.session.execute(known).scalar_one_or_none()
    if before is not None:
        if before.content != content:
            raise Conflict("Another concern was sent under this id.", current={"id": body.id, "at": before.at})
        return _answer(act, before)
    at = in_utc("at", body.at)
    if at > act.now + AHEAD_MAX:
        raise unacceptable("at", "is in the future")
    refuse_twice(body.soft_signs)
    about = _about(act, _patient(act, body, at))
    concern = Concern(
        source=source, said_id=body.id, content=content, patient_id=about.patient_id, alert_id=0,
        from_whom=body.from_, severity=severity_of(body.text, urgent=body.urgent), text=body.text,
        callback=body.callback, urgent=body.urgent, at=at, received_at=act.now,
    )  # fmt: skip
    concern.alert_id, told = _alert(act, about, concern, body.soft_signs)
    act.session.add(concern)
    act.session.flush()
    fire(act.session, settings, act.now, only=concern.alert_id, before=told)  # at once: the answer says who was told
    return _answer(act, concern)


def _alert(act: Act, about: About, concern: Concern, soft_signs: Sequence[Sign]) -> tuple[int, list[NewEvent]]:
    """Raise the alert, or say so anew on the one that is open; who had put another off hears of it as well.

    Soft signs are told with it: it is as bad as they are, or worse. Returns its key, and what to emit.
    """
    signs = Told(soft_signs, Source.CONCERN, concern.at, f"told by the {concern.from_whom}")
    if soft_signs:
        keep(act, act.session.get_one(LatestVitals, about.episode_id), signs)
    alerts = Alerts.lock(act.session, act.now, [about.patient_id])
    severity = Severity(concern.severity)
    said = {"rule": "concern", "severity": severity.label, "text": _said(act, concern)}
    why = {"from": concern.from_whom, "text": concern.text, "callback": concern.callback, "at": concern.at}
    found = Finding(severity, rules=frozenset({f"concern_{severity.label}"}), by_itself=True)
    alerts.weigh(about, Kind.CONCERN, found, lambda: Evidence([said, *as_reasons(signs)], why))
    for other in alerts.open.values():
        if other.state == State.SNOOZED:
            alerts.reopen(other, about, "somebody is concerned", anew=True)
    told = alerts.write()
    return alerts.open[about.patient_id, Kind.CONCERN].id, told


def _said(act: Act, concern: Concern) -> str:
    late_s = (act.now - concern.at).total_seconds()
    late = f", {late_s / 3600:.0f} h ago" if late_s >= 3600 else ""
    back = f"; call back {concern.callback}" if concern.callback else ""
    return f"the {concern.from_whom} is worried{late}: {concern.text}{back}"


def _patient(act: Act, body: ConcernBody, at: datetime) -> int:
    """Whom it is about: the patient named, or the one whose the device was then."""
    if act.who.role is not None:
        if body.patient is None:
            raise unacceptable("patient", "is missing: staff say whom it is about")
        named: int = find(act, body.patient).id
        return named
    query: AnySelect = (
        select(col(Assignment.patient_id), col(Patient.public_id))
        .join(Patient, col(Patient.id) == col(Assignment.patient_id))
        .where(col(Assignment.device_id) == act.who.id, col(Assignment.during).contains(at))
    )
    theirs: dict[UUID, int] = {patient: key for key, patient in act.session.execute(query)}
    if body.patient is not None:
        theirs = {patient: key for patient, key in theirs.items() if patient == body.patient}
    if len(theirs) == 1:
        return next(iter(theirs.values()))
    reason = "is missing: several patients share this device" if theirs else "is not whose this device was then"
    raise unacceptable("patient", f"{reason}; {CALL}")


def _about(act: Act, patient_id: int) -> About:
    """The patient's stay, or the last they had: its ward answers for them. The stay's latest vitals are locked."""
    query: AnySelect = (
        select(Episode, col(Patient.public_id), Ward)
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.patient_id) == patient_id)
        .order_by(col(Episode.admitted_at).desc())
        .limit(1)
    )
    row: AnyRow | None = act.session.execute(query).one_or_none()
    if row is None:
        raise unacceptable("patient", f"was never on a ward; {CALL}")
    episode, patient, _ = row
    known = act.session.get_one(LatestVitals, episode.id, with_for_update=True)
    known.resolved = None  # whoever is worried again is listened to, and so are the readings
    episode, patient, ward = act.session.execute(query.execution_options(populate_existing=True)).one()
    return About(patient_id, patient, episode.id, ward.id, ward.code, ward.staffed_hours)


def _answer(act: Act, concern: Concern) -> ConcernView:
    alert = act.session.get_one(Alert, concern.alert_id)
    newest = select(LadderStep).where(col(LadderStep.alert_id) == concern.alert_id).order_by(col(LadderStep.id).desc())
    steps = reversed(act.session.execute(newest.limit(20)).scalars().all())
    told = [ToldView(one.tell, one.people, one.taken == Taken.TOLD, one.reason) for one in steps]
    severity = Severity(concern.severity)
    return ConcernView(concern.said_id, alert.public_id, severity.label, ADVICE[severity], told)
