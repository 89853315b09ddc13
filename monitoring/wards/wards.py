"""Virtual wards: opened with a pathway and beds."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from alert_rules.pathway import pathways
from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.database import AnySelect
from monitoring.fields import WARD_CODE, ClosingTime, Instant, Line, OdsCode, TimeOfDay, WardCode, in_utc
from monitoring.paging import Page, before, page
from monitoring.refusals import Conflict, Fault, NotFound, Unacceptable
from monitoring.wards.tables import Ward, WardCapacity

_CODE: Final = re.compile(WARD_CODE)
Beds = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hours = dict[Day, tuple[TimeOfDay, ClosingTime]]


class WardBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A ward as sent."""

    code: WardCode
    name: Line
    pathway: str
    provider: OdsCode
    icb: OdsCode
    funded: Beds
    staffed: Beds
    from_: Instant | None = msgspec.field(default=None, name="from")
    max_stay_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 14
    in_sitrep: bool = True
    staffed_hours: Hours | None = None


class WardView(WardBody, kw_only=True):
    """A ward as answered."""

    id: str


def open_ward(act: Act, body: WardBody) -> WardView:
    """A new ward. Raises Unacceptable for an unknown pathway, Conflict for a code in use, Forbidden."""
    see_ward(act.who, body.code)
    if body.pathway not in pathways():
        raise Unacceptable(Fault("pathway", f"is not one of {', '.join(pathways())}"))
    from_at = act.now if body.from_ is None else in_utc("from", body.from_)
    fields = {
        name: getattr(body, name)
        for name in ("code", "name", "pathway", "provider", "icb", "max_stay_days", "in_sitrep")
    }
    ward = Ward(**fields, staffed_hours=msgspec.to_builtins(body.staffed_hours), created_at=act.now)
    try:
        with act.session.begin_nested():
            act.session.add(ward)
    except IntegrityError:
        raise Conflict(f"There is a ward {body.code}.", current=_known(act, body.code)) from None
    capacity = WardCapacity(ward_id=ward.id, from_at=from_at, funded=body.funded, staffed=body.staffed)
    act.session.add(capacity)
    return _view(ward, capacity)


def ward(act: Act, code: str) -> WardView:
    """One ward with the beds in force. Raises Forbidden, NotFound."""
    see_ward(act.who, code)
    if not _CODE.match(code) or (found := _known(act, code)) is None:  # what can be no code is not asked for
        raise NotFound(f"There is no ward {code}.")
    return found


def wards(act: Act, limit: int, cursor: str | None) -> Page[WardView]:
    """The caller's wards with the beds in force, newest first."""
    query = _with_capacity(act.now).where(col(Ward.id) < before(cursor)).order_by(col(Ward.id).desc())
    if act.who.wards is not None:
        query = query.where(col(Ward.code).in_(act.who.wards))
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _view(*row))


def _known(act: Act, code: str) -> WardView | None:
    row = act.session.execute(_with_capacity(act.now).where(col(Ward.code) == code)).one_or_none()
    return None if row is None else _view(*row)


def _with_capacity(now: datetime) -> AnySelect:
    """Each ward with the newest capacity that is in force; the first one to come, where none is yet."""
    in_force = (
        select(WardCapacity)
        .where(col(WardCapacity.ward_id) == col(Ward.id))
        .order_by((col(WardCapacity.from_at) <= now).desc(), col(WardCapacity.from_at).desc())
        .limit(1)
        .lateral()
    )
    return select(Ward, in_force).join(in_force, in_force.c.ward_id == col(Ward.id))


def _view(ward: Ward, *capacity: Any) -> WardView:
    if len(capacity) == 1:
        row: WardCapacity = capacity[0]
        from_at, funded, staffed = row.from_at, row.funded, row.staffed
    else:
        _, from_at, funded, staffed = capacity
    return WardView(
        id=ward.code,
        code=ward.code,
        name=ward.name,
        pathway=ward.pathway,
        provider=ward.provider,
        icb=ward.icb,
        funded=funded,
        staffed=staffed,
        from_=from_at,
        max_stay_days=ward.max_stay_days,
        in_sitrep=ward.in_sitrep,
        staffed_hours=msgspec.convert(ward.staffed_hours, Hours | None),
    )
