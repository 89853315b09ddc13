"""Admission prevention (Norfolk): a caseload of social and practical support, by a charity, before or after a stay.

Who is on it has no bed, no plan and no readings by it: nothing is scored, nothing is overdue. Whoever comes to a ward
later stays on the caseload until a coordinator closes it; death closes it.
"""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import col

from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.database import AnyRow, AnySelect
from monitoring.fields import Instant, Line, Reason, Text, WardCode, in_utc
from monitoring.flow.spells import when
from monitoring.paging import Page, before, page
from monitoring.patients.tables import Patient
from monitoring.recovery.clocks import Support
from monitoring.recovery.tables import Prevention
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.wards.admission import refuse_dead
from monitoring.wards.beds import lock_ward, ward_in_path
from monitoring.wards.tables import Episode, Ward

State = Literal["open", "closed"]


class PreventionBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Somebody to support. `after`: the spell that they have left; without one, it is before a stay."""

    patient: UUID
    ward: WardCode  # whose patients the charity supports
    organisation: Line
    support: Annotated[list[Support], msgspec.Meta(min_length=1, max_length=len(Support))]
    after: UUID | None = None
    note: Text | None = None
    at: Instant | None = None


class PreventionClosedBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The support is over, and why."""

    reason: Reason
    at: Instant | None = None


class PreventionView(msgspec.Struct, kw_only=True):
    """Somebody on the caseload, or who was. `episode`: the spell that it came after or, before one, that followed."""

    id: UUID
    state: State
    patient: UUID
    ward: str
    organisation: str
    support: list[Support]
    stay: Literal["before", "after"]
    episode: UUID | None
    note: str | None
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None


def open_support(act: Act, body: PreventionBody) -> PreventionView:
    """Put somebody on the caseload. Raises Forbidden, Unacceptable; Conflict where they died or are on it."""
    ward = lock_ward(act, body.ward)
    lock = select(Patient).where(col(Patient.public_id) == body.patient).with_for_update(key_share=True)
    patient: Patient | None = act.session.execute(lock).scalar_one_or_none()
    if patient is None:
        raise unacceptable("patient", f"there is no patient {body.patient}")
    refuse_dead(patient)
    at = act.now if body.at is None else in_utc("at", body.at)
    if not patient.birth_date <= at.date() <= act.now.date() or at > act.now:
        raise unacceptable("at", "is in the future, or before the patient was born")
    of = (col(Prevention.patient_id) == patient.id) & (col(Prevention.ward_id) == ward.id)
    if (known := act.session.execute(_shown().where(of, _IS_OPEN)).one_or_none()) is not None:
        raise Conflict("The patient is on the caseload already.", current=_view(known))
    made = Prevention(
        patient_id=patient.id,
        ward_id=ward.id,
        after_episode_id=None if body.after is None else _left(act, patient, body.after, at),
        organisation=body.organisation,
        support=sorted(set(body.support)),
        note=body.note,
        opened_at=at,
        opened_by=act.who.id,
    )
    act.session.add(made)
    act.session.flush()
    return _view(act.session.execute(_shown().where(col(Prevention.id) == made.id)).one())


def close_support(act: Act, prevention_id: UUID, body: PreventionClosedBody) -> PreventionView:
    """Take somebody off the caseload. Raises NotFound, Unacceptable; Conflict where they are off it already."""
    lock_of = select(Prevention).where(col(Prevention.public_id) == prevention_id)
    shown = support(act, prevention_id)
    ward_in_path(act, shown.ward, lock=True)
    found: Prevention = act.session.execute(
        lock_of.with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    if found.closed_at is not None:
        current = {"state": "closed", "closed_at": found.closed_at, "close_reason": found.close_reason}
        raise Conflict("The support is over.", current=current)
    found.closed_at = when(act, body.at, found.opened_at, "the opening")
    found.closed_by, found.close_reason = act.who.id, body.reason
    act.session.flush()
    return support(act, prevention_id)


def support(act: Act, prevention_id: UUID) -> PreventionView:
    """One of the caseload. Raises NotFound."""
    row = act.session.execute(_shown().where(col(Prevention.public_id) == prevention_id)).one_or_none()
    if row is None or not act.who.may_see(row.ward):
        raise NotFound(f"There is no prevention {prevention_id}.")
    return _view(row)


def caseload(act: Act, ward: str | None, state: State | None, limit: int, cursor: str | None) -> Page[PreventionView]:
    """The caseload of the caller's wards, newest first. Raises Forbidden."""
    query = _shown().where(col(Prevention.id) < before(cursor)).order_by(col(Prevention.id).desc())
    if state is not None:
        query = query.where(_IS_OPEN if state == "open" else ~_IS_OPEN)
    if ward is not None:
        see_ward(act.who, ward)
        query = query.where(col(Ward.code) == ward)
    elif act.who.wards is not None:
        query = query.where(col(Ward.code).in_(act.who.wards))
    return page(act.session, query, limit, key=lambda row: row[0].id, show=_view)


_IS_OPEN: Final = col(Prevention.closed_at).is_(None)
_Followed = aliased(Episode)


def _left(act: Act, patient: Patient, episode_id: UUID, at: datetime) -> int:
    """The spell that the support comes after: its internal key. Raises Unacceptable, Conflict."""
    query = (
        select(Episode, col(Ward.code))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.public_id) == episode_id, col(Episode.patient_id) == patient.id)
    )
    row = act.session.execute(query).one_or_none()
    if row is None or not act.who.may_see(row[1]):
        raise unacceptable("after", f"the patient has no episode {episode_id}")
    spell: Episode = row[0]
    if spell.discharged_at is None:
        raise Conflict("The spell has not ended.", current={"state": "admitted", "admitted_at": spell.admitted_at})
    if at < spell.discharged_at:
        raise Conflict("That is before the discharge.", current={"discharge": spell.discharged_at})
    return spell.id


def _shown() -> AnySelect:
    followed = (
        select(col(_Followed.public_id))
        .where(col(_Followed.patient_id) == col(Prevention.patient_id))
        .where(col(_Followed.admitted_at) >= col(Prevention.opened_at))
        .order_by(col(_Followed.admitted_at))
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            Prevention,
            col(Patient.public_id).label("patient"),
            col(Ward.code).label("ward"),
            col(Episode.public_id).label("after"),
            followed.label("followed"),
        )
        .join(Patient, col(Patient.id) == col(Prevention.patient_id))
        .join(Ward, col(Ward.id) == col(Prevention.ward_id))
        .outerjoin(Episode, col(Episode.id) == col(Prevention.after_episode_id))
    )


def _view(row: AnyRow) -> PreventionView:
    found: Prevention = row[0]
    return PreventionView(
        id=found.public_id,
        state="open" if found.closed_at is None else "closed",
        patient=row.patient,
        ward=row.ward,
        organisation=found.organisation,
        support=[Support(one) for one in found.support],
        stay="before" if row.after is None else "after",
        episode=row.after or row.followed,
        note=found.note,
        opened_at=found.opened_at,
        closed_at=found.closed_at,
        close_reason=found.close_reason,
    )
