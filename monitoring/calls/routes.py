"""Calls to the cancer hotline over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from alert_rules.ukons import Result
from monitoring.acts import Incoming, change, look
from monitoring.calls import views
from monitoring.calls.taking import CallBody, take_call
from monitoring.calls.views import CallFilter, CallView
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.queries import WardFilter
from monitoring.service import service_of

TAGS = ["calls"]
WithResult = Annotated[Result | None, QueryParameter(name="result", description="Only calls with this result")]
OfPatient = Annotated[UUID | None, QueryParameter(name="patient", description="Only calls about this patient")]


@post("/v1/calls", opt={"allows": "take calls"}, tags=TAGS, summary="A call to the cancer hotline")
async def post_call(request: Incoming, data: JSONBody[CallBody]) -> Response[CallView]:
    """Triaged as it is taken. `ucr` asks a UCR team, `ward` raises an alert; less than the triage asks needs a reason.

    Fever or unwell within six weeks of systemic therapy: the acute oncology line or 999, and nothing less.
    """
    settings = service_of(request).settings
    return await change(
        request, lambda act: take_call(act, data, settings), location=lambda made: f"/v1/calls/{made.id}"
    )


@get("/v1/calls", opt={"allows": "read calls"}, tags=TAGS, summary="Calls to the cancer hotline, newest first")
async def get_calls(
    request: Incoming,
    result: WithResult = None,
    ward: WardFilter = None,
    patient: OfPatient = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[CallView]:
    """Those about patients of the caller's wards, and about people on none."""
    wanted = CallFilter(result, ward, patient)
    return await look(request, lambda act: views.calls(act, wanted, limit, cursor))


@get("/v1/calls/{call:uuid}", opt={"allows": "read calls", "whose": views.call}, tags=TAGS, summary="One call")
async def get_call(request: Incoming, call: FromPath[UUID]) -> CallView:
    """As it was taken, with what became of the referral that it made."""
    return await look(request, lambda act: views.call(act, call))


ROUTES: list[Any] = [post_call, get_calls, get_call]
