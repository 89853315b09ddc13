"""The board, the daily round and the day's visits over HTTP."""

from typing import Annotated, Any

from litestar import get
from litestar.params import FromPath, QueryParameter

from monitoring.acts import Incoming, look
from monitoring.fields import WardCode
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.rounds import board, daily_round, visits
from monitoring.rounds.board_views import BoardView
from monitoring.rounds.daily_round import RoundItem, RoundView
from monitoring.rounds.round_lists import ListName
from monitoring.rounds.visits import VisitView
from monitoring.wards.beds import ward_in_path

TAGS = ["rounds"]
READ: dict[str, Any] = {"allows": "read patients"}

Day = Annotated[str | None, QueryParameter(name="date", description="A day in London; today where none is given")]
OneWard = Annotated[str | None, QueryParameter(max_length=32, pattern=r"^[A-Za-z0-9_-]*$")]


@get("/v1/wards/{code:str}/board", opt=READ | {"whose": ward_in_path}, tags=TAGS, summary="The board")
async def get_board(
    request: Incoming, code: FromPath[WardCode], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[BoardView]:
    """Every patient on the ward, the most worrying and longest waiting first.

    By the worst open alert (an open one before one that somebody has), its clock, NEWS2, and the name. A patient whose
    alert changes between two pages may be on neither: ask for the whole board in one page.
    """
    return await look(request, lambda act: board.board(act, code, limit, cursor))


@get("/v1/wards/{code:str}/round", opt=READ | {"whose": ward_in_path}, tags=TAGS, summary="The daily round")
async def get_round(request: Incoming, code: FromPath[WardCode]) -> RoundView:
    """How many are on each list today, and the patients to each member of staff."""
    return await look(request, lambda act: daily_round.daily_round(act, code))


@get(
    "/v1/wards/{code:str}/round/{name:str}",
    opt=READ | {"whose": ward_in_path},
    tags=TAGS,
    summary="A list of the daily round",
)
async def get_round_list(
    request: Incoming, code: FromPath[WardCode], name: FromPath[ListName], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[RoundItem]:
    """Who is on it, why and since when; the longest first. Who is worked off is not on it any more."""
    return await look(request, lambda act: daily_round.round_list(act, code, name, limit, cursor))


@get("/v1/visits", opt=READ, tags=TAGS, summary="The visits of a day, by postcode district")
async def get_visits(
    request: Incoming, day: Day = None, ward: OneWard = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[VisitView]:
    """Visits to patients of the caller's wards, in order of the districts and then of the time."""
    return await look(request, lambda act: visits.visits(act, day, ward, limit, cursor))


ROUTES: list[Any] = [get_board, get_round, get_round_list, get_visits]
