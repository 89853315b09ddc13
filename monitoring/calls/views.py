"""Calls as they are shown: about a patient of a ward, to its staff and to whoever took it; all others, to everybody."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, any_, func, select, true
from sqlmodel import col

from alert_rules.ukons import Colour, Result
from monitoring.access.gate import see_ward
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts.tables import Alert
from monitoring.calls.tables import CallFrom, HotlineCall
from monitoring.database import AnyRow, AnySelect
from monitoring.paging import Page, before, page
from monitoring.patients.register import key_of
from monitoring.patients.tables import Patient
from monitoring.refusals import NotFound
from monitoring.ucr.tables import UcrReferral, UcrTeam
from monitoring.wards.tables import Ward


class CallUcrView(msgspec.Struct):
    """The UCR referral that a call made, as it is now."""

    id: UUID
    state: str
    team: str | None
    why: str


class CallView(msgspec.Struct, kw_only=True):
    """A call. `minimum`: the least that the triage asked for; `lowered`: the result is less."""

    id: UUID
    at: datetime
    ended_at: datetime | None
    out_of_hours: bool
    caller: CallFrom
    caller_name: str | None
    callback: str
    patient: UUID | None
    ward: str | None
    person: dict[str, Any] | None
    cancer: str
    treatment: str
    treatment_name: str | None
    treated_on: date | None
    answers: dict[str, str]
    temperature: float | None
    unwell: bool
    triage: str
    colour: Colour
    minimum: Result
    critical: bool
    why: list[str]
    result: Result
    lowered: bool
    reason: str | None
    advice: str | None
    emergency: dict[str, Any] | None
    alert: UUID | None
    ucr_referral: CallUcrView | None
    taken_by: UUID
    taken_by_name: str
    recorded_at: datetime


class CallFilter(msgspec.Struct, frozen=True):
    """Which calls to list."""

    result: Result | None = None
    ward: str | None = None
    patient: UUID | None = None


def call(act: Act, call_id: UUID) -> CallView:
    """One call. Raises NotFound where there is none, or none for this caller."""
    row = act.session.execute(_shown().where(col(HotlineCall.public_id) == call_id, _seen_by(act))).one_or_none()
    if row is None:
        raise NotFound(f"There is no call {call_id}.")
    return _view(row)


def calls(act: Act, wanted: CallFilter, limit: int, cursor: str | None) -> Page[CallView]:
    """Calls, newest first. Raises Forbidden for a ward that is not the caller's."""
    which = [_seen_by(act), col(HotlineCall.id) < before(cursor)]
    if wanted.result is not None:
        which.append(col(HotlineCall.result) == wanted.result)
    if wanted.ward is not None:
        see_ward(act.who, wanted.ward)
        ward = select(col(Ward.id)).where(col(Ward.code) == wanted.ward)
        which.append(col(HotlineCall.ward_id) == ward.scalar_subquery())
    if wanted.patient is not None:
        which.append(col(HotlineCall.patient_id) == key_of(wanted.patient))
    query = _shown().where(*which).order_by(col(HotlineCall.id).desc())
    return page(act.session, query, limit, key=lambda row: row[0].id, show=_view)


def _seen_by(act: Act) -> ColumnElement[bool]:
    if act.who.wards is None:
        return true()
    wards = select(col(Ward.id)).where(col(Ward.code).in_(act.who.wards)).scalar_subquery()
    theirs = col(HotlineCall.ward_id) == any_(func.array(wards))
    return theirs | col(HotlineCall.ward_id).is_(None) | (col(HotlineCall.taken_by) == act.who.id)


def _shown() -> AnySelect:
    return (
        select(
            HotlineCall, col(Patient.public_id), col(Ward.code), col(Alert.public_id), UcrReferral, col(UcrTeam.code),
            Staff,
        )
        .join(Staff, col(Staff.id) == col(HotlineCall.taken_by))
        .outerjoin(Patient, col(Patient.id) == col(HotlineCall.patient_id))
        .outerjoin(Ward, col(Ward.id) == col(HotlineCall.ward_id))
        .outerjoin(Alert, col(Alert.id) == col(HotlineCall.alert_id))
        .outerjoin(UcrReferral, col(UcrReferral.id) == col(HotlineCall.ucr_referral_id))
        .outerjoin(UcrTeam, col(UcrTeam.id) == col(UcrReferral.team_id))
    )  # fmt: skip


_OWN = [name for name in CallView.__struct_fields__ if name in HotlineCall.model_fields]


def _view(row: AnyRow) -> CallView:
    taken, patient, ward, alert, asked, team, staff = row
    ucr = None if asked is None else CallUcrView(asked.public_id, asked.state, team, asked.placing["why"])
    tenths = taken.temperature_tenths
    fields = {name: getattr(taken, name) for name in _OWN} | {
        "id": taken.public_id, "patient": patient, "ward": ward, "alert": alert, "ucr_referral": ucr,
        "temperature": None if tenths is None else tenths / 10, "taken_by": staff.public_id,
        "taken_by_name": staff.name,
    }  # fmt: skip
    return CallView(**fields)
