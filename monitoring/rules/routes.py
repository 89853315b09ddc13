"""Rules over HTTP: which hold, what is proposed, and what a second person decided of it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.fields import in_utc
from monitoring.moments import instant
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.rules import deciding, views
from monitoring.rules.deciding import ApproveBody, ProposalBody, RejectBody
from monitoring.rules.views import HeldDetail, HeldView, ProposalDetail, ProposalView, StateName

TAGS = ["rules"]
At = Annotated[str | None, QueryParameter(description="An instant, RFC 3339; now where none is given")]
OfPathway = Annotated[str | None, QueryParameter(max_length=64, pattern="^[a-z0-9_]+$", description="A pathway's name")]
InState = Annotated[StateName | None, QueryParameter(name="state")]


@get("/v1/rules/pathways", opt={"allows": "read rules"}, tags=TAGS, summary="The pathways as they hold")
async def get_pathways(request: Incoming, at: At = None) -> Page[HeldView]:
    """Which version of each holds at an instant, and which are approved and still to come."""
    when = _moment(at)
    return await look(request, lambda act: Page(views.held(act, when or act.now), None))


@get(
    "/v1/rules/pathways/{pathway:str}",
    opt={"allows": "read rules", "whose": views.packaged},
    tags=TAGS,
    summary="One pathway as it holds, with its file",
)
async def get_pathway(request: Incoming, pathway: FromPath[str], at: At = None) -> HeldDetail:
    """`content` is what to change and to propose."""
    when = _moment(at)
    return await look(request, lambda act: views.held_one(act, pathway, when or act.now))


@get("/v1/rules", opt={"allows": "read rules"}, tags=TAGS, summary="Changes of pathways, newest first")
async def get_rules(
    request: Incoming, pathway: OfPathway = None, in_state: InState = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[ProposalView]:
    """Every change that was ever proposed: by whom, why, and who approved or rejected it."""
    return await look(request, lambda act: views.proposals(act, pathway, in_state, limit, cursor))


@post("/v1/rules", opt={"allows": "propose rules"}, tags=TAGS, summary="Propose a changed pathway")
async def post_rules(request: Incoming, data: JSONBody[ProposalBody]) -> Response[ProposalDetail]:
    """A pathway's TOML file, whole, and why it shall change. Nothing changes until another person approves it.

    Registered clinicians do. A file that can't be used is refused with the line and the reason; the answer says what it
    changes, key by key and in the words of `virtual-ward rules explain`.
    """
    return await change(request, lambda act: deciding.propose(act, data), location=lambda made: f"/v1/rules/{made.id}")


@get(
    "/v1/rules/{proposal:uuid}",
    opt={"allows": "read rules", "whose": views.proposal},
    tags=TAGS,
    summary="One change of a pathway",
)
async def get_rule(request: Incoming, proposal: FromPath[UUID]) -> ProposalDetail:
    """With what it changes, and the file."""
    return await look(request, lambda act: views.proposal(act, proposal))


@post(
    "/v1/rules/{proposal:uuid}/approve",
    status_code=200,
    opt={"allows": "decide rules", "whose": deciding.to_approve},
    tags=TAGS,
    summary="Approve a change of a pathway",
)
async def post_approve(
    request: Incoming, proposal: FromPath[UUID], data: JSONBody[ApproveBody | None] = None
) -> Response[ProposalDetail]:
    """It holds from `from` on, or from now: for sets taken since, in every process, without a restart.

    A registered senior clinician of every ward does, who is not the one that proposed it. Where another change was
    approved since it was proposed, 409 says which holds: it would be undone.
    """
    return await change(request, lambda act: deciding.approve(act, proposal, data or ApproveBody()))


@post(
    "/v1/rules/{proposal:uuid}/reject",
    status_code=200,
    opt={"allows": "decide rules", "whose": deciding.to_reject},
    tags=TAGS,
    summary="Reject a change of a pathway",
)
async def post_reject(
    request: Incoming, proposal: FromPath[UUID], data: JSONBody[RejectBody]
) -> Response[ProposalDetail]:
    """It never holds, and stays visible with the reason. Who proposed it takes it back so."""
    return await change(request, lambda act: deciding.reject(act, proposal, data))


def _moment(at: str | None) -> datetime | None:
    asked = instant("at", at)
    return None if asked is None else in_utc("at", asked)


ROUTES: list[Any] = [get_pathways, get_pathway, get_rules, post_rules, get_rule, post_approve, post_reject]
