"""Accepted values over HTTP."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from monitoring.accepted.deciding import (
    AcceptedBody,
    WithdrawBody,
    accept,
    accepted_of,
    accepted_value,
    may_accept,
    withdraw,
)
from monitoring.accepted.views import AcceptedView
from monitoring.acts import Incoming, change, look
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.patients.register import find

TAGS = ["patients"]
PATH = "/v1/patients/{patient:uuid}/accepted-values"
READ: dict[str, Any] = {"opt": {"allows": "read patients", "whose": find}, "tags": TAGS}


@post(PATH, opt={"allows": "accept values", "whose": may_accept}, tags=TAGS, summary="Accept a value")
async def post_accepted_value(
    request: Incoming, patient: FromPath[UUID], data: JSONBody[AcceptedBody]
) -> Response[AcceptedView]:
    """A senior clinician accepts one vital sign down (`down_to`) or up (`up_to`) to a value, for 7 days at most.

    Within it, what is red by that vital sign alone and by a bound shows amber. Beyond it, and for everything that NEWS2
    says as a whole, what is critical by itself, and every other vital sign, it alarms as before. It ends by itself.
    One at a time: 409 while another holds.
    """
    return await change(
        request,
        lambda act: accept(act, patient, data),
        location=lambda made: f"/v1/patients/{patient}/accepted-values/{made.id}",
    )


@get(PATH, **READ, summary="Accepted values, newest first")
async def get_accepted_values(
    request: Incoming, patient: FromPath[UUID], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[AcceptedView]:
    """All that was ever accepted of a patient: what holds now is `in_force`."""
    return await look(request, lambda act: accepted_of(act, patient, limit, cursor))


@get(f"{PATH}/{{value:uuid}}", **READ, summary="One accepted value")
async def get_accepted_value(request: Incoming, patient: FromPath[UUID], value: FromPath[UUID]) -> AcceptedView:
    """Who accepted what until when, why, and whether it holds."""
    return await look(request, lambda act: accepted_value(act, patient, value))


@post(
    f"{PATH}/{{value:uuid}}/withdraw",
    status_code=200,
    opt={"allows": "decide plans", "whose": find},
    tags=TAGS,
    summary="Withdraw an accepted value",
)
async def post_withdraw(
    request: Incoming, patient: FromPath[UUID], value: FromPath[UUID], data: JSONBody[WithdrawBody]
) -> Response[AcceptedView]:
    """It ends now, with a reason: what is taken from now on alarms as before. 409 where it has ended already."""
    return await change(request, lambda act: withdraw(act, patient, value, data))


ROUTES: list[Any] = [post_accepted_value, get_accepted_values, get_accepted_value, post_withdraw]
