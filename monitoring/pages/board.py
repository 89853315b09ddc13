"""The board of a ward as a page, and its live part alone, for the page to take in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from anyio import to_thread
from litestar import MediaType, Response, get
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect
from markupsafe import Markup
from sqlalchemy import select
from sqlmodel import col

from monitoring.access.gate import see_ward
from monitoring.access.permissions import MAY
from monitoring.access.roles import Role
from monitoring.acts import Act, Incoming, look, peek, show
from monitoring.clock import local_day
from monitoring.duty.on_duty import OnDutyView, who_is_on_duty
from monitoring.fields import WardCode
from monitoring.health import Part
from monitoring.pages import beside
from monitoring.pages.rendering import HEADERS, macro, page, part
from monitoring.pages.seen import goes_on
from monitoring.pages.session import ANYBODY
from monitoring.pages.sparkline import Spot, sparkline
from monitoring.pages.unwell import what_is_unwell
from monitoring.pages.words import vital
from monitoring.pieces import Pieces, drawn
from monitoring.rounds.board import board
from monitoring.rounds.board_views import BoardView
from monitoring.rounds.trend import Trend
from monitoring.rules.holding import pathway_at
from monitoring.service import service_of
from monitoring.wards.beds import ward_in_path
from monitoring.wards.occupancy import OccupancyView, occupancy
from monitoring.wards.tables import Ward

PATIENTS_MAX: Final = 1000
HOMES: Final[dict[Role | None, str]] = {Role.UCR: "/ucr", Role.COORDINATOR: "/beds", Role.ENGINEER: "/kit"}
TRENDS: Final = {Trend.UP: (1, "↑ worse"), Trend.DOWN: (-1, "↓ better"), Trend.SAME: (0, "→ same")}
PAGE: Final[dict[str, Any]] = {"include_in_schema": False}


@dataclass(frozen=True, slots=True)
class Row:
    """A patient's row."""

    one: BoardView
    spark: str
    known: list[tuple[datetime | None, list[beside.Value]]]  # as `Known.by_age`
    spoken_today: bool
    reviewed_today: bool
    next: beside.Next | None
    next_is_due: bool

    @property
    def changed(self) -> str:
        """Where the newest score differs from the one before, in words; the parameters are those that made it so."""
        sign, says = TRENDS.get(self.one.trend, (0, ""))
        names = [vital(name) for name, points in self.one.changed.items() if points * sign > 0]
        return says + (": " + ", ".join(names) if names else "")


@dataclass(frozen=True, slots=True)
class Picture:
    """The board as it was at an instant."""

    at: datetime
    ward: str
    name: str
    rows: list[Row]
    beds: OccupancyView
    on_duty: list[OnDutyView]
    unwell: dict[str, Part]

    @property
    def waiting(self) -> int:
        """Alerts that nobody has taken."""
        return sum(row.one.alert is not None and row.one.alert.state == "open" for row in self.rows)


@get("/", opt={"allows": ANYBODY}, **PAGE)
async def get_home(request: Incoming) -> Response[Any]:
    """Where each role works: a UCR team's referrals, the beds, the kit; everybody else's wards."""
    if home := HOMES.get(request.user.role):
        return Redirect(home, status_code=303)
    return await _to_wards(request)


@get("/wards", opt={"allows": "read patients"}, **PAGE)
async def get_wards(request: Incoming) -> Response[Any]:
    """The list of wards; where there is only one, that."""
    return await _to_wards(request)


async def _to_wards(request: Incoming) -> Response[Any]:
    wards = await look(request, wards_of)
    await goes_on(request)
    if len(wards) == 1:
        return Redirect(f"/wards/{wards[0].code}", status_code=303)
    return page("wards.html", me=request.user, wards=wards)


