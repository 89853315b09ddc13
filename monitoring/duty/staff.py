"""The staff of the caller's wards, to make rotas of and to hand over to."""

from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Text, cast, exists, select
from sqlmodel import col

from monitoring.access.gate import see_ward
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.escalation.tables import Contact
from monitoring.paging import Page, before, page


class StaffView(msgspec.Struct, kw_only=True):
    """A member of staff."""

    id: UUID
    name: str
    role: Role
    wards: list[str] | None  # None: every ward
    registered: bool
    senior: bool
    has_contacts: bool


def staff(act: Act, ward: str | None, role: Role | None, limit: int, cursor: str | None) -> Page[StaffView]:
    """Who works on the caller's wards, or on one of them, newest first. Raises Forbidden."""
    if ward is not None:
        see_ward(act.who, ward)
    can_be_told = exists().where(col(Contact.staff_id) == col(Staff.id))
    query = select(Staff, can_be_told).where(col(Staff.id) < before(cursor)).order_by(col(Staff.id).desc())
    wards = act.who.wards if ward is None else {ward}
    if wards is not None:
        query = query.where(col(Staff.wards).is_(None) | col(Staff.wards).op("&&")(cast(list(wards), ARRAY(Text))))
    if role is not None:
        query = query.where(col(Staff.role) == role)
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _view(*row))


def _view(one: Staff, has_contacts: bool) -> StaffView:
    return StaffView(
        id=one.public_id, name=one.name, role=one.role, wards=one.wards, registered=one.registered, senior=one.senior,
        has_contacts=has_contacts,
    )  # fmt: skip
