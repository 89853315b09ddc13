"""Escalation over HTTP: ladders, ways out, and an alert's own ladder."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody

from monitoring.acts import Incoming, change, look
from monitoring.alerts import answers, finding
from monitoring.alerts.views import AlertDetail
from monitoring.escalation import by_hand, deciding, routes_out
from monitoring.escalation.by_hand import EmergencyCallBody, EmergencyCallView, EscalateBody, EscalationView
from monitoring.escalation.deciding import LaddersView
from monitoring.escalation.routes_out import Name, RouteBody, RoutesView
from monitoring.fields import WardCode
from monitoring.service import service_of
from monitoring.wards.beds import ward_in_path

TAGS = ["escalation"]


@get(
    "/v1/wards/{code:str}/ladders",
    opt={"allows": "read ladders", "whose": ward_in_path},
    tags=TAGS,
    summary="Who is told of a ward's alerts, step by step",
)
async def get_ladders(request: Incoming, code: FromPath[WardCode]) -> LaddersView:
    """The ladders in force by severity: the ward's own, its pathway's where it has none."""
    return await look(request, lambda act: deciding.ladders(act, code))


@put(
    "/v1/wards/{code:str}/ladders",
    opt={"allows": "decide who is told", "whose": ward_in_path},
    tags=TAGS,
    summary="A ward's own ladders",
)
async def put_ladders(
    request: Incoming, code: FromPath[WardCode], data: JSONBody[dict[str, list[dict[str, Any]]]]
) -> Response[LaddersView]:
    """By severity, in place of the pathway's. Each must end at `fallback`, with `to`: who is always there."""
    allow = service_of(request).settings.webhook_allow_private
    return await change(request, lambda act: deciding.set_ladders(act, code, data, allow_private=allow))


@get(
    "/v1/wards/{code:str}/routes",
    opt={"allows": "read ladders", "whose": ward_in_path},
    tags=TAGS,
    summary="A ward's ways out",
)
async def get_routes(request: Incoming, code: FromPath[WardCode]) -> RoutesView:
    """999, the acute take, the GP out of hours, …: number, hours, where a message reaches them."""
    return await look(request, lambda act: routes_out.routes(act, code))


@put(
    "/v1/wards/{code:str}/routes",
    opt={"allows": "decide who is told", "whose": ward_in_path},
    tags=TAGS,
    summary="Say a ward's ways out",
)
async def put_routes(
    request: Incoming, code: FromPath[WardCode], data: JSONBody[dict[Name, RouteBody]]
) -> Response[RoutesView]:
    """All of them: what is not named is no way out any more, but for 999."""
    allow = service_of(request).settings.webhook_allow_private
    return await change(request, lambda act: routes_out.set_routes(act, code, data, allow_private=allow))


@get(
    "/v1/alerts/{alert:uuid}/escalation",
    opt={"allows": "read alerts", "whose": finding.alert},
    tags=TAGS,
    summary="How an alert stands on its ladder",
)
async def get_escalation(request: Incoming, alert: FromPath[UUID]) -> EscalationView:
    """What comes next and when, who was told and how, and whether it arrived."""
    return await look(request, lambda act: by_hand.escalation(act, alert))


@post(
    "/v1/alerts/{alert:uuid}/escalate",
    status_code=200,
    opt={"allows": "answer alerts", "whose": answers.to_answer},
    tags=TAGS,
    summary="Tell somebody else now",
)
async def post_escalate(
    request: Incoming, alert: FromPath[UUID], data: JSONBody[EscalateBody]
) -> Response[AlertDetail]:
    """To the ladder's next step, a role on duty, a rota, a UCR team, or a way out; 409 says why nobody was told."""
    settings = service_of(request).settings
    return await change(request, lambda act: by_hand.escalate(act, alert, data, settings))


@post(
    "/v1/alerts/{alert:uuid}/emergency-calls",
    opt={"allows": "answer alerts", "whose": answers.to_answer},
    tags=TAGS,
    summary="Record a 999 call",
)
async def post_emergency_call(
    request: Incoming, alert: FromPath[UUID], data: JSONBody[EmergencyCallBody]
) -> Response[EmergencyCallView]:
    """Who decided, who called, the incident number, who is with the patient, whether and where they were conveyed."""
    return await change(
        request, lambda act: by_hand.call_999(act, alert, data), location=lambda _: f"/v1/alerts/{alert}/escalation"
    )


ROUTES: list[Any] = [
    get_ladders, put_ladders, get_routes, put_routes, get_escalation, post_escalate, post_emergency_call,
]  # fmt: skip
