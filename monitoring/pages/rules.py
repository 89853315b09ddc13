"""Rules as pages: what each pathway watches for, which changes are proposed, and the second person's decision."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from alert_rules.would_alert import Section, would_alert
from monitoring.acts import Act, Incoming, look
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.refusals import Forbidden
from monitoring.rules import deciding, views
from monitoring.rules.holding import pathway_at
from monitoring.rules.views import HeldView, Newest, ProposalDetail, ProposalView

SHOWN_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change, and why the caller may not approve or reject it; None: they may."""

    one: ProposalDetail
    not_approve: str | None
    not_reject: str | None


@get("/rules", opt={"allows": "read rules"}, include_in_schema=False)
async def get_rules_page(request: Incoming) -> Response[str]:
    """The pathways as they hold, and every change, newest first."""
    held, proposals = await look(request, _read)
    await goes_on(request)
    return page("rules.html", me=request.user, held=held, proposals=proposals)


@get("/rules/pathways/{pathway:str}", opt={"allows": "read rules", "whose": views.packaged}, include_in_schema=False)
async def get_pathway_page(request: Incoming, pathway: FromPath[str]) -> Response[str]:
    """What would alert by a pathway as it holds, in words; and a form to change its file."""
    sections, newest = await look(request, lambda act: _pathway(act, pathway))
    await goes_on(request)
    return page("pathway.html", me=request.user, name=pathway, sections=sections, newest=newest)


@get("/rules/{proposal:uuid}", opt={"allows": "read rules", "whose": views.proposal}, include_in_schema=False)
async def get_proposal_page(request: Incoming, proposal: FromPath[UUID]) -> Response[str]:
    """What a change changes, and the decision."""
    found = await look(request, lambda act: _proposal(act, proposal))
    await goes_on(request)
    return page("proposal.html", me=request.user, found=found)


def _read(act: Act) -> tuple[list[HeldView], list[ProposalView]]:
    return views.held(act, act.now), views.proposals(act, None, None, SHOWN_MAX, None).items


def _pathway(act: Act, name: str) -> tuple[list[Section], Newest]:
    views.packaged(act, name)
    pathway = pathway_at(act.session, name, act.now)
    return would_alert(pathway, pathway.ladders), views.newest(act, name)


def _proposal(act: Act, public_id: UUID) -> Proposal:
    one = views.proposal(act, public_id)
    return Proposal(one, _refusal(act, deciding.to_approve, public_id), _refusal(act, deciding.to_reject, public_id))


def _refusal(act: Act, judge: Callable[[Act, UUID], object], public_id: UUID) -> str | None:
    try:
        judge(act, public_id)
    except Forbidden as refused:
        return str(refused)
    return None


ROUTES: list[Any] = [get_rules_page, get_pathway_page, get_proposal_page]
"""Proposing and deciding are the API's: `/v1/rules`."""
