"""Somebody asks a virtual ward to take a patient."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.clock import local_day
from monitoring.fields import Instant, Line, Text, WardCode, in_utc
from monitoring.flow.referral_views import ReferralDetail, as_view, referral, shown
from monitoring.flow.states import LIVE, PRIORITIES, Priority, State
from monitoring.flow.tables import Referral, ReferralHistory, Source
from monitoring.patients.plan import BaselineName, EscalationBody
from monitoring.patients.register import refuse_merged
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict, Forbidden, unacceptable
from monitoring.wards.admission import refuse_dead
from monitoring.wards.beds import lock_ward
from monitoring.wards.tables import Step

Frailty = Annotated[int, msgspec.Meta(ge=1, le=9, description="Clinical Frailty Scale")]
Kit = Annotated[list[Line], msgspec.Meta(max_length=50)]


class ReferralBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A referral as sent."""

    patient: UUID
    ward: WardCode
    source: Source
    step: Step
    priority: Priority = Priority.ROUTINE  # as FHIR's requests have it where nothing is said
    referrer: Line | None = None
    condition: Line | None = None
    hospital: Line | None = None
    hospital_admitted_on: date | None = None
    hospital_until_on: date | None = None  # expected to stay there without the ward
    would_be_admitted: bool | None = None  # without the ward, to hospital: a clinician's to say
    frailty: Frailty | None = None
    consent: bool | None = None
    baselines: Annotated[dict[BaselineName, float], msgspec.Meta(max_length=20)] | None = None
    escalation: EscalationBody | None = None
    kit: Kit = []
    note: Text | None = None
    at: Instant | None = None


def refer(act: Act, body: ReferralBody) -> ReferralDetail:
    """A new referral. Raises Forbidden, Unacceptable; Conflict where the ward has one of the patient already."""
    refuse_unclinical(act, body.would_be_admitted)
    ward = lock_ward(act, body.ward)
    patient = _patient(act, body.patient)
    refuse_dead(patient)
    received_at = _received_at(act, body, patient)
    _refuse_impossible_stay(body, local_day(received_at))
    here = shown(Referral).where(
        col(Referral.patient_id) == patient.id, col(Referral.ward_id) == ward.id, col(Referral.state).in_(LIVE)
    )
    if (before := act.session.execute(here).one_or_none()) is not None:
        raise Conflict("The patient is referred to this ward already.", current=as_view(before))
    fields = msgspec.structs.asdict(body)
    made = Referral(
        **{name: fields[name] for name in fields if name in Referral.model_fields},
        patient_id=patient.id,
        ward_id=ward.id,
        urgency=PRIORITIES.index(body.priority),
        state=State.RECEIVED,
        received_at=received_at,
        recorded_by=act.who.id,
    )
    made.escalation = msgspec.to_builtins(body.escalation)
    act.session.add(made)
    act.session.flush()
    entry = ReferralHistory(
        referral_id=made.id, at=received_at, what=State.RECEIVED, to_state=State.RECEIVED, by=act.who.id,
        note=body.note, recorded_at=act.now,
    )  # fmt: skip
    act.session.add(entry)
    return referral(act, made.public_id)


def refuse_unclinical(act: Act, would_be_admitted: bool | None) -> None:
    """Raise Forbidden where somebody else than a clinician says that hospital was the alternative."""
    if would_be_admitted is not None and act.who.role not in {Role.CLINICIAN, Role.ADMIN}:
        raise Forbidden("Whether the patient would have been admitted to hospital is a clinician's to say.")


def _patient(act: Act, patient_id: UUID) -> Patient:
    """Anybody known here, whichever ward they were on before. Locked: the record is not merged meanwhile."""
    lock = select(Patient).where(col(Patient.public_id) == patient_id).with_for_update(key_share=True)
    found: Patient | None = act.session.execute(lock).scalar_one_or_none()
    if found is None:
        raise unacceptable("patient", f"there is no patient {patient_id}")
    refuse_merged(act, found)
    return found


def _received_at(act: Act, body: ReferralBody, patient: Patient) -> datetime:
    at = act.now if body.at is None else in_utc("at", body.at)
    if at > act.now:
        raise unacceptable("at", "is in the future")
    if local_day(at) < patient.birth_date:
        raise unacceptable("at", "is before the patient was born")
    return at


def _refuse_impossible_stay(body: ReferralBody, on: date) -> None:
    came, leaves = body.hospital_admitted_on, body.hospital_until_on
    if came is not None and came > on:
        raise unacceptable("hospital_admitted_on", "is after the referral")
    if came is not None and leaves is not None and leaves < came:
        raise unacceptable("hospital_until_on", "is before the patient came to hospital")
