"""Referrals as the outside sees them: found, listed, with their history."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, any_, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from monitoring.access.gate import see_ward
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.database import AnyRow, AnySelect
from monitoring.flow.states import LIVE, PRIORITIES, Priority, State
from monitoring.flow.tables import Referral, ReferralHistory, Source
from monitoring.paging import Page, before, page
from monitoring.patients.tables import Patient
from monitoring.refusals import NotFound
from monitoring.wards.tables import BedHold, Episode, Step, Ward

HISTORY_MAX = 1000


class ReferralView(msgspec.Struct, kw_only=True):
    """A referral as answered."""

    id: UUID
    patient: UUID
    ward: str
    source: Source
    step: Step
    priority: Priority
    referrer: str | None
    condition: str | None
    hospital: str | None
    hospital_admitted_on: date | None
    hospital_until_on: date | None
    would_be_admitted: bool | None
    frailty: int | None
    consent: bool | None
    baselines: dict[str, float] | None
    escalation: dict[str, Any] | None
    kit: list[str]
    note: str | None
    state: State
    at: datetime  # received
    received_at: datetime
    held_until: datetime | None  # while accepted
    decided_by: str | None
    reason: str | None
    redirected_to: str | None
    episode: UUID | None  # once admitted
    version: int


class ReferralHistoryView(msgspec.Struct, kw_only=True):
    """Something that happened to a referral; `by` nobody: the clock."""

    at: datetime
    what: str
    from_state: str | None
    to_state: str
    by: UUID | None
    by_name: str | None
    decided_by: str | None
    reason: str | None
    note: str | None
    recorded_at: datetime


class ReferralDetail(ReferralView, kw_only=True):
    """A referral with its whole history."""

    history: list[ReferralHistoryView]


class ReferralFilter(msgspec.Struct, frozen=True):
    """Which referrals to list."""

    state: State | None = None
    ward: str | None = None
    patient: UUID | None = None


def referrals(act: Act, wanted: ReferralFilter, limit: int, cursor: str | None) -> Page[ReferralView]:
    """Referrals to the caller's wards, newest first. Raises Forbidden for a ward that is not theirs."""
    which = [*_to_callers_wards(act), col(Referral.id) < before(cursor)]
    if wanted.ward is not None:
        see_ward(act.who, wanted.ward)
        which.append(
            col(Referral.ward_id) == select(col(Ward.id)).where(col(Ward.code) == wanted.ward).scalar_subquery()
        )
    if wanted.patient is not None:
        kept = func.coalesce(col(Patient.merged_into), col(Patient.id))
        patient = select(kept).where(col(Patient.public_id) == wanted.patient)
        which.append(col(Referral.patient_id) == patient.scalar_subquery())
    if wanted.state is not None:
        which.append(col(Referral.state) == wanted.state)
    # Those that still want something are few: sorted, not looked for among all there ever were.
    order = col(Referral.id) + 0 if wanted.state in LIVE else col(Referral.id)
    newest = select(Referral).where(*which).order_by(order.desc()).limit(limit + 1)
    found = aliased(Referral, newest.subquery())  # found first, then shown
    return page(
        act.session, shown(found).order_by(col(found.id).desc()), limit, key=lambda row: row[0].id, show=as_view
    )


def referral(act: Act, referral_id: UUID) -> ReferralDetail:
    """One referral with its whole history. Raises NotFound."""
    query = shown(Referral).where(col(Referral.public_id) == referral_id, *_to_callers_wards(act))
    if (row := act.session.execute(query).one_or_none()) is None:
        raise no_such(referral_id)
    return ReferralDetail(**_fields(row), history=_history(act, row[0]))


def no_such(referral_id: UUID) -> NotFound:
    """There is none, or none for this caller."""
    return NotFound(f"There is no referral {referral_id}.")


def shown(found: type[Referral]) -> AnySelect:
    """Referrals with all that is shown of them."""
    return (
        select(found, col(Patient.public_id), col(Ward.code), col(BedHold.held_until), col(Episode.public_id))
        .join(Patient, col(Patient.id) == col(found.patient_id))
        .join(Ward, col(Ward.id) == col(found.ward_id))
        .outerjoin(BedHold, (col(BedHold.referral_id) == col(found.id)) & col(BedHold.ended_at).is_(None))
        .outerjoin(Episode, col(Episode.referral_id) == col(found.id))
    )


def as_view(row: AnyRow) -> ReferralView:
    """A row of `shown`."""
    return ReferralView(**_fields(row))


def _fields(row: AnyRow) -> dict[str, Any]:
    found, patient, ward, held_until, episode = row[:5]
    own = (name for name in ReferralView.__struct_fields__ if name in Referral.model_fields)
    return {name: getattr(found, name) for name in own} | {
        "id": found.public_id,
        "patient": patient,
        "ward": ward,
        "priority": PRIORITIES[found.urgency],
        "at": found.received_at,
        "held_until": held_until,
        "episode": episode,
    }


def _to_callers_wards(act: Act) -> list[ColumnElement[bool]]:
    if act.who.wards is None:
        return []
    wards = select(col(Ward.id)).where(col(Ward.code).in_(act.who.wards)).scalar_subquery()
    return [col(Referral.ward_id) == any_(func.array(wards))]


def _history(act: Act, found: Referral) -> list[ReferralHistoryView]:
    query = (
        select(ReferralHistory, col(Staff.public_id), col(Staff.name))
        .outerjoin(Staff, col(Staff.id) == col(ReferralHistory.by))
        .where(col(ReferralHistory.referral_id) == found.id)
        .order_by(col(ReferralHistory.id))
        .limit(HISTORY_MAX)
    )
    own = [name for name in ReferralHistoryView.__struct_fields__ if name not in {"by", "by_name"}]
    return [
        ReferralHistoryView(**{name: getattr(entry, name) for name in own}, by=by, by_name=by_name)
        for entry, by, by_name in act.session.execute(query)
    ]
