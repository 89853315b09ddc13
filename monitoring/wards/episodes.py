"""Stays on a virtual ward as the outside sees them."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.kit.tables import Assignment, Device
from monitoring.patients.plan import PlanView, plan_view
from monitoring.patients.plans import in_force
from monitoring.patients.tables import LatestVitals, Patient
from monitoring.refusals import NotFound
from monitoring.wards.tables import Episode, Step, Ward

DEVICES_MAX = 50


class EpisodeView(msgspec.Struct, kw_only=True):
    """A stay on a virtual ward, with the kit and the plan that hold now, or held when it ended."""

    id: UUID
    state: Literal["admitted", "discharged"]
    patient: UUID
    ward: str
    step: Step
    devices: list[UUID]
    plan: PlanView
    at: datetime  # admitted
    admitted_at: datetime
    discharged_at: datetime | None
    due_at: datetime | None  # next readings


def episode(act: Act, episode_id: UUID) -> EpisodeView:
    """One stay. Raises NotFound."""
    query = (
        select(Episode, Ward)
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.public_id) == episode_id)
    )
    row = act.session.execute(query).one_or_none()
    if row is None or not act.who.may_see(row[1].code):
        raise NotFound(f"There is no episode {episode_id}.")
    return view(act, *row)


def view(act: Act, stay: Episode, ward: Ward) -> EpisodeView:
    """A stay as it now is."""
    ended_at = stay.discharged_at or act.now
    return EpisodeView(
        id=stay.public_id,
        state="admitted" if stay.discharged_at is None else "discharged",
        patient=act.session.get_one(Patient, stay.patient_id).public_id,
        ward=ward.code,
        step=stay.step,
        devices=_kit(act, stay),
        plan=plan_view(in_force(act.session, stay, ended_at)),
        at=stay.admitted_at,
        admitted_at=stay.admitted_at,
        discharged_at=stay.discharged_at,
        due_at=act.session.get_one(LatestVitals, stay.id).due_at,
    )


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
