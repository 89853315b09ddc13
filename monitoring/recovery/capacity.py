"""Hours of care a week that a service can give, from an instant on, beside its beds; and how many are planned.

Care over the capacity is shown, never refused: what was given was given.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlmodel import col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.database import AnyRow
from monitoring.fields import Instant, in_utc
from monitoring.paging import Page, before, page
from monitoring.recovery.care import refuse_no_care
from monitoring.recovery.clocks import HOURS_STEP, Service
from monitoring.recovery.tables import CareCapacity
from monitoring.wards.beds import refuse_closed, ward_in_path
from monitoring.wards.tables import Ward

CareHours = Annotated[float, msgspec.Meta(ge=0, le=1_000_000, multiple_of=HOURS_STEP)]


class CareHoursBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Hours of care a week from an instant on, as sent."""

    hours_per_week: CareHours
    from_: Instant | None = msgspec.field(default=None, name="from")


class CareHoursView(msgspec.Struct, kw_only=True):
    """Hours of care a week from an instant on, and who decided it."""

    ward: str
    hours_per_week: float
    from_: datetime = msgspec.field(name="from")
    decided_by: UUID
    decided_by_name: str
    recorded_at: datetime


class ServiceLoad(msgspec.Struct, kw_only=True):
    """One kind of care: how many patients have it and await it, with the hours a week that are planned."""

    service: Service
    given: int
    given_hours: float
    awaited: int
    awaited_hours: float


class CareLoadView(msgspec.Struct, kw_only=True):
    """The care of a ward at an instant, in hours a week."""

    ward: str
    at: datetime
    hours_per_week: float | None  # that can be given; None: nobody decided it
    given_hours: float
    awaited_hours: float
    available_hours: float | None  # below zero where over capacity
    services: list[ServiceLoad]


def set_care_hours(act: Act, code: str, body: CareHoursBody) -> CareHoursView:
    """Decide the hours from an instant on; all is kept. Raises Forbidden, NotFound, Unacceptable, Conflict."""
    ward = ward_in_path(act, code, lock=True)
    refuse_closed(ward)
    refuse_no_care(ward)
    from_at = act.now if body.from_ is None else in_utc("from", body.from_)
    if (standing := _standing(act, ward, from_at)) and standing.hours_per_week == body.hours_per_week:
        return _view(code, standing, act.session.get_one(Staff, standing.decided_by))
    decided = CareCapacity(
        ward_id=ward.id,
        from_at=from_at,
        hours_per_week=body.hours_per_week,
        decided_by=act.who.id,
        recorded_at=act.now,
    )
    act.session.add(decided)
    act.session.flush()
    return _view(code, decided, act.session.get_one(Staff, act.who.id))


def care_hours(act: Act, code: str, limit: int, cursor: str | None) -> Page[CareHoursView]:
    """Every decision on a ward's hours, the latest first. Raises Forbidden, NotFound."""
    ward = ward_in_path(act, code)
    query = (
        select(CareCapacity, Staff)
        .join(Staff, col(Staff.id) == col(CareCapacity.decided_by))
        .where(col(CareCapacity.ward_id) == ward.id, col(CareCapacity.id) < before(cursor))
        .order_by(col(CareCapacity.id).desc())
    )
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _view(code, *row))


def care_load(act: Act, code: str, at: datetime | None) -> CareLoadView:
    """What is given and awaited at an instant, against what can be given. Raises Forbidden, NotFound, Conflict."""
    ward = ward_in_path(act, code)
    refuse_no_care(ward)
    asked = {"ward": ward.id, "at": at or act.now}
    can: float | None = act.session.execute(_CAPACITY, asked).scalar_one_or_none()
    services = {row.service: _load(row) for row in act.session.execute(_LOAD, asked)}
    given, awaited = (sum(getattr(one, name) for one in services.values()) for name in ("given_hours", "awaited_hours"))
    return CareLoadView(
        ward=code,
        at=at or act.now,
        hours_per_week=can,
        given_hours=given,
        awaited_hours=awaited,
        available_hours=None if can is None else can - given,
        services=[
            services.get(name) or ServiceLoad(service=name, given=0, given_hours=0.0, awaited=0, awaited_hours=0.0)
            for name in Service
        ],
    )


def _standing(act: Act, ward: Ward, from_at: datetime) -> CareCapacity | None:
    """What was decided last for this very instant."""
    query = (
        select(CareCapacity)
        .where(col(CareCapacity.ward_id) == ward.id, col(CareCapacity.from_at) == from_at)
        .order_by(col(CareCapacity.id).desc())
        .limit(1)
    )
    found: CareCapacity | None = act.session.execute(query).scalar_one_or_none()
    return found


def _load(row: AnyRow) -> ServiceLoad:
    return ServiceLoad(
        service=Service(row.service),
        given=row.given,
        given_hours=row.given_hours,
        awaited=row.awaited,
        awaited_hours=row.awaited_hours,
    )


def _view(code: str, one: CareCapacity, by: Staff) -> CareHoursView:
    return CareHoursView(
        ward=code,
        hours_per_week=one.hours_per_week,
        from_=one.from_at,
        decided_by=by.public_id,
        decided_by_name=by.name,
        recorded_at=one.recorded_at,
    )


_CAPACITY: Final = text(
    """
    SELECT hours_per_week FROM care_capacity WHERE ward_id = :ward AND from_at <= :at
    ORDER BY from_at DESC, id DESC LIMIT 1
    """
)

_LOAD: Final = text(
    """
    SELECT service, count(*) FILTER (WHERE is_given) AS given, count(*) FILTER (WHERE NOT is_given) AS awaited,
           coalesce(sum(hours_per_week) FILTER (WHERE is_given), 0) AS given_hours,
           coalesce(sum(hours_per_week) FILTER (WHERE NOT is_given), 0) AS awaited_hours
    FROM service_line CROSS JOIN LATERAL (SELECT coalesce(begun_at <= :at, false) AS is_given) AS state
    WHERE ward_id = :ward AND requested_at <= :at AND (ended_at IS NULL OR ended_at > :at)
    GROUP BY service
    """
)
