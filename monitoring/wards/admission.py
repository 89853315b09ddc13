"""Admission: a free bed, a plan, the kit, and from then on the patient is watched."""

from datetime import date, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlmodel import col

from alert_rules.compose import SLOTS
from alert_rules.pathway import Pathway
from alert_rules.silence import first_due, overdue_at
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.alerts.life import Alerts
from monitoring.clock import local_day
from monitoring.events import emit
from monitoring.fields import Instant, WardCode, in_utc
from monitoring.flow.letters import owe_letter
from monitoring.flow.spells import Spell, about, record
from monitoring.flow.tables import Entry, LetterKind
from monitoring.kit.assigning import assign
from monitoring.patients.plan import (
    PlanBody,
    age_years,
    check_watched,
    departs,
    make_plan,
    reason_not_scored,
    require,
    schedule_of,
)
from monitoring.patients.register import refuse_merged
from monitoring.patients.tables import LatestVitals, Patient, Plan
from monitoring.refusals import Conflict, Fault, Forbidden, Unacceptable
from monitoring.rules.holding import pathway_at
from monitoring.wards.beds import lock_ward, refuse_full
from monitoring.wards.episodes import DEVICES_MAX, EpisodeView, view
from monitoring.wards.occupancy_events import tell_beds
from monitoring.wards.tables import Episode, Step, Ward, WardCapacity, WardStay

READMITTED_WITHIN: Final = timedelta(days=30)
"""A spell that begins so soon after the patient's last one is linked with it."""


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
    ward = lock_ward(act, body.ward)
    refuse_undecided(act, ward, body.plan)
    stay = start_spell(act, ward, body)
    shown = view(act, stay, ward)
    tell_beds(act.session, act.now, ward)
    return shown


def refuse_undecided(act: Act, ward: Ward, plan: PlanBody | None) -> None:
    """Raise Forbidden where the plan is more than the caller may decide."""
    departing = plan is not None and departs(plan, pathway_at(act.session, ward.pathway, act.now))
    if departing and act.who.role not in {Role.CLINICIAN, Role.ADMIN}:
        raise Forbidden("A plan that departs from the pathway's is a clinician's to decide.")


def start_spell(
    act: Act, ward: Ward, body: EpisodeBody, *, referral_id: int | None = None, bed_is_held: bool = False
) -> Episode:
    """A patient into a bed of a ward that is locked: into a free one, where none was held. Raises as `admit` does."""
    at = act.now if body.at is None else in_utc("at", body.at)
    if at > act.now:
        raise Unacceptable(Fault("at", "is in the future"))
    patient = _patient(act, body.patient)
    if local_day(at) < patient.birth_date:
        raise Unacceptable(Fault("at", "is before the patient was born"))
    refuse_unsuitable(ward, patient, local_day(at))
    _refuse_second_stay(act, patient, at)
    refuse_before_beds(act, ward, at)
    if not bed_is_held:
        refuse_full(act, ward)
    stay = Episode(
        patient_id=patient.id,
        ward_id=ward.id,
        step=body.step,
        admitted_at=at,
        admitted_by=act.who.id,
        referral_id=referral_id,
        readmission_of=_left_lately(act, patient, at),
    )
    act.session.add(stay)
    act.session.flush()
    act.session.add(WardStay(episode_id=stay.id, patient_id=patient.id, ward_id=ward.id, from_at=at))
    pathway = pathway_at(act.session, ward.pathway, act.now)
    plan = _plan(act, body.plan or PlanBody(), pathway, stay, patient)
    act.session.add_all([plan, _nothing_known(stay, first_due(schedule_of(plan), act.now), act.now)])
    for device in sorted(set(body.devices)):  # in one order, whoever admits
        assign(act, device, patient, at)
    act.session.flush()
    _begin_record(act, Spell(stay, patient, ward))
    return stay


def _begin_record(act: Act, spell: Spell) -> None:
    """The GP is to be told, and alerts that nobody resolved since the spell before are this ward's to answer."""
    stay = spell.episode
    record(act, spell, Entry.ADMITTED, stay.admitted_at, {"ward": spell.ward.code, "step": stay.step})
    owe_letter(act.session, stay, LetterKind.ADMISSION_NOTICE, stay.admitted_at)
    alerts = Alerts.lock(act.session, act.now, [spell.patient.id])
    alerts.move_all(about(spell), act.who.id)
    emit(act.session, alerts.write())


def refuse_unsuitable(ward: Ward, patient: Patient, on: date) -> None:
    """Raise Conflict where the patient died, or is not of the ward's age."""
    refuse_dead(patient)
    age = age_years(patient.birth_date, on)
    if age < (ward.min_age or 0) or (ward.max_age is not None and age > ward.max_age):
        current = {"ward": ward.code, "min_age": ward.min_age, "max_age": ward.max_age, "age": age}
        raise Conflict(f"The ward does not take patients of {age} years.", current=current)


def refuse_dead(patient: Patient) -> None:
    """Raise Conflict where the patient died."""
    if patient.died_at is not None:
        raise Conflict("The patient died.", current={"state": "died", "died_at": patient.died_at})


def _patient(act: Act, patient_id: UUID) -> Patient:
    """The patient's row, locked: known here, whichever ward they were on before."""
    lock = select(Patient).where(col(Patient.public_id) == patient_id).with_for_update(key_share=True)
    patient: Patient | None = act.session.execute(lock).scalar_one_or_none()
    if patient is None:
        raise Unacceptable(Fault("patient", f"there is no patient {patient_id}"))
    refuse_merged(act, patient)
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


def _left_lately(act: Act, patient: Patient, at: datetime) -> int | None:
    """The patient's last spell, where this one readmits them: its internal key."""
    query = (
        select(col(Episode.id))
        .where(col(Episode.patient_id) == patient.id)
        .where(col(Episode.discharged_at).between(at - READMITTED_WITHIN, at))
        .order_by(col(Episode.discharged_at).desc())
        .limit(1)
    )
    last: int | None = act.session.execute(query).scalar_one_or_none()
    return last


def refuse_before_beds(act: Act, ward: Ward, at: datetime) -> None:
    """Raise Conflict where nobody can have been on the ward at that instant: it had no beds yet."""
    opened_at = act.session.execute(
        select(func.min(col(WardCapacity.from_at))).where(col(WardCapacity.ward_id) == ward.id)
    ).scalar_one()
    if at < opened_at:
        raise Conflict("The ward had no beds yet.", current={"ward": ward.code, "from": opened_at})


def _plan(act: Act, body: PlanBody, pathway: Pathway, stay: Episode, patient: Patient) -> Plan:
    """The plan that holds from admission on. Raises Unacceptable, naming each field where the admission has it."""
    not_scored = reason_not_scored(
        patient.birth_date,
        patient.pregnant,
        spinal_cord_injury=patient.spinal_cord_injury,
        on=local_day(stay.admitted_at),
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
