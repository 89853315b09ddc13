"""Hospital inpatients suitable for a ward, over HTTP."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.fields import WardCode
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.rounds import inpatients
from monitoring.rounds.inpatients import (
    DeclineInpatientBody,
    InpatientBody,
    InpatientFacts,
    InpatientView,
    ReferInpatientBody,
)
from monitoring.rounds.tables import InpatientState
from monitoring.wards.beds import ward_in_path

TAGS: Final = ["inpatients"]
REFER: Final[dict[str, Any]] = {"allows": "refer"}
READ: Final[dict[str, Any]] = {"allows": "read referrals"}
OF: Final = "/v1/inpatients/{inpatient:uuid}"
OF_CALLER: Final = {"whose": inpatients.inpatient}

InState = Annotated[
    InpatientState, QueryParameter(name="state", description="Those that wait for a decision, unless said otherwise")
]


@post("/v1/inpatients", opt=REFER, tags=TAGS, summary="Propose a hospital inpatient to a ward")
async def post_inpatient(request: Incoming, data: JSONBody[InpatientBody]) -> Response[InpatientView]:
    """Found suitable in hospital: where, why, and by whom."""
    return await change(
        request, lambda act: inpatients.propose(act, data), location=lambda made: f"/v1/inpatients/{made.id}"
    )


@get(OF, opt=READ | OF_CALLER, tags=TAGS, summary="One proposed inpatient")
async def get_inpatient(request: Incoming, inpatient: FromPath[UUID]) -> InpatientView:
    """A proposal, and what became of it."""
    return await look(request, lambda act: inpatients.inpatient(act, inpatient))


@put(OF, opt=REFER | OF_CALLER, tags=TAGS, summary="Correct what is known of an inpatient")
async def put_inpatient(
    request: Incoming, inpatient: FromPath[UUID], data: JSONBody[InpatientFacts]
) -> Response[InpatientView]:
    """Replaces it whole, until it is decided."""
    return await change(request, lambda act: inpatients.correct(act, inpatient, data))


@post(f"{OF}/refer", opt=REFER | OF_CALLER, tags=TAGS, status_code=200, summary="Refer the inpatient to the ward")
async def post_refer(
    request: Incoming, inpatient: FromPath[UUID], data: JSONBody[ReferInpatientBody | None] = None
) -> Response[InpatientView]:
    """Makes a referral to step down, with what is known; `referral` is that."""
    return await change(request, lambda act: inpatients.refer_inpatient(act, inpatient, data or ReferInpatientBody()))


@post(f"{OF}/decline", opt=REFER | OF_CALLER, tags=TAGS, status_code=200, summary="Decline the inpatient")
async def post_decline(
    request: Incoming, inpatient: FromPath[UUID], data: JSONBody[DeclineInpatientBody]
) -> Response[InpatientView]:
    """The ward is not for them, and why."""
    return await change(request, lambda act: inpatients.decline_inpatient(act, inpatient, data))


@get(
    "/v1/wards/{code:str}/suitable",
    opt=READ | {"whose": ward_in_path},
    tags=TAGS,
    summary="Hospital inpatients suitable for the ward",
)
async def get_suitable(
    request: Incoming,
    code: FromPath[WardCode],
    in_state: InState = InpatientState.PROPOSED,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[InpatientView]:
    """Who was found suitable and is not decided yet, newest first; or who was referred, or declined."""
    return await look(request, lambda act: inpatients.suitable(act, code, in_state, limit, cursor))


ROUTES: list[Any] = [post_inpatient, get_inpatient, put_inpatient, post_refer, post_decline, get_suitable]
