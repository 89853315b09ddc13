"""UCR teams and the referrals to them over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.fields import WARD_CODE, WardCode
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.queries import WardFilter
from monitoring.refusals import unacceptable
from monitoring.service import service_of
from monitoring.ucr import answering, by_ward, teams, views
from monitoring.ucr.answering import UcrCompleteBody, UcrDeclineBody
from monitoring.ucr.by_ward import UcrCancelBody, UcrPlaceBody
from monitoring.ucr.holding import UcrActBody
from monitoring.ucr.referring import UcrReferralBody, refer_by_hand
from monitoring.ucr.states import State
from monitoring.ucr.teams import UcrTeamBody, UcrTeamView
from monitoring.ucr.views import UcrFilter, UcrReferralDetail, UcrReferralView

TAGS = ["ucr"]
TeamFilter = Annotated[str | None, QueryParameter(pattern=WARD_CODE, description="A team's code")]
InState = Annotated[str | None, QueryParameter(name="state", schema_extra={"enum": [str(state) for state in State]})]
"""Judged by us: the framework would name it as the function does, which may not call it `state`."""


def _decide(allows: str) -> dict[str, Any]:
    return {"opt": {"allows": allows, "whose": views.to_answer}, "tags": TAGS, "status_code": 200}


ANSWER = _decide("answer ucr")


@get("/v1/ucr/teams", opt={"allows": "read ucr"}, tags=TAGS, summary="UCR teams, newest first")
async def get_teams(request: Incoming, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[UcrTeamView]:
    """Where, when and what for they come, and how many visits they have now."""
    return await look(request, lambda act: teams.teams(act, limit, cursor))


@get("/v1/ucr/teams/{code:str}", opt={"allows": "read ucr", "whose": teams.team}, tags=TAGS, summary="One UCR team")
async def get_team(request: Incoming, code: FromPath[WardCode]) -> UcrTeamView:
    """A team as it is."""
    return await look(request, lambda act: teams.team(act, code))


@put(
    "/v1/ucr/teams/{code:str}",
    opt={"allows": "manage ucr teams", "whose": teams.to_manage},
    tags=TAGS,
    summary="Make or change a UCR team",
)
async def put_ucr_team(request: Incoming, code: FromPath[str], data: JSONBody[UcrTeamBody]) -> Response[UcrTeamView]:
    """The whole of it. With a webhook and without a secret one is made, and shown this once."""
    allow = service_of(request).settings.webhook_allow_private
    return await change(request, lambda act: teams.put_team(act, code, data, allow_private=allow))


@post("/v1/ucr/referrals", opt={"allows": "refer to ucr"}, tags=TAGS, summary="Ask a UCR team to see a patient")
async def post_ucr_referral(request: Incoming, data: JSONBody[UcrReferralBody]) -> Response[UcrReferralDetail]:
    """To the most suitable team; `unplaced` where none is. Not for children, and not for emergencies: 999."""
    return await change(
        request, lambda act: refer_by_hand(act, data), location=lambda made: f"/v1/ucr/referrals/{made.id}"
    )


@get("/v1/ucr/referrals", opt={"allows": "read ucr"}, tags=TAGS, summary="Referrals to UCR teams, newest first")
async def get_ucr_referrals(
    request: Incoming,
    team: TeamFilter = None,
    in_state: InState = None,
    ward: WardFilter = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[UcrReferralView]:
    """Of the caller's teams or wards."""
    wanted = UcrFilter(team, _state(in_state), ward)
    return await look(request, lambda act: views.referrals(act, wanted, limit, cursor))


@get(
    "/v1/ucr/referrals/{referral:uuid}",
    opt={"allows": "read ucr", "whose": views.to_answer},
    tags=TAGS,
    summary="One referral to a UCR team",
)
async def get_ucr_referral(request: Incoming, referral: FromPath[UUID]) -> UcrReferralDetail:
    """With the handover as it was sent and as it is now, why it went to this team, and its clock."""
    return await look(request, lambda act: views.referral(act, referral))


@post("/v1/ucr/referrals/{referral:uuid}/accept", **ANSWER, summary="Take the patient")
async def post_ucr_accept(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[UcrActBody | None] = None
) -> Response[UcrReferralDetail]:
    """Acknowledges the alert in the caller's name, unless it is critical. It never resolves it."""
    return await change(request, lambda act: answering.accept(act, referral, data or UcrActBody()))


@post("/v1/ucr/referrals/{referral:uuid}/decline", **ANSWER, summary="Decline, or hand back")
async def post_ucr_decline(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[UcrDeclineBody]
) -> Response[UcrReferralDetail]:
    """At once on to the next suitable team, on the same clock; with none left, the ladder's next step."""
    return await change(request, lambda act: answering.decline(act, referral, data))


@post("/v1/ucr/referrals/{referral:uuid}/dispatch", **ANSWER, summary="Somebody is on the way")
async def post_ucr_dispatch(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[UcrActBody | None] = None
) -> Response[UcrReferralDetail]:
    """The clock runs on."""
    return await change(request, lambda act: answering.dispatch(act, referral, data or UcrActBody()))


@post("/v1/ucr/referrals/{referral:uuid}/arrive", **ANSWER, summary="Somebody is with the patient")
async def post_ucr_arrive(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[UcrActBody | None] = None
) -> Response[UcrReferralDetail]:
    """The first face-to-face contact stops the clock; a phone call never does."""
    return await change(request, lambda act: answering.arrive(act, referral, data or UcrActBody()))


@post("/v1/ucr/referrals/{referral:uuid}/complete", **ANSWER, summary="Say how it ended")
async def post_ucr_complete(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[UcrCompleteBody]
) -> Response[UcrReferralDetail]:
    """After a visit; before one only where the patient was conveyed, died, or nobody let the team in."""
    return await change(request, lambda act: answering.complete(act, referral, data))


@post("/v1/ucr/referrals/{referral:uuid}/cancel", **_decide("cancel ucr"), summary="Call it off")
async def post_ucr_cancel(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[UcrCancelBody | None] = None
) -> Response[UcrReferralDetail]:
    """By the team or the ward. The alert's ladder goes on at once, where the alert has not ended."""
    return await change(request, lambda act: by_ward.cancel(act, referral, data or UcrCancelBody()))


@post("/v1/ucr/referrals/{referral:uuid}/review", **_decide("review ucr"), summary="Review what was asked for")
async def post_ucr_review(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[UcrActBody | None] = None
) -> Response[UcrReferralDetail]:
    """A clinician has looked at a referral that a ladder made."""
    return await change(request, lambda act: by_ward.review(act, referral, data or UcrActBody()))


@post("/v1/ucr/referrals/{referral:uuid}/place", **_decide("refer to ucr"), summary="Look for a team again")
async def post_ucr_place(
    request: Incoming, referral: FromPath[UUID], data: JSONBody[UcrPlaceBody | None] = None
) -> Response[UcrReferralDetail]:
    """For one that is unplaced: 409 says why there is still no team."""
    return await change(request, lambda act: by_ward.place_again(act, referral, data or UcrPlaceBody()))


def _state(named: str | None) -> State | None:
    if named is not None and named not in set(State):
        raise unacceptable("state", f"is not one of {', '.join(State)}")
    return None if named is None else State(named)


ROUTES: list[Any] = [
    get_teams, get_team, put_ucr_team, post_ucr_referral, get_ucr_referrals, get_ucr_referral, post_ucr_accept,
    post_ucr_decline, post_ucr_dispatch, post_ucr_arrive, post_ucr_complete, post_ucr_cancel, post_ucr_review,
    post_ucr_place,
]  # fmt: skip
