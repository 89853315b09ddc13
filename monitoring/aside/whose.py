"""Whom what was kept aside may be about, and who may see it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, any_, case, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import array
from sqlmodel import col

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.database import AnySelect
from monitoring.intake.tables import SetAside
from monitoring.kit.tables import Assignment
from monitoring.patients.register import seen_by
from monitoring.patients.tables import Patient
from monitoring.wards.tables import Episode, Ward

OF_NOBODY = frozenset({Role.ENGINEER, Role.AUDITOR, Role.ADMIN})
"""Who looks after what is of no patient that is known, whatever their ward."""

_HAD_IT = (
    select(col(Assignment.patient_id))
    .where(
        col(Assignment.device_id) == col(SetAside.source), col(Assignment.during).contains(col(SetAside.received_at))
    )
    .correlate(SetAside)
)
_MAY_BE = case(
    (col(SetAside.patient_id).is_not(None), array([col(SetAside.patient_id)])),
    else_=func.array(_HAD_IT.scalar_subquery()),
)
"""The patient whom it is about or, where nobody can tell, all who had the device when it came."""


def of_patient(patient_id: int) -> ColumnElement[bool]:
    """Things that may be about a patient."""
    is_one_of_them = col(SetAside.patient_id).is_(None) & literal(patient_id).in_(_HAD_IT)
    return (col(SetAside.patient_id) == patient_id) | is_one_of_them


def of_ward(code: str) -> ColumnElement[bool]:
    """Things that may be about somebody who was on a ward when it came, or came to it since."""
    since = col(SetAside.received_at)
    on_it = (
        select(col(Episode.id))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(
            col(Ward.code) == code,
            col(Episode.patient_id) == any_(_MAY_BE),
            or_(col(Episode.discharged_at).is_(None), col(Episode.discharged_at) > since),
        )
        .correlate(SetAside)
    )
    return on_it.exists()


def visible(act: Act) -> ColumnElement[bool]:
    """What the caller may see: what may be about a patient of theirs; of nobody's, who looks after devices."""
    of_nobody = act.who.role in OF_NOBODY
    if act.who.wards is None and of_nobody:
        return true()
    theirs = select(func.bool_or(seen_by(act))).select_from(Patient).where(col(Patient.id) == any_(_MAY_BE))
    return func.coalesce(theirs.correlate(SetAside).scalar_subquery(), literal(of_nobody))


def may_be(act: Act, keys: Collection[int]) -> dict[int, list[tuple[int, UUID, bool]]]:
    """By key: each patient whom it may be about, by key and id, and whether the caller may see them."""
    query: AnySelect = (
        select(col(SetAside.key), col(Patient.id), col(Patient.public_id), seen_by(act))
        .select_from(SetAside)
        .join(Patient, col(Patient.id) == any_(_MAY_BE))
        .where(col(SetAside.key).in_(keys))
        .order_by(col(SetAside.key), col(Patient.id))
    )
    whose: dict[int, list[tuple[int, UUID, bool]]] = {key: [] for key in keys}
    for key, *patient in act.session.execute(query):
        whose[key].append((patient[0], patient[1], patient[2]))
    return whose
