"""Correcting what is recorded of a patient: somebody on a ward is still watched afterwards."""

from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.clock import local_day
from monitoring.patients import register
from monitoring.patients.plan import limits_missing, plan_view, reason_not_scored
from monitoring.patients.plans import from_now_on
from monitoring.patients.register import PatientBody, PatientView
from monitoring.patients.tables import LatestVitals, Patient
from monitoring.refusals import Conflict, Fault, Unacceptable
from monitoring.wards.tables import Episode


def correct(act: Act, patient_id: UUID, body: PatientBody) -> PatientView:
    """What is recorded of a patient, replaced.

    Raises NotFound, Unacceptable; Conflict for somebody else's NHS number, and where a plan lacks limits that would
    be needed. The patient's row is locked, so that nobody admits them by what is being corrected.
    """
    patient = register.find(act, patient_id)
    fields = register.fields_of(act, body)
    act.session.refresh(patient, with_for_update={"key_share": True})
    if patient.public_id != patient_id:
        current = {"state": "merged", "merged_into": patient.public_id}
        raise Conflict("The record was merged into another: correct that one.", current=current)
    register.refuse_merged(act, patient)  # while we waited
    refuse_birth_after_admission(act, patient, fields["birth_date"])
    refuse_unwatched(
        act,
        patient,
        reason_not_scored(
            fields["birth_date"],
            fields["pregnant"],
            spinal_cord_injury=fields["spinal_cord_injury"],
            on=local_day(act.now),
        ),
    )
    with register.refusing_known_number(act, fields["nhs_number"]):
        for name, value in fields.items():
            setattr(patient, name, value)
    return register.patient(act, patient_id)


def refuse_birth_after_admission(act: Act, patient: Patient, birth_date: date) -> None:
    """Raise Unacceptable where the patient was on a ward before."""
    query = select(func.min(col(Episode.admitted_at))).where(col(Episode.patient_id) == patient.id)
    first_at = act.session.execute(query).scalar_one()
    if first_at is not None and birth_date > local_day(first_at):
        raise Unacceptable(Fault("birth_date", "is after the patient was admitted"))


def refuse_unwatched(act: Act, patient: Patient, not_scored: str | None) -> None:
    """Raise Conflict where NEWS2 would not apply to somebody on a ward, and a plan lacks the limits to watch instead.

    Every plan that is or will be in force counts.
    """
    query = select(Episode).where(col(Episode.patient_id) == patient.id, col(Episode.discharged_at).is_(None))
    stay: Episode | None = act.session.execute(query).scalar_one_or_none()
    if stay is None:
        return
    act.session.get_one(LatestVitals, stay.id, with_for_update=True)
    lacking = [
        {"plan": plan_view(plan).id, "from": plan.from_at, "missing": missing}
        for plan in from_now_on(act.session, stay, act.now)
        if (missing := limits_missing(plan, not_scored))
    ]
    if lacking:
        raise Conflict(
            f"NEWS2 would not apply ({not_scored}), and nothing else is watched: first decide a plan with limits.",
            current={"episode": stay.public_id, "plans": lacking},
        )
