"""Beds over HTTP: what is funded and staffed from when, what is occupied, and the population that they are for."""

from typing import Annotated, Any

from litestar import Response, get, put
from litestar.params import FromPath, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.fields import OdsCode, WardCode
from monitoring.moments import instant
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.wards import capacity, occupancy, populations
from monitoring.wards.beds import ward_in_path
from monitoring.wards.capacity import CapacityBody, CapacityView
from monitoring.wards.occupancy import OccupancyView
from monitoring.wards.populations import PopulationBody, PopulationView

TAGS = ["beds"]

At = Annotated[str | None, QueryParameter(description="An instant, RFC 3339; now where none is given")]


@put(
    "/v1/wards/{code:str}/capacity",
    opt={"allows": "manage wards", "whose": ward_in_path},
    tags=TAGS,
    summary="Beds from an instant on",
)
async def put_capacity(
    request: Incoming, code: FromPath[WardCode], data: JSONBody[CapacityBody]
) -> Response[CapacityView]:
    """Decide the beds from now or from any instant on; staffing more than are funded (surge) needs a `reason`.

    Beds for an instant to come are told live, and offered to who waits, when it comes. What was decided before is
    kept. The same decision for the same instant again changes nothing; another one for an
    instant that was decided before stands in its place.
    """
    return await change(request, lambda act: capacity.set_capacity(act, code, data))


@get(
    "/v1/wards/{code:str}/capacity",
    opt={"allows": "read wards", "whose": ward_in_path},
    tags=TAGS,
    summary="Every decision on a ward's beds",
)
async def get_capacity(
    request: Incoming, code: FromPath[WardCode], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[CapacityView]:
    """Who decided on how many beds, from when and why: the latest decision first, those to come among them."""
    return await look(request, lambda act: capacity.capacity_history(act, code, limit, cursor))


@get(
    "/v1/wards/{code:str}/occupancy",
    opt={"allows": "read wards", "whose": ward_in_path},
    tags=TAGS,
    summary="Occupancy at an instant",
)
async def get_occupancy(request: Incoming, code: FromPath[WardCode], at: At = None) -> OccupancyView:
    """The beds now or at any instant, past ones too, and now the patients to each member of staff by shift.

    Of an instant to come: the beds planned for then, who is in now, and the holds that will not have ended.
    """
    when = instant("at", at)
    return await look(request, lambda act: occupancy.occupancy(act, code, when))


@put(
    "/v1/icbs/{code:str}/population",
    opt={"allows": "manage wards"},
    tags=TAGS,
    summary="An ICB's registered population",
)
async def put_population(
    request: Incoming, code: FromPath[OdsCode], data: JSONBody[PopulationBody]
) -> Response[PopulationView]:
    """How many people are registered from a day on, aged 16 and over or of all ages."""
    return await change(request, lambda act: populations.set_population(act, code, data))


@get("/v1/icbs/{code:str}/population", opt={"allows": "read wards"}, tags=TAGS, summary="An ICB's populations")
async def get_populations(
    request: Incoming, code: FromPath[OdsCode], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[PopulationView]:
    """What was recorded of an ICB's population, newest first."""
    return await look(request, lambda act: populations.populations(act, code, limit, cursor))


ROUTES: list[Any] = [put_capacity, get_capacity, get_occupancy, put_population, get_populations]
