"""Virtual wards: opened with a pathway and beds, corrected, closed and opened again."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from sqlalchemy import case, select, true
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.database import AnySelect
from monitoring.fields import WARD_CODE, ClosingTime, Instant, Line, OdsCode, Reason, TimeOfDay, WardCode, Word, in_utc
from monitoring.paging import Page, before, page
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.rules.holding import pathways_at
from monitoring.wards.beds import ward_in_path
from monitoring.wards.capacity import BedCount, decide
from monitoring.wards.tables import Ward, WardCapacity

_CODE: Final = re.compile(WARD_CODE)
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hours = dict[Day, tuple[TimeOfDay, ClosingTime]]
Age = Annotated[int, msgspec.Meta(ge=0, le=130)]  # whole years
OnShift = dict[Word, Annotated[int, msgspec.Meta(ge=0, le=1_000)]]


class WardFacts(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a ward is, but for its beds."""

    name: Line
    pathway: str
    provider: OdsCode
    icb: OdsCode
    lead_clinician: Line | None = None
    min_age: Age | None = None
    max_age: Age | None = None
    max_stay_days: Annotated[int, msgspec.Meta(ge=1, le=365)] | None = None  # None: as the pathway says
    in_sitrep: bool | None = None  # None: as the pathway says
    staffed_hours: Hours | None = None  # None: always staffed
    staff_on_shift: Annotated[OnShift, msgspec.Meta(max_length=12)] | None = None  # {"day": 4, "night": 1}
    phone: Word | None = None  # for its patients, shown by their devices
    prompts_by_sms: bool = False  # whether its patients are also asked by SMS, without any detail


class WardBody(WardFacts, kw_only=True):
    """A ward as sent."""

    code: WardCode
    funded: BedCount
    staffed: BedCount
    from_: Instant | None = msgspec.field(default=None, name="from")
    reason: Reason | None = None  # for staffing more beds than are funded


class WardView(WardFacts, kw_only=True):
    """A ward as answered, with the beds in force."""

    id: str
    code: str
    funded: int
    staffed: int
    from_: datetime = msgspec.field(name="from")
    closed_at: datetime | None


def open_ward(act: Act, body: WardBody) -> WardView:
    """A new ward. Raises Unacceptable for an unknown pathway, Conflict for a code in use, Forbidden."""
    see_ward(act.who, body.code)
    ward = Ward(**_facts(act, body), code=body.code, created_at=act.now)
    from_at = act.now if body.from_ is None else in_utc("from", body.from_)
    try:
        with act.session.begin_nested():
            act.session.add(ward)
    except IntegrityError:
        raise Conflict(f"There is a ward {body.code}.", current=_known(act, body.code)) from None
    decided = decide(act, ward, from_at, funded=body.funded, staffed=body.staffed, reason=body.reason)
    return _view(ward, decided.from_at, decided.funded, decided.staffed)


def correct_ward(act: Act, code: str, body: WardFacts) -> WardView:
    """Say what a ward is, whole. Its past is shown under what it is now. Raises Forbidden, NotFound, Unacceptable."""
    corrected = ward_in_path(act, code, lock=True)
    for name, value in _facts(act, body).items():
        setattr(corrected, name, value)
    act.session.add(corrected)
    act.session.flush()
    return ward(act, code)


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


def _facts(act: Act, body: WardFacts) -> dict[str, Any]:
    """The columns of a ward. Raises Unacceptable."""
    known = pathways_at(act.session, act.now)
    if (pathway := known.get(body.pathway)) is None:
        raise unacceptable("pathway", f"is not one of {', '.join(known)}")
    if body.min_age is not None and body.max_age is not None and body.max_age < body.min_age:
        raise unacceptable("max_age", "is below min_age")
    facts: dict[str, Any] = msgspec.to_builtins({name: getattr(body, name) for name in WardFacts.__struct_fields__})
    if body.max_stay_days is None:
        facts["max_stay_days"] = pathway.max_stay_days
    if body.in_sitrep is None:
        facts["in_sitrep"] = pathway.in_sitrep
    return facts


def _known(act: Act, code: str) -> WardView | None:
    row = act.session.execute(_with_capacity(act.now).where(col(Ward.code) == code)).one_or_none()
    return None if row is None else _view(*row)


def _with_capacity(now: datetime) -> AnySelect:
    """Each ward with the newest capacity that is in force; the first one to come, where none is yet."""
    from_at = col(WardCapacity.from_at)
    begun_at = case((from_at <= now, from_at))
    in_force = (
        select(from_at, col(WardCapacity.funded), col(WardCapacity.staffed))
        .where(col(WardCapacity.ward_id) == col(Ward.id))
        .order_by(begun_at.desc().nulls_last(), from_at, col(WardCapacity.id).desc())
        .limit(1)
        .lateral()
    )
    return select(Ward, in_force).join(in_force, true())


def _view(ward: Ward, from_at: datetime, funded: int, staffed: int) -> WardView:
    facts = {name: getattr(ward, name) for name in WardFacts.__struct_fields__}
    facts["staffed_hours"] = msgspec.convert(ward.staffed_hours, Hours | None)
    return WardView(
        **facts, id=ward.code, code=ward.code, funded=funded, staffed=staffed, from_=from_at, closed_at=ward.closed_at
    )
