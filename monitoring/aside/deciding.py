"""What people decide of what was kept aside: release it to be scored, or discard it. Each is one transaction.

To release is to promise: the decision is written first, with the set as it is to be scored, and only then does it go
onto the stream. Whoever is killed in between loses nothing, for the timekeeper puts it there again, and the drain
scores it once, in the transaction that notes that it did (docs/decisions/0010).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from alert_rules.alarms import Kind
from alert_rules.severity import Severity
from devices.clock import TOLERANCE
from devices.reading import Arrival, ReadingSet
from monitoring.access.permissions import MAY
from monitoring.acts import Act
from monitoring.alerts.life import Alerts
from monitoring.aside.documents import reads
from monitoring.aside.settling import settle
from monitoring.aside.views import SetAsideDetail, one
from monitoring.aside.whose import may_be, visible
from monitoring.database import driver
from monitoring.escalation.about import about_of
from monitoring.events import emit
from monitoring.fields import Instant, Reason, Text, in_utc
from monitoring.intake.tables import Aside, Decision, SetAside, SetAsideHistory
from monitoring.kit.tables import Assignment
from monitoring.patients.register import find as find_patient
from monitoring.patients.tables import LatestVitals, Patient
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.schema import RETENTION
from monitoring.wards.tables import Episode

WHOSE: Final = frozenset({Aside.UNASSIGNED, Aside.WRONG_PATIENT, Aside.OTHER_USER})
"""Whose it is is in doubt: somebody has to say."""
WHEN: Final = frozenset({Aside.FUTURE, Aside.BEFORE_RETENTION, Aside.UNKNOWN_TIME})
"""When it was taken is in doubt."""


class ReleaseBody(msgspec.Struct, forbid_unknown_fields=True):
    """What was in doubt, as a person says it."""

    patient: UUID | None = None
    taken_at: Instant | None = None
    note: Text | None = None


class DiscardBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why nothing is to come of it."""

    reason: Reason


def to_decide(act: Act, public_id: UUID) -> SetAsideDetail:
    """Something that the caller may see. Raises NotFound."""
    return one(act, public_id)


def release(act: Act, public_id: UUID, body: ReleaseBody) -> SetAsideDetail:
    """It is a patient's, and is to be scored. Raises NotFound, Unacceptable; Conflict where nothing can be scored."""
    row = _lock_open(act, public_id)
    found = reads(row)
    if found is None:
        raise Conflict("There is nothing in it that could be scored.", current=one(act, public_id))
    taken_at = _taken_at(row, found, body)
    patient = _whose(act, row, found, body, taken_at)
    _refuse_without_stay(act, row, patient, taken_at)
    row.released = msgspec.to_builtins(
        msgspec.structs.replace(found, taken_at=taken_at, patient=str(patient.public_id)), str_keys=True
    )
    row.queued_at = act.now
    supplied = {name: getattr(body, name) for name in ("patient", "taken_at") if getattr(body, name) is not None}
    _decide(act, row, Decision.RELEASED, body.note, supplied)
    return one(act, public_id)


def discard(act: Act, public_id: UUID, body: DiscardBody) -> SetAsideDetail:
    """Nothing is to come of it. Raises NotFound; Conflict where somebody has decided.

    Who may answer alerts ends with it what the ward was told to call about; what an engineer decides is noted there,
    and the call is still owed.
    """
    row = _lock_open(act, public_id)
    _decide(act, row, Decision.DISCARDED, body.reason)
    if row.severity >= Severity.RED:
        _settle(act, row, f"kept aside and discarded: {body.reason}")
    return one(act, public_id)


def arrival_of(row: SetAside) -> Arrival:
    """What was released, as it goes onto the stream: it counts as having come when it was released."""
    assert row.decided_at is not None
    released = msgspec.convert(row.released, ReadingSet)
    return Arrival(
        source=row.source,
        received_at=row.decided_at,
        sets=[released],
        patient=released.patient,
        released=str(row.public_id),
    )


def released(act: Act, public_id: UUID) -> Arrival:
    """The same, for who has just released it."""
    return arrival_of(act.session.execute(select(SetAside).where(col(SetAside.public_id) == public_id)).scalar_one())


