"""Spells on virtual wards as the outside sees them."""

from datetime import date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import col

from monitoring.accepted.views import in_force as accepted_in_force
from monitoring.acts import Act
from monitoring.flow.tables import Referral
from monitoring.kit.tables import Assignment, Device
from monitoring.patients.plan import PlanView, plan_view, schedule_of
from monitoring.patients.plans import in_force
from monitoring.patients.tables import LatestVitals, Patient, Plan
from monitoring.refusals import NotFound
from monitoring.wards.length import LengthView, length
from monitoring.wards.spell_parts import (
    DelayView,
    LeaveView,
    LetterView,
    StayView,
    delays,
    has_full_set_since,
    leaves,
    letters,
    ward_stays,
)
from monitoring.wards.tables import Episode, Step, Ward

DEVICES_MAX: Final = 50


class EpisodeView(msgspec.Struct, kw_only=True):
    """A spell on virtual wards, with the kit and the plan that hold now, or held when it ended."""

    id: UUID
    state: Literal["admitted", "on_leave", "discharged"]
    patient: UUID
    ward: str  # where the patient is now, or was last
    step: Step
    devices: list[UUID]
    plan: PlanView
    at: datetime  # admitted
    admitted_at: datetime
    referral: UUID | None
    readmission_of: UUID | None  # a spell that ended at most 30 days before
    stays: list[StayView]
    leave: list[LeaveView]
    full_set_due: bool  # back from leave, and not a whole set yet
    due_at: datetime | None  # next readings
    expected_discharge: date | None
    discharge_ready_at: datetime | None
    delays: list[DelayView]
    length_of_stay: LengthView
    letters: list[LetterView]
    discharged_at: datetime | None
    outcome: str | None
    destination: str | None
    decided_by: str | None


def episode(act: Act, episode_id: UUID) -> EpisodeView:
    """One spell. Raises NotFound."""
    query = (
        select(Episode, Ward)
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .where(col(Episode.public_id) == episode_id, col(Patient.erased_at).is_(None))
    )
    row = act.session.execute(query).one_or_none()
    if row is None or not act.who.may_see(row[1].code):
        raise NotFound(f"There is no episode {episode_id}.")
    return view(act, *row)


def view(act: Act, stay: Episode, ward: Ward) -> EpisodeView:
    """A spell as it now is."""
    patient, referral, readmission_of = _named(act, stay)
    plan, away = in_force(act.session, stay, stay.discharged_at or act.now), leaves(act, stay)
    return EpisodeView(
        id=stay.public_id,
        state=_state(stay, away),
        patient=patient,
        ward=ward.code,
        step=stay.step,
        devices=_kit(act, stay),
        plan=plan_view(plan, accepted_in_force(act.session, stay.id, act.now)),
        at=stay.admitted_at,
        admitted_at=stay.admitted_at,
        referral=referral,
        readmission_of=readmission_of,
        stays=ward_stays(act, stay),
        leave=away,
        full_set_due=_full_set_due(act, stay, plan, away),
        due_at=act.session.get_one(LatestVitals, stay.id).due_at,
        expected_discharge=stay.expected_discharge_on,
        discharge_ready_at=stay.discharge_ready_at,
        delays=delays(act, stay),
        length_of_stay=length(
            stay.admitted_at,
            stay.discharged_at,
            act.now,
            ward.max_stay_days,
            extension_reason=stay.extension_reason,
            expected_on=stay.expected_discharge_on,
        ),
        letters=letters(act, stay),
        discharged_at=stay.discharged_at,
        outcome=stay.outcome,
        destination=stay.destination,
        decided_by=stay.decided_by,
    )


_Before = aliased(Episode)


def _named(act: Act, stay: Episode) -> tuple[UUID, UUID | None, UUID | None]:
    """The public ids of what a spell points to: patient, referral, the spell before."""
    query = (
        select(col(Patient.public_id), col(Referral.public_id), col(_Before.public_id))
        .select_from(Patient)
        .outerjoin(Referral, col(Referral.id) == stay.referral_id)
        .outerjoin(_Before, col(_Before.id) == stay.readmission_of)
        .where(col(Patient.id) == stay.patient_id)
    )
    patient, referral, before = act.session.execute(query).one()
    return patient, referral, before


def _state(stay: Episode, away: list[LeaveView]) -> Literal["admitted", "on_leave", "discharged"]:
    if stay.discharged_at is not None:
        return "discharged"
    return "on_leave" if away and away[-1].until is None else "admitted"


def _full_set_due(act: Act, stay: Episode, plan: Plan, away: list[LeaveView]) -> bool:
    """Whether somebody is back from leave and no whole set was taken since."""
    if stay.discharged_at is not None or not away or not schedule_of(plan).times:
        return False
    back_at = away[-1].until
    return back_at is not None and not has_full_set_since(act, stay, back_at)


def _kit(act: Act, stay: Episode) -> list[UUID]:
    """The devices that are the patient's now, or were when the stay ended."""
    then = act.now if stay.discharged_at is None else stay.discharged_at - timedelta(microseconds=1)
    query = (
        select(col(Device.public_id))
        .join(Assignment, col(Assignment.device_id) == col(Device.id))
        .where(col(Assignment.patient_id) == stay.patient_id, col(Assignment.during).contains(then))
        .order_by(col(Assignment.id))
        .limit(DEVICES_MAX)
    )
    return list(act.session.execute(query).scalars())
