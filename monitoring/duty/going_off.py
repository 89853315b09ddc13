"""What is to be handed over: the alerts that are held by who goes off duty, and who is there next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import col

from alert_rules import duty
from alert_rules.alarms import HELD, Kind, State
from alert_rules.severity import Severity
from alert_rules.staffed import Shift
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts.tables import Alert
from monitoring.database import AnyRow
from monitoring.duty.on_duty import ON_DUTY_ROLES
from monitoring.duty.roster import Duty, load
from monitoring.escalation.tables import Handover
from monitoring.paging import LIMIT_MAX
from monitoring.patients.tables import Patient
from monitoring.wards.beds import ward_in_path

HOLDERS: Final = (*ON_DUTY_ROLES, Role.ADMIN)
"""Whose duty on a ward is known. A UCR team's member holds an alert by the team's hours."""


class Named(msgspec.Struct, kw_only=True):
    """A member of staff by name."""

    staff: UUID
    name: str


class Held(msgspec.Struct, kw_only=True):
    """An answered, unresolved alert of somebody who goes off duty, or has gone."""

    alert: UUID
    patient: UUID
    kind: Kind
    severity: str
    state: State
    due_at: datetime | None
    version: int
    holder: Named
    off_at: datetime | None  # None: gone already
    offered_to: Named | None  # who has not taken it yet
    take_by: datetime | None


class Next(msgspec.Struct, kw_only=True):
    """Somebody who will be there then."""

    staff: UUID
    name: str
    role: Role
    from_: datetime | None = msgspec.field(name="from")  # None: on duty already


class HandoverView(msgspec.Struct, kw_only=True):
    """What is to be handed over on a ward, the oldest alerts first, and who is on duty in half an hour."""

    ward: str
    at: datetime
    items: list[Held]
    comes_on: list[Next]
    next: str | None = None


def to_hand_over(act: Act, code: str) -> HandoverView:
    """The open acknowledgements of who goes off duty, and who comes on. Raises Forbidden, NotFound."""
    ward = ward_in_path(act, code)
    roster, then = load(act.session, [ward.id], HOLDERS), act.now + duty.HANDS_OVER_WITHIN
    duties = roster.of_ward(ward.id, {*HOLDERS, *roster.roles_of(ward.id)}, act.now, then)
    query = _HELD.where(col(Alert.ward_id) == ward.id, col(Alert.state).in_(HELD), col(_Holder.role).in_(HOLDERS))
    rows = act.session.execute(query.order_by(col(Alert.id)).limit(LIMIT_MAX)).all()
    spans = {row[2].id: _spans_of(duties, row[2].id) for row in rows}
    going = {who: _off_at(on, act.now) for who, on in spans.items() if on != [(act.now, then)]}
    return HandoverView(
        ward=ward.code,
        at=act.now,
        items=[_held(row, going[row[2].id]) for row in rows if row[2].id in going],
        comes_on=_next(duties, act.now, then),
    )


def _spans_of(duties: Sequence[Duty], staff_id: int) -> list[Shift]:
    return duty.union(span for one in duties if one.who.id == staff_id for span in one.spans)


def _off_at(spans: Sequence[Shift], now: datetime) -> datetime | None:
    return spans[0][1] if spans and spans[0][0] <= now else None


def _next(duties: Sequence[Duty], now: datetime, then: datetime) -> list[Next]:
    """Who is on duty at the end of the window, those who come on first."""
    found: dict[int, Next] = {}
    for one in duties:
        start, end = one.spans[-1]
        if end == then:
            begins = start if start > now else None
            found[one.who.id] = Next(staff=one.who.public_id, name=one.who.name, role=one.role, from_=begins)
    return sorted(found.values(), key=lambda one: (one.from_ is None, one.name))


def _held(row: AnyRow, off_at: datetime | None) -> Held:
    found, patient, holder, offer, to = row
    return Held(
        alert=found.public_id,
        patient=patient,
        kind=found.kind,
        severity=Severity(found.severity).label,
        state=found.state,
        due_at=found.due_at,
        version=found.version,
        holder=Named(staff=holder.public_id, name=holder.name),
        off_at=off_at,
        offered_to=to and Named(staff=to.public_id, name=to.name),
        take_by=offer and offer.due_at,
    )


_Holder, _To = aliased(Staff), aliased(Staff)

_HELD: Final = (
    select(Alert, col(Patient.public_id), _Holder, Handover, _To)
    .join(Patient, col(Patient.id) == col(Alert.patient_id))
    .join(_Holder, col(_Holder.id) == col(Alert.acknowledged_by))
    .outerjoin(Handover, (col(Handover.alert_id) == col(Alert.id)) & col(Handover.ended).is_(None))
    .outerjoin(_To, col(_To.id) == col(Handover.to_id))
)
