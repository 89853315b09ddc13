"""The caseload of admission prevention over HTTP."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.queries import WardFilter
from monitoring.recovery import prevention as caseloads
from monitoring.recovery.prevention import PreventionBody, PreventionClosedBody, PreventionView, State

TAGS: Final = ["prevention"]
OF: Final = "/v1/prevention/{prevention:uuid}"
WHOSE: Final = {"whose": caseloads.support}

InState = Annotated[
    State | None,
    QueryParameter(name="state", description="Only who is on it (open), or was (closed); both unless said"),
]


@post("/v1/prevention", opt={"allows": "run caseloads"}, tags=TAGS, summary="Put somebody on the caseload")
async def post_prevention(request: Incoming, data: JSONBody[PreventionBody]) -> Response[PreventionView]:
    """Social and practical support by a charity, before a stay or `after` one: no bed, no plan, no readings."""
    return await change(
        request, lambda act: caseloads.open_support(act, data), location=lambda made: f"/v1/prevention/{made.id}"
    )


@get("/v1/prevention", opt={"allows": "read patients"}, tags=TAGS, summary="The caseload, newest first")
async def get_preventions(
    request: Incoming,
    ward: WardFilter = None,
    in_state: InState = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[PreventionView]:
    """Of the caller's wards: who is supported, by whom, since when, before or after which stay."""
    return await look(request, lambda act: caseloads.caseload(act, ward, in_state, limit, cursor))


@get(OF, opt={"allows": "read patients"} | WHOSE, tags=TAGS, summary="One of the caseload")
async def get_prevention(request: Incoming, prevention: FromPath[UUID]) -> PreventionView:
    """Who is supported, and how it ended."""
    return await look(request, lambda act: caseloads.support(act, prevention))


@post(
    f"{OF}/close",
    opt={"allows": "run caseloads"} | WHOSE,
    tags=TAGS,
    status_code=200,
    summary="Take somebody off the caseload",
)
async def post_prevention_close(
    request: Incoming, prevention: FromPath[UUID], data: JSONBody[PreventionClosedBody]
) -> Response[PreventionView]:
    """The support is over, and why."""
    return await change(request, lambda act: caseloads.close_support(act, prevention, data))


ROUTES: list[Any] = [post_prevention, get_preventions, get_prevention, post_prevention_close]
