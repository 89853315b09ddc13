"""Which devices are meant: those of a ward or a patient, and those that fell silent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlmodel import col

from alert_rules.kit import SELDOM_USED, SILENT_AFTER, silent_after
from monitoring.acts import Act
from monitoring.database import AnySelect
from monitoring.kit.states import State
from monitoring.kit.tables import Assignment, Device, DeviceSeen
from monitoring.patients.register import key_of, seen_by
from monitoring.patients.tables import Patient
from monitoring.wards.tables import Episode, Ward


def held_by(act: Act, ward: str | None, patient: UUID | None) -> AnySelect:
    """The keys of devices that a patient, or somebody on a ward, has now; of those whom the caller may see."""
    query = (
        select(col(Assignment.device_id))
        .join(Patient, col(Patient.id) == col(Assignment.patient_id))
        .where(col(Assignment.during).contains(act.now), seen_by(act))
    )
    if patient is not None:
        query = query.where(col(Assignment.patient_id) == key_of(patient))
    if ward is not None:
        on = select(col(Episode.patient_id)).join(Ward, col(Ward.id) == col(Episode.ward_id))
        on = on.where(col(Ward.code) == ward, col(Episode.discharged_at).is_(None))
        query = query.where(col(Assignment.patient_id).in_(on))
    return query


def is_silent(device: Device, last_seen_at: datetime | None, now: datetime) -> bool:
    """Whether a device that somebody has was not heard for longer than its kind may be."""
    heard_at = device.state_at if last_seen_at is None else max(last_seen_at, device.state_at)
    return device.state == State.ISSUED and now - heard_at >= silent_after(device.kind)


def silent_now(now: datetime) -> ColumnElement[bool]:
    """The same of rows of `device` with their `device_seen`."""
    patience = case(
        {kind: literal(now - span) for kind, span in SELDOM_USED.items()},
        value=col(Device.kind),
        else_=literal(now - SILENT_AFTER),
    )
    heard_at = func.greatest(col(DeviceSeen.last_seen_at), col(Device.state_at))  # what is NULL is left out
    return and_(col(Device.state) == State.ISSUED, heard_at <= patience)
