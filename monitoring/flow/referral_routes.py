"""Referrals and the waiting list over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.fields import WardCode
from monitoring.flow import decisions, referral_views
from monitoring.flow.decisions import AcceptBody, AdmitBody, EndBody, RedirectBody, TriageBody
from monitoring.flow.referral_views import ReferralDetail, ReferralFilter, ReferralView
from monitoring.flow.referrals import ReferralBody, refer
from monitoring.flow.states import Move, State
from monitoring.flow.waiting import WaitingView, waiting
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.refusals import unacceptable
from monitoring.wards.beds import ward_in_path

TAGS = ["referrals"]
DECIDE: dict[str, Any] = {
    "opt": {"allows": "decide referrals", "whose": referral_views.referral},
    "tags": TAGS,
    "status_code": 200,
}
Code = Annotated[str | None, QueryParameter(max_length=32, pattern=r"^[A-Za-z0-9_-]*$")]

InState = Annotated[str | None, QueryParameter(name="state", schema_extra={"enum": [str(state) for state in State]})]
"""Judged by us: the framework would name it as the function does, which may not call it `state`."""


@post("/v1/referrals", opt={"allows": "refer"}, tags=TAGS, summary="Refer a patient to a ward")
async def post_referral(request: Incoming, data: JSONBody[ReferralBody]) -> Response[ReferralDetail]:
    """A patient may come with no NHS number; `at` says when the referral was received, where it is told late."""
    return await change(request, lambda act: refer(act, data), location=lambda made: f"/v1/referrals/{made.id}")


@get("/v1/referrals", opt={"allows": "read referrals"}, tags=TAGS, summary="Referrals, newest first")
async def get_referrals(
    request: Incoming,
    in_state: InState = None,
    ward: Code = None,
    patient: FromQuery[UUID | None] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[ReferralView]:
    """Referrals to the caller's wards."""
    wanted = ReferralFilter(_state(in_state), ward, patient)
    return await look(request, lambda act: referral_views.referrals(act, wanted, limit, cursor))


@get(
    "/v1/referrals/{referral:uuid}",
    opt={"allows": "read referrals", "whose": referral_views.referral},
    tags=TAGS,
    summary="One referral",
)
async def get_referral(request: Incoming, referral: FromPath[UUID]) -> ReferralDetail:
    """What was asked, and everything that was decided."""
    return await look(request, lambda act: referral_views.referral(act, referral))


@post("/v1/referrals/{referral:uuid}/triage", **DECIDE, summary="Say how urgent")
async def post_triage(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[TriageBody | None] = None
) -> Response[ReferralDetail]:
    """Triaged again, somebody who waits takes the place that the new priority gives."""
    return await change(request, lambda act: decisions.triage(act, referral, data or TriageBody()))


@post("/v1/referrals/{referral:uuid}/accept", **DECIDE, summary="Hold a bed")
async def post_accept(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[AcceptBody | None] = None
) -> Response[ReferralDetail]:
    """Hold a bed, for 4 h unless said otherwise. No bed is free: 409, and the referral is in the waiting list."""
    return await change(request, lambda act: decisions.accept(act, referral, data or AcceptBody()))


@post("/v1/referrals/{referral:uuid}/decline", **DECIDE, summary="Decline")
async def post_decline(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[EndBody]
) -> Response[ReferralDetail]:
    """The ward does not take the patient; a bed that was held is free at once."""
    return await change(request, lambda act: decisions.end(act, referral, Move.DECLINE, data))


@post("/v1/referrals/{referral:uuid}/redirect", **DECIDE, summary="Send elsewhere")
async def post_redirect(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[RedirectBody]
) -> Response[ReferralDetail]:
    """Another service is the right one; a bed that was held is free at once."""
    return await change(request, lambda act: decisions.end(act, referral, Move.REDIRECT, data))


@post("/v1/referrals/{referral:uuid}/withdraw", **DECIDE, summary="Withdraw")
async def post_withdraw(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[EndBody]
) -> Response[ReferralDetail]:
    """The referrer or the patient no longer asks for it; a bed that was held is free at once."""
    return await change(request, lambda act: decisions.end(act, referral, Move.WITHDRAW, data))


@post("/v1/referrals/{referral:uuid}/not-onboarded", **DECIDE, summary="Say that monitoring never began")
async def post_not_onboarded(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[EndBody]
) -> Response[ReferralDetail]:
    """Accepted, and monitoring never began; the bed that was held is free at once."""
    return await change(request, lambda act: decisions.end(act, referral, Move.NOT_ONBOARD, data))


@post(
    "/v1/referrals/{referral:uuid}/admit",
    opt={"allows": "admit", "whose": referral_views.referral},
    tags=TAGS,
    status_code=200,
    summary="Start the spell",
)
async def post_admit(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[AdmitBody | None] = None
) -> Response[ReferralDetail]:
    """Into the bed that was held, with the pathway's plan where none is named; `episode` is the spell."""
    return await change(request, lambda act: decisions.admit(act, referral, data or AdmitBody()))


@get(
    "/v1/wards/{code:str}/waiting",
    opt={"allows": "read referrals", "whose": ward_in_path},
    tags=TAGS,
    summary="Who waits for a bed",
)
async def get_waiting(
    request: Incoming, code: FromPath[WardCode], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[WaitingView]:
    """By clinical priority, then by the time waited; `offered`: a bed is free for this one now."""
    return await look(request, lambda act: waiting(act, code, limit, cursor))


def _state(named: str | None) -> State | None:
    if named is not None and named not in set(State):
        raise unacceptable("state", f"is not one of {', '.join(State)}")
    return None if named is None else State(named)


ROUTES: list[Any] = [
    post_referral, get_referrals, get_referral, post_triage, post_accept, post_decline, post_redirect, post_withdraw,
    post_not_onboarded, post_admit, get_waiting,
]  # fmt: skip
