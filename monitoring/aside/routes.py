"""What was kept aside, over HTTP."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
import structlog
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from devices.reading import Arrival
from monitoring.acts import Act, Incoming, change, look
from monitoring.aside import deciding, views
from monitoring.aside.deciding import DiscardBody, ReleaseBody
from monitoring.aside.views import AsideFilter, SetAsideDetail, SetAsideView, StateName
from monitoring.intake.tables import Aside
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.queries import WardFilter
from monitoring.refusals import Unavailable
from monitoring.service import Service, service_of

log = structlog.get_logger()
TAGS = ["devices"]
InState = Annotated[StateName | None, QueryParameter(name="state", description="`decided`: released or discarded")]
DECIDE: Final[dict[str, Any]] = {
    "status_code": 200, "opt": {"allows": "decide kept-aside sets", "whose": deciding.to_decide}, "tags": TAGS,
}  # fmt: skip


@get("/v1/set-aside", opt={"allows": "read kept-aside sets"}, tags=TAGS, summary="What was kept aside, newest first")
async def get_set_aside(  # noqa: PLR0913 - the filters that people need
    request: Incoming,
    in_state: InState = None,
    reason: FromQuery[Aside | None] = None,
    device: FromQuery[UUID | None] = None,
    patient: FromQuery[UUID | None] = None,
    ward: WardFilter = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[SetAsideView]:
    """What arrived and was not scored: why, what we understand of it, and whose it may be.

    Engineers see all; clinicians and support workers what may be about a patient of theirs.
    """
    wanted = AsideFilter(in_state, reason, device, patient, ward)
    return await look(request, lambda act: views.listed(act, wanted, limit, cursor))


@get(
    "/v1/set-aside/{aside:uuid}",
    opt={"allows": "read kept-aside sets", "whose": views.one},
    tags=TAGS,
    summary="One thing that was kept aside",
)
async def get_one_aside(request: Incoming, aside: FromPath[UUID]) -> SetAsideDetail:
    """With the document that it came in, and what was decided by whom."""
    return await look(request, lambda act: views.one(act, aside))


@post("/v1/set-aside/{aside:uuid}/release", **DECIDE, summary="Release it to be scored")
async def post_release(
    request: Incoming, aside: FromPath[UUID], data: JSONBody[ReleaseBody | None] = None
) -> Response[SetAsideDetail]:
    """It is scored as any set is, as of its time; `scored_at` and `set` say when that is done.

    What was in doubt has to be said: `patient` where nobody knows whose it is, `taken_at` where nobody knows when.
    """
    decided: list[Arrival] = []

    def use_case(act: Act) -> SetAsideDetail:
        shown = deciding.release(act, aside, data or ReleaseBody())
        decided[:] = [deciding.released(act, aside)]
        return shown

    answer = await change(request, use_case)
    for one in decided:
        await _queue(service_of(request), one)
    return answer


@post("/v1/set-aside/{aside:uuid}/discard", **DECIDE, summary="Discard it")
async def post_discard(
    request: Incoming, aside: FromPath[UUID], data: JSONBody[DiscardBody]
) -> Response[SetAsideDetail]:
    """Nothing comes of it; it stays visible, with who decided so and why."""
    return await change(request, lambda act: deciding.discard(act, aside, data))


async def _queue(service: Service, one: Arrival) -> None:
    """Onto the stream. With the queue away the timekeeper does it: what was decided is in the database."""
    try:
        await service.inlet.append(abs(one.source), msgspec.json.encode(one))
    except Unavailable:
        log.warning("release_not_queued", released=one.released)


ROUTES: list[Any] = [get_set_aside, get_one_aside, post_release, post_discard]