def _lock_open(act: Act, public_id: UUID) -> SetAside:
    """Something undecided, locked. Raises NotFound; Conflict with what was decided and by whom."""
    query = select(SetAside).where(col(SetAside.public_id) == public_id, visible(act)).with_for_update(of=SetAside)
    row: SetAside | None = act.session.execute(query).scalar_one_or_none()
    if row is None:
        raise NotFound(f"Nothing of the id {public_id} was kept aside.")
    if row.decision is not None:
        raise Conflict(f"It was {row.decision} before.", current=one(act, public_id))
    return row


def _taken_at(row: SetAside, found: ReadingSet, body: ReleaseBody) -> datetime:
    """Raises Unacceptable where a person has to say when, or it cannot have been then."""
    if body.taken_at is None and row.reason in WHEN:
        raise unacceptable("taken_at", f"required: {row.reason}")
    taken_at = found.taken_at if body.taken_at is None else in_utc("taken_at", body.taken_at)
    if taken_at > row.received_at + TOLERANCE:
        raise unacceptable("taken_at", f"is after it came, {row.received_at.isoformat()}")
    if taken_at < row.received_at - RETENTION:
        raise unacceptable("taken_at", "is longer ago than readings are kept")
    return taken_at


def _whose(act: Act, row: SetAside, found: ReadingSet, body: ReleaseBody, taken_at: datetime) -> Patient:
    """Raises Unacceptable where a person has to say whose it is."""
    if body.patient is not None:
        try:
            return find_patient(act, body.patient)
        except NotFound as error:
            raise unacceptable("patient", str(error)) from None
    had = _had_it(act, row.source, taken_at)
    if row.patient_id is not None and (not had or row.patient_id in had):
        had = [row.patient_id]
    named = _named(act, found)
    if named is not None:
        had = [one for one in had if one == named]
    if row.reason in WHOSE or len(had) != 1:
        raise unacceptable("patient", f"required: {row.reason}")
    return act.session.get_one(Patient, had[0])


def _had_it(act: Act, source: int, at: datetime) -> Sequence[int]:
    query = select(col(Assignment.patient_id)).where(
        col(Assignment.device_id) == source, col(Assignment.during).contains(at)
    )
    return act.session.execute(query).scalars().all()


def _named(act: Act, found: ReadingSet) -> int | None:
    """Whom the set itself names, where that is one of our ids; None where it names nobody."""
    try:
        return None if found.patient is None else find_patient(act, UUID(found.patient)).id
    except (ValueError, NotFound):
        return None


def _refuse_without_stay(act: Act, row: SetAside, patient: Patient, at: datetime) -> None:
    """Raise Conflict where the patient was on no ward then: there is nobody's score that it could change."""
    query = select(col(Episode.id)).where(
        col(Episode.patient_id) == patient.id,
        col(Episode.admitted_at) <= at,
        col(Episode.discharged_at).is_(None) | (col(Episode.discharged_at) > at),
    )
    if act.session.execute(query.limit(1)).first() is None:
        raise Conflict("The patient had no stay on a ward at that time.", current=one(act, row.public_id))


def _decide(act: Act, row: SetAside, what: Decision, why: str | None, supplied: dict[str, Any] | None = None) -> None:
    row.decision, row.decided_at, row.decided_by = what, act.now, act.who.id
    act.session.add(row)
    act.session.add(
        SetAsideHistory(set_aside_key=row.key, at=act.now, by=act.who.id, what=what, why=why, supplied=supplied or None)
    )
    act.session.flush()


def _settle(act: Act, row: SetAside, what: str) -> None:
    patients = [patient for patient, *_ in may_be(act, [row.key])[row.key]]
    of_them = select(col(LatestVitals.episode_id)).join(Episode, col(Episode.id) == col(LatestVitals.episode_id))
    of_them = of_them.where(col(Episode.patient_id).in_(patients), col(Episode.discharged_at).is_(None))
    act.session.execute(of_them.order_by(col(LatestVitals.episode_id)).with_for_update(of=LatestVitals)).all()
    alerts = Alerts.lock(act.session, act.now, patients)
    ends = act.who.role in MAY["answer alerts"]
    for patient in patients:
        if alert := alerts.open.get((patient, Kind.DATA_QUALITY)):
            about = about_of(act.session, alert)
            settle(alerts, driver(act.session), about, what, ends=ends, by=act.who.id)
    emit(act.session, alerts.write())
