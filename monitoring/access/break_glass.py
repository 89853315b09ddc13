"""Access in an emergency: a ward that is not one's own, because of one patient on it, with a reason, for a while.

It is written down before anything can be read, the ward's people are told, and it ends by itself. A ward is opened and
not a record alone, for that is how everything here is seen; which patient it was for stays beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import aliased
from sqlmodel import col
from uuid_utils.compat import uuid7

from monitoring.access.roles import Role
from monitoring.access.tables import BreakGlass, Staff, Token
from monitoring.access.tokens import Caller
from monitoring.acts import Act
from monitoring.config import Settings
from monitoring.database import AnyRow, AnySelect
from monitoring.delivery.outbox import NewMessage, Way, put
from monitoring.duty.on_duty import on_duty
from monitoring.escalation.proving import ends_of
from monitoring.events import NewEvent, emit
from monitoring.fields import Reason, Word
from monitoring.paging import Page, before, page
from monitoring.patients.register import having, key_of
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict, Fault, Forbidden, NotFound, Unacceptable
from monitoring.wards.tables import Episode, Ward

AnyConnection = ASGIConnection[Any, Any, Any, Any]

TOLD: Final = "access.break_glass"
TRIED_FOR: Final = timedelta(minutes=30)
"""How long a message about it is tried. The design's own."""
FALLBACK: Final = "the ward's fallback"


class BreakGlassBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whom somebody has to see, by id or by NHS number, and why."""

    reason: Reason
    patient: UUID | None = None
    nhs_number: Word | None = None


class BreakGlassView(msgspec.Struct, kw_only=True):
    """Access that was opened in an emergency. `told`: who of the ward was told, by name."""

    id: UUID
    by: UUID
    by_name: str
    role: Role
    patient: UUID
    ward: str
    reason: str
    at: datetime
    until: datetime
    told: list[str]


@dataclass(frozen=True, slots=True)
class _Told:
    """Somebody of the ward, and how they can be told."""

    name: str
    ways: Sequence[Way]
    staff_id: int | None


def registered(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Of clinicians only those who are registered: judged before what was sent. Raises Forbidden."""
    who: Caller = connection.user
    if who.role is Role.CLINICIAN and not who.registered:
        raise Forbidden("Only a registered clinician opens a ward that is not theirs.")


def break_glass(act: Act, body: BreakGlassBody, settings: Settings) -> BreakGlassView:
    """Open the ward of a patient to the caller, for a while, and tell its people.

    Raises Unacceptable, NotFound, and Conflict where the caller sees the patient already. Who may: `registered`.
    """
    patient, ward = _whom(act, body)
    _refuse_seen(act, ward)
    told = _people(act, ward, settings)
    made = BreakGlass(
        public_id=uuid7(), staff_id=act.who.id, patient_id=patient.id, ward_id=ward.id, reason=body.reason,
        at=act.now, until_at=act.now + timedelta(minutes=settings.break_glass_minutes),
        told=[one.name for one in told],
    )  # fmt: skip
    act.session.add(made)
    theirs = col(Token.staff_id) == act.who.id, col(Token.revoked_at).is_(None)
    act.session.execute(update(Token).where(*theirs).values(changed_at=act.now))  # every process reads them again
    said = {"ward": ward.code, "access": made.public_id, "until": made.until_at}
    body_told: dict[str, Any] = {"type": TOLD, "timestamp": act.now, "data": said}
    give_up_at = act.now + TRIED_FOR
    messages = [NewMessage(one.ways, body_told, 0, give_up_at, ward_id=ward.id, staff_id=one.staff_id) for one in told]
    put(act.session, messages, act.now)
    shown = {"what": "break_glass", **said, "by": act.who.name, "role": act.who.role}
    emit(act.session, [NewEvent("system", act.now, ward.code, patient.public_id, shown)])
    return accessed(act, made.public_id)