@get("/wards/{code:str}", opt={"allows": "read patients", "whose": ward_in_path}, **PAGE)
async def get_board(request: Incoming, code: FromPath[WardCode]) -> Response[str]:
    """The whole page."""
    unwell = await what_is_unwell(request)
    picture = await look(request, lambda act: picture_of(act, code, unwell))
    await goes_on(request)
    may_answer = _may_answer(request)
    return await to_thread.run_sync(lambda: page("board.html", me=request.user, may_answer=may_answer, picture=picture))


@get("/wards/{code:str}/board", opt={"allows": "read patients", "whose": ward_in_path}, **PAGE)
async def get_rows(
    request: Incoming, code: FromPath[WardCode], since: Annotated[str | None, QueryParameter(max_length=40)] = None
) -> Response[Markup]:
    """The live part, as far as it changed since the picture that the page has. Asked for by the page itself: nobody
    need be there, so the session does not go on by it.

    Made once for all who ask in the same moment: whoever may see the ward sees the same, but for the buttons.
    """
    see_ward(request.user, code)
    may_answer = _may_answer(request)

    async def make(before: Pieces | None) -> Pieces:
        unwell = await what_is_unwell(request)
        picture = await peek(request, lambda act: picture_of(act, code, unwell))
        return await to_thread.run_sync(lambda: _drawn(before, picture, may_answer=may_answer))

    made = await service_of(request).boards.get((code, may_answer), make)
    await show(request, made)
    return Response(part("_board_since.html", made=made, has=since), media_type=MediaType.HTML, headers=HEADERS)


def _drawn(before: Pieces | None, picture: Picture, *, may_answer: bool) -> Pieces:
    row_of = macro("_board_row.html", "row_of")
    return drawn(
        before,
        part("_board_head.html", picture=picture),
        {f"/patients/{row.one.patient}": row for row in picture.rows},
        lambda row: row_of(row, picture.at, may_answer),
        [row.one.patient for row in picture.rows],
    )


def picture_of(act: Act, code: str, unwell: dict[str, Part]) -> Picture:
    """A ward as its board shows it."""
    ward = ward_in_path(act, code)
    shown = board(act, code, PATIENTS_MAX, None).items
    usual = pathway_at(act.session, ward.pathway, act.now).spo2
    spots, coming = beside.spots(act, code), beside.whats_next(act, code)
    known = beside.known(act, code, usual.red_low, usual.amber_low)
    return Picture(
        at=act.now,
        ward=code,
        name=ward.name,
        rows=[_row(one, spots.get(one.episode, []), known.get(one.episode), coming, act.now) for one in shown],
        beds=occupancy(act, code, None),
        on_duty=who_is_on_duty(act, code, act.now).items,
        unwell=unwell,
    )


def _row(
    one: BoardView, spots: list[Spot], known: beside.Known | None, coming: dict[UUID, beside.Next], now: datetime
) -> Row:
    lines = (None, None) if known is None else (known.red_low, known.amber_low)
    next_ = None if one.alert is None else coming.get(one.alert.id)
    return Row(
        one=one,
        spark=sparkline(spots, now, *lines),
        known=[] if known is None else known.by_age(now),
        spoken_today=_is_today(one.spoken_to_at, now),
        reviewed_today=_is_today(one.reviewed_at, now),
        next=next_,
        next_is_due=next_ is not None and next_.due_at is not None and next_.due_at <= now,
    )


def _is_today(at: datetime | None, now: datetime) -> bool:
    return at is not None and local_day(at) == local_day(now)


def wards_of(act: Act) -> list[Ward]:
    """The wards of a caller that are not closed."""
    query = select(Ward).where(col(Ward.closed_at).is_(None)).order_by(col(Ward.code)).limit(PATIENTS_MAX)
    if act.who.wards is not None:
        query = query.where(col(Ward.code).in_(act.who.wards))
    return list(act.session.execute(query).scalars())


def _may_answer(request: Incoming) -> bool:
    return request.user.role in MAY["answer alerts"]


ROUTES: list[Any] = [get_home, get_wards, get_board, get_rows]
