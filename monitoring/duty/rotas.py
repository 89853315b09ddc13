"""Rotas: who works when on a ward, in which role, as a coordinator says it whole."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, any_, bindparam, select
from sqlalchemy import Uuid as UuidType
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from monitoring.access.gate import see_ward
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.escalation.tables import Rota
from monitoring.fields import WARD_CODE, ClosingTime, Instant, TimeOfDay, Version, WardCode, in_utc
from monitoring.paging import Page, before, page
from monitoring.refusals import Conflict, Fault, NotFound, Unacceptable, unacceptable
from monitoring.wards.tables import Ward

ENTRIES_MAX: Final = 1_000
OVERRIDE_MAX: Final = timedelta(days=366)
FAULTS_MAX: Final = 20

_CODE: Final = re.compile(WARD_CODE)

RotaDay = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "bank_holiday"]


class WeeklyBody(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody works on each of these days. `bank_holiday` stands in place of the weekday it falls on."""

    staff: UUID
    day: RotaDay
    from_: TimeOfDay = msgspec.field(name="from")
    to: ClosingTime  # `24:00` ends the day; not after its start: past midnight


class OverrideBody(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody works then, or does not, whatever the week says. The later one in the list counts."""

    staff: UUID
    from_: Instant = msgspec.field(name="from")
    to: Instant
    off: bool = False


class RotaBody(msgspec.Struct, forbid_unknown_fields=True):
    """A rota, whole."""

    ward: WardCode
    role: Role
    weekly: Annotated[list[WeeklyBody], msgspec.Meta(max_length=ENTRIES_MAX)]
    overrides: Annotated[list[OverrideBody], msgspec.Meta(max_length=ENTRIES_MAX)] = []
    version: Version | None = None


class RotaView(msgspec.Struct, kw_only=True):
    """A rota."""

    id: str
    code: str
    ward: str
    role: Role
    weekly: list[WeeklyBody]
    overrides: list[OverrideBody]
    version: int
    at: datetime


def rota(act: Act, code: str) -> RotaView:
    """One rota. Raises NotFound."""
    if (found := to_replace(act, code)) is None:
        raise NotFound(f"There is no rota {code}.")
    return _view(*found)


def rotas(act: Act, ward: str | None, limit: int, cursor: str | None) -> Page[RotaView]:
    """The rotas of the caller's wards, newest first. Raises Forbidden."""
    if ward is not None:
        see_ward(act.who, ward)
    query = _ROTAS.where(col(Rota.id) < before(cursor)).order_by(col(Rota.id).desc())
    wards = act.who.wards if ward is None else {ward}
    if wards is not None:
        query = query.where(col(Ward.code).in_(wards))
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _view(*row))


def to_replace(act: Act, code: str, *, lock: bool = False) -> tuple[Rota, str] | None:
    """The rota of that code with its ward, None where there is none yet. Raises NotFound for another ward's."""
    if not _CODE.match(code):  # what can be no code is not asked for
        return None
    query = _ROTAS.where(col(Rota.code) == code)
    row = act.session.execute(query.with_for_update(of=Rota) if lock else query).one_or_none()
    if row is None:
        return None
    if not act.who.may_see(row[1]):
        raise NotFound(f"There is no rota {code}.")
    return row[0], row[1]


def set_rota(act: Act, code: str, body: RotaBody) -> RotaView:
    """Make a rota, or say it anew, whole. Raises Forbidden, NotFound, Unacceptable; Conflict for a stale version."""
    found = to_replace(act, code, lock=True)
    see_ward(act.who, body.ward)
    if body.version is not None and (found is None or body.version != found[0].version):
        current = None if found is None else _view(*found)
        raise Conflict(f"The rota changed since version {body.version}.", current=current)
    ward: Ward | None = act.session.execute(select(Ward).where(col(Ward.code) == body.ward)).scalar_one_or_none()
    if ward is None:
        raise unacceptable("ward", f"there is no ward {body.ward}")
    said = {
        "ward_id": ward.id, "role": body.role, "weekly": [msgspec.to_builtins(entry) for entry in body.weekly],
        "overrides": _overrides(body.overrides), "by": act.who.id, "at": act.now,
    }  # fmt: skip
    _refuse_strangers(act, body, ward)
    if found is None:
        made = _made(act, code, said)
    else:
        made = found[0]
        for name, value in said.items():
            setattr(made, name, value)
        made.version += 1
    act.session.flush()
    return _view(made, ward.code)


def _made(act: Act, code: str, said: dict[str, Any]) -> Rota:
    made = Rota(code=code, **said)
    try:
        with act.session.begin_nested():
            act.session.add(made)
    except IntegrityError:
        raise Conflict(f"There is a rota {code} since a moment ago.", current=rota(act, code)) from None
    return made


def _overrides(body: list[OverrideBody]) -> list[dict[str, Any]]:
    """As they are kept, in UTC. Raises Unacceptable."""
    kept, faults = [], []
    for place, one in enumerate(body):
        start, end = in_utc(f"overrides[{place}].from", one.from_), in_utc(f"overrides[{place}].to", one.to)
        if not timedelta() < end - start <= OVERRIDE_MAX:
            faults.append(Fault(f"overrides[{place}].to", f"must be after from, by {OVERRIDE_MAX.days} days at most"))
        kept.append({"staff": str(one.staff), "from": start.isoformat(), "to": end.isoformat(), "off": one.off})
    if faults:
        raise Unacceptable(*faults[:FAULTS_MAX])
    return kept


def _refuse_strangers(act: Act, body: RotaBody, ward: Ward) -> None:
    """Raise Unacceptable for who does not work on the ward, or could not answer what that role is told."""
    places = [(f"weekly[{n}].staff", entry.staff) for n, entry in enumerate(body.weekly)]
    places += [(f"overrides[{n}].staff", one.staff) for n, one in enumerate(body.overrides)]
    known = {one.public_id: one for one in _staff(act, {staff for _, staff in places})}
    faults = []
    for place, staff in places:
        who = known.get(staff)
        if who is None or (who.wards is not None and ward.code not in who.wards):
            faults.append(Fault(place, f"nobody of that id works on ward {ward.code}"))
        elif who.role not in {body.role, Role.ADMIN}:
            faults.append(Fault(place, f"is {who.role}, the rota is for {body.role}"))
    if faults:
        raise Unacceptable(*faults[:FAULTS_MAX])


def _staff(act: Act, named: set[UUID]) -> Iterable[Staff]:
    query = select(Staff).where(col(Staff.public_id) == any_(bindparam("named", type_=ARRAY(UuidType))))
    return act.session.execute(query, {"named": list(named)}).scalars()


def _view(found: Rota, ward: str) -> RotaView:
    return RotaView(
        id=found.code,
        code=found.code,
        ward=ward,
        role=found.role,
        weekly=msgspec.convert(found.weekly, list[WeeklyBody]),
        overrides=msgspec.convert(found.overrides, list[OverrideBody]),
        version=found.version,
        at=found.at,
    )


_ROTAS: Final = select(Rota, col(Ward.code)).join(Ward, col(Ward.id) == col(Rota.ward_id))
