"""Merges of a patient's records as people see them: who made one of two, when and why, and whether it was undone."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.database import AnyRow
from monitoring.paging import Page, before, page
from monitoring.patients.merging import record
from monitoring.patients.register import find
from monitoring.patients.tables import Patient, PatientMerge


class MergeView(msgspec.Struct, kw_only=True):
    """A merge, and whether it was undone."""

    id: UUID
    merged: UUID
    into: UUID
    at: datetime
    by: UUID
    by_name: str
    reason: str
    moved: Annotated[dict[str, int], msgspec.Meta(description="How many rows changed their patient, by table")]
    undone_at: datetime | None
    undone_by: UUID | None
    undone_by_name: str | None
    undone_reason: str | None


def merges(act: Act, patient_id: UUID, limit: int, cursor: str | None) -> Page[MergeView]:
    """The merges of a patient's records, newest first, undone ones too. Raises NotFound."""
    of = {find(act, patient_id).id, record(act, patient_id).id}
    merged, into, by, undone_by = aliased(Patient), aliased(Patient), aliased(Staff), aliased(Staff)
    query = (
        select(PatientMerge, merged, into, by, undone_by)
        .join(merged, col(merged.id) == col(PatientMerge.patient_id))
        .join(into, col(into.id) == col(PatientMerge.into_id))
        .join(by, col(by.id) == col(PatientMerge.by))
        .outerjoin(undone_by, col(undone_by.id) == col(PatientMerge.undone_by))
        .where(col(PatientMerge.patient_id).in_(of) | col(PatientMerge.into_id).in_(of))
        .where(col(PatientMerge.id) < before(cursor))
        .order_by(col(PatientMerge.id).desc())
    )
    return page(act.session, query, limit, key=lambda row: row[0].id, show=_view)


def _view(row: AnyRow) -> MergeView:
    done, merged, into, by, undone_by = row
    return MergeView(
        id=done.public_id,
        merged=merged.public_id,
        into=into.public_id,
        at=done.at,
        by=by.public_id,
        by_name=by.name,
        reason=done.reason,
        moved={table: len(keys) for table, keys in done.moved.items() if keys},
        undone_at=done.undone_at,
        undone_by=None if undone_by is None else undone_by.public_id,
        undone_by_name=None if undone_by is None else undone_by.name,
        undone_reason=done.undone_reason,
    )
