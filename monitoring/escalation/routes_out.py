"""Ways out of a ward, each a number and its hours: 999, the acute take, SDEC, the GP out of hours, palliative care."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col

from alert_rules.staffed import StaffedHours, staffed_from
from monitoring.acts import Act
from monitoring.delivery.outbox import Way
from monitoring.delivery.targets import WrongTarget, address
from monitoring.escalation.reach import by_look
from monitoring.escalation.tables import WardRoutes
from monitoring.fields import Line, Word
from monitoring.refusals import unacceptable
from monitoring.wards.beds import ward_in_path
from monitoring.wards.wards import Hours

Name = Literal["999", "acute_take", "sdec", "gp_ooh", "palliative", "acute_oncology", "ucr", "ward_visit"]


class RouteBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One way out: whom to call, when they answer, and where a message reaches them, if anywhere."""

    number: Word
    hours: Hours | None = None  # none: day and night
    to: Line | None = None
    note: Line | None = None


class RoutesView(msgspec.Struct):
    """A ward's ways out."""

    ward: str
    routes: dict[str, RouteBody]


@dataclass(frozen=True, slots=True)
class RouteOut:
    """One way out, for a ladder's step."""

    number: str
    hours: StaffedHours | None
    ways: tuple[Way, ...]

    def is_open(self, now: datetime) -> bool:
        """Whether somebody answers there now."""
        return staffed_from(now, self.hours) <= now


EMERGENCY = RouteOut("999", None, ())
"""Always there, whatever a ward has set."""


def routes(act: Act, code: str) -> RoutesView:
    """The ways out in force. Raises Forbidden, NotFound."""
    ward = ward_in_path(act, code)
    found = _newest(act.session, [ward.id]).get(ward.id, {})
    return _view(ward.code, found)


def set_routes(act: Act, code: str, body: dict[Name, RouteBody], *, allow_private: bool) -> RoutesView:
    """Say a ward's ways out, all of them. Raises Forbidden, NotFound, Unacceptable."""
    ward = ward_in_path(act, code, lock=True)
    for name, one in body.items():
        if one.to is not None:
            try:
                one.to = address(by_look(one.to), one.to, allow_private=allow_private)
            except WrongTarget as error:
                raise unacceptable(f"{name}.to", str(error)) from None
    decided = msgspec.to_builtins(body)
    act.session.add(WardRoutes(ward_id=ward.id, routes=decided, by=act.who.id, at=act.now))
    return _view(ward.code, decided)


def routes_of(session: Session, wards: Collection[int]) -> dict[int, dict[str, RouteOut]]:
    """Ways out by ward's internal key and by name: one query, whatever the number of wards."""
    found = _newest(session, wards)
    return {ward: {"999": EMERGENCY} | {name: _out(one) for name, one in found.get(ward, {}).items()} for ward in wards}


def _newest(session: Session, wards: Collection[int]) -> dict[int, dict[str, Any]]:
    query = (
        select(WardRoutes)
        .where(col(WardRoutes.ward_id).in_(wards))
        .ext(distinct_on(col(WardRoutes.ward_id)))
        .order_by(col(WardRoutes.ward_id), col(WardRoutes.id).desc())
    )
    return {found.ward_id: found.routes for found in session.execute(query).scalars()}


def _out(route: Mapping[str, Any]) -> RouteOut:
    to = route.get("to")
    return RouteOut(route["number"], route.get("hours"), (Way(by_look(to), to),) if to else ())


def _view(code: str, found: Mapping[str, Any]) -> RoutesView:
    shown = {"999": RouteBody("999")} | msgspec.convert(found, dict[str, RouteBody])
    return RoutesView(code, shown)
