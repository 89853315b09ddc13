"""Admission: a free bed, a plan, the kit, and from then on the patient is watched."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlmodel import col

from alert_rules.compose import SLOTS
from alert_rules.pathway import Pathway, pathways
from alert_rules.silence import first_due, overdue_at
from monitoring.access.gate import see_ward
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.fields import Instant, WardCode, in_utc
from monitoring.kit.assigning import assign
from monitoring.patients.plan import (
    PlanBody,
    check_watched,
    departs,
    make_plan,
    reason_not_scored,
    require,
    schedule_of,
)
from monitoring.patients.tables import LatestVitals, Patient, Plan
from monitoring.refusals import Conflict, Fault, Forbidden, Unacceptable
from monitoring.wards.episodes import DEVICES_MAX, EpisodeView, view
from monitoring.wards.tables import Episode, Step, Ward, WardCapacity


class EpisodeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An admission as sent."""

    patient: UUID
    ward: WardCode
    step: Step
    devices: Annotated[list[UUID], msgspec.Meta(max_length=DEVICES_MAX)] = []
    plan: PlanBody | None = None
    at: Instant | None = None


def admit(act: Act, body: EpisodeBody) -> EpisodeView:
    """Admit to a free bed. Raises Forbidden, Unacceptable; Conflict where none is free or the patient is in one.

    The ward's row is locked, then the patient's: the last bed goes to one, and nobody comes to two wards at once.
    """
    see_ward(act.who, body.ward)
    lock = select(Ward).where(col(Ward.code) == body.ward).with_for_update(key_share=True)
    ward = act.session.execute(lock).scalar_one_or_none()
    if ward is None:
        raise Unacceptable(Fault("ward", f"there is no ward {body.ward}"))
    pathway, plan_body = pathways()[ward.pathway], body.plan or PlanBody()
    if departs(plan_body, pathway) and act.who.role not in {Role.CLINICIAN, Role.ADMIN}:
        raise Forbidden("A plan that departs from the pathway's is a clinician's to decide.")
    at = act.now if body.at is None else in_utc("at", body.at)
    if at > act.now:
        raise Unacceptable(Fault("at", "is in the future"))
    patient = _patient(act, body.patient)
    if at.date() < patient.birth_date:
        raise Unacceptable(Fault("at", "is before the patient was born"))
    _refuse_second_stay(act, patient, at)
    _refuse_full(act, ward, at)
    stay = Episode(patient_id=patient.id, ward_id=ward.id, step=body.step, admitted_at=at, admitted_by=act.who.id)
    act.session.add(stay)
    act.session.flush()
    plan = _plan(act, plan_body, pathway, stay, patient)
    act.session.add_all([plan, _nothing_known(stay, first_due(schedule_of(plan), act.now), act.now)])
    for device in sorted(set(body.devices)):  # in one order, whoever admits
        assign(act, device, patient, at)
    act.session.flush()
    return view(act, stay, ward)


def _patient(act: Act, patient_id: UUID) -> Patient:
    """The patient's row, locked: known here, whichever ward they were on before."""
    lock = select(Patient).where(col(Patient.public_id) == patient_id).with_for_update(key_share=True)
    patient: Patient | None = act.session.execute(lock).scalar_one_or_none()
    if patient is None:
        raise Unacceptable(Fault("patient", f"there is no patient {patient_id}"))
    return patient


def _refuse_second_stay(act: Act, patient: Patient, at: datetime) -> None:
    """A patient is in one bed at a time, also in one that was theirs at the instant of an admission told late."""
    query = (
        select(Episode, col(Ward.code))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.patient_id) == patient.id)
        .where(col(Episode.discharged_at).is_(None) | (col(Episode.discharged_at) > at))
        .order_by(col(Episode.admitted_at).desc())
        .limit(1)
    )
    row = act.session.execute(query).one_or_none()
    if row is None:
        return
    stay, ward = row
    if not act.who.may_see(ward):
        raise Conflict("The patient is on another ward.", current={"state": "admitted"})
    until = {} if stay.discharged_at is None else {"discharged_at": stay.discharged_at}
    current = {"episode": stay.public_id, "ward": ward, "admitted_at": stay.admitted_at, **until}
    raise Conflict(f"The patient is on ward {ward}.", current=current)


def _refuse_full(act: Act, ward: Ward, at: datetime) -> None:
    opened_at = act.session.execute(
        select(func.min(col(WardCapacity.from_at))).where(col(WardCapacity.ward_id) == ward.id)
    ).scalar_one()
    if at < opened_at:
        raise Conflict("The ward had no beds yet.", current={"ward": ward.code, "from": opened_at})
    occupied = act.session.execute(
        select(func.count()).where(col(Episode.ward_id) == ward.id, col(Episode.discharged_at).is_(None))
    ).scalar_one()
    staffed = act.session.execute(
        select(col(WardCapacity.staffed))
        .where(col(WardCapacity.ward_id) == ward.id, col(WardCapacity.from_at) <= act.now)
        .order_by(col(WardCapacity.from_at).desc())
        .limit(1)
    ).scalar_one()
    if occupied >= staffed:
        raise Conflict("No bed is free.", current={"ward": ward.code, "occupied": occupied, "staffed": staffed})


def _plan(act: Act, body: PlanBody, pathway: Pathway, stay: Episode, patient: Patient) -> Plan:
    """The plan that holds from admission on. Raises Unacceptable, naming each field where the admission has it."""
    not_scored = reason_not_scored(
        patient.birth_date,
        patient.pregnant,
        spinal_cord_injury=patient.spinal_cord_injury,
        on=stay.admitted_at.date(),
    )
    try:
        if departs(body, pathway):
            require(body, "reason", "review_on")
        if body.from_ is not None and in_utc("from", body.from_) != stay.admitted_at:
            raise Unacceptable(Fault("from", "is not the instant of the admission, from which its plan holds"))
        plan = make_plan(
            body, pathway, episode_id=stay.id, decided_by=act.who.id, now=act.now, from_at=stay.admitted_at
        )
        check_watched(plan, not_scored)
    except Unacceptable as refused:
        raise Unacceptable(*(Fault(f"plan.{one.field}", one.reason) for one in refused.faults)) from None
    return plan


def _nothing_known(stay: Episode, due_at: datetime | None, now: datetime) -> LatestVitals:
    return LatestVitals(
        episode_id=stay.id,
        values=[None] * SLOTS,
        taken_us=[None] * SLOTS,
        sets=[None] * SLOTS,
        due_at=due_at,
        overdue_at=overdue_at(due_at, now),
    )