def _whom(act: Act, body: BreakGlassBody) -> tuple[Patient, Ward]:
    """The patient and the ward that they are on, or were on last. Raises Unacceptable, NotFound, Conflict."""
    if (body.patient is None) == (body.nhs_number is None):
        raise Unacceptable(Fault("patient", "name the patient by this or by nhs_number, and by one of them only"))
    patient: Patient | None
    if body.patient is not None:
        query = select(Patient).where(col(Patient.id) == key_of(body.patient))
        patient = act.session.execute(query).scalar_one_or_none()
    else:
        patient = having(act, body.nhs_number or "")
    if patient is None:
        raise NotFound("There is no such patient.")
    last = (
        select(Ward)
        .join(Episode, col(Episode.ward_id) == col(Ward.id))
        .where(col(Episode.patient_id) == patient.id)
        .order_by(col(Episode.discharged_at).desc().nulls_first(), col(Episode.id).desc())
        .limit(1)
    )
    ward: Ward | None = act.session.execute(last).scalar_one_or_none()
    if ward is None:
        raise Conflict("The patient was on no ward yet: there is none to open.", current={"ward": None})
    return patient, ward


def _refuse_seen(act: Act, ward: Ward) -> None:
    """Raise Conflict where the ward is the caller's. That of a UCR team's member is none until they open it."""
    who = act.who
    if ward.code in who.opened or (who.role is not Role.UCR and who.may_see(ward.code)):
        current = {"ward": ward.code, "until": who.opened_until if ward.code in who.opened else None}
        raise Conflict("You may see this patient already.", current=current)


def _people(act: Act, ward: Ward, settings: Settings) -> list[_Told]:
    """Who answers for the ward and can be told now: clinicians and coordinators on duty, or its ladders' end."""
    asked = [(ward.id, role.value) for role in (Role.COORDINATOR, Role.CLINICIAN)]
    there = {one.staff_id: one for people in on_duty(act.session, asked, act.now).values() for one in people}
    found = [_Told(one.name, one.ways, one.staff_id) for one in there.values() if one.ways]
    if found:
        return found
    ends = ends_of(act.session, settings, {ward.id: ward.pathway}, act.now)[ward.id]
    return [_Told(FALLBACK, [way], None) for way in ends]


_By = aliased(Staff)


def accessed(act: Act, access_id: UUID) -> BreakGlassView:
    """One access. Raises NotFound where there is none, or none for this caller."""
    query = _shown().where(col(BreakGlass.public_id) == access_id, _seen_by(act))
    if (row := act.session.execute(query).one_or_none()) is None:
        raise NotFound(f"There is no access {access_id}.")
    return _view(row)


def accesses(act: Act, ward: str | None, limit: int, cursor: str | None) -> Page[BreakGlassView]:
    """One's own, and those to one's wards; newest first. Raises Forbidden for a ward that is not the caller's."""
    query = _shown().where(col(BreakGlass.id) < before(cursor), _seen_by(act))
    if ward is not None:
        query = query.where(col(Ward.code) == ward)
    return page(act.session, query.order_by(col(BreakGlass.id).desc()), limit, key=lambda row: row[0].id, show=_view)


def _seen_by(act: Act) -> ColumnElement[bool]:
    own = col(BreakGlass.staff_id) == act.who.id
    if act.who.role is Role.UCR:
        return own
    return true() if act.who.wards is None else own | col(Ward.code).in_(act.who.wards)


def _shown() -> AnySelect:
    return (
        select(BreakGlass, _By, col(Patient.public_id), col(Ward.code))
        .join(_By, col(_By.id) == col(BreakGlass.staff_id))
        .join(Patient, col(Patient.id) == col(BreakGlass.patient_id))
        .join(Ward, col(Ward.id) == col(BreakGlass.ward_id))
    )


def _view(row: AnyRow) -> BreakGlassView:
    one, by, patient, ward = row
    return BreakGlassView(
        id=one.public_id, by=by.public_id, by_name=by.name, role=Role(by.role), patient=patient, ward=ward,
        reason=one.reason, at=one.at, until=one.until_at, told=one.told,
    )  # fmt: skip
