"""Duty over HTTP: rotas, who is on duty, gaps, the handover of a shift; staff, and how each is told."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from monitoring.access.roles import Role
from monitoring.acts import Act, Incoming, change, look
from monitoring.alerts import answers
from monitoring.alerts.answers import AcknowledgeBody
from monitoring.alerts.views import AlertDetail
from monitoring.duty import contacts, gaps, going_off, handover, on_duty, rotas, staff
from monitoring.duty.contacts import ContactsBody, ContactView
from monitoring.duty.gaps import GapsView
from monitoring.duty.going_off import HandoverView
from monitoring.duty.handover import HandOverBody
from monitoring.duty.on_duty import DutyView
from monitoring.duty.rotas import RotaBody, RotaView
from monitoring.duty.staff import StaffView
from monitoring.fields import WardCode, in_utc
from monitoring.moments import instant
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.queries import WardFilter
from monitoring.refusals import unacceptable
from monitoring.service import service_of

TAGS = ["duty"]
READ: Final[dict[str, Any]] = {"opt": {"allows": "read duty"}, "tags": TAGS}
ANSWER: Final[dict[str, Any]] = {
    "opt": {"allows": "answer alerts", "whose": answers.to_answer},
    "status_code": 200,
    "tags": ["alerts"],
}

At = Annotated[str | None, QueryParameter(description="An instant; now where none is given")]


@get("/v1/staff", **READ, summary="Staff, newest first")
async def get_staff(
    request: Incoming,
    ward: WardFilter = None,
    role: FromQuery[Role | None] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[StaffView]:
    """Who works on the caller's wards."""
    return await look(request, lambda act: staff.staff(act, ward, role, limit, cursor))


@get(
    "/v1/staff/{staff_id:uuid}/contacts",
    opt={"allows": "read contacts", "whose": contacts.to_look_at},
    tags=TAGS,
    summary="How somebody is told",
)
async def get_contacts(request: Incoming, staff_id: FromPath[UUID]) -> list[ContactView]:
    """In order of preference; without secrets."""
    return await look(request, lambda act: contacts.contacts(act, staff_id))


@put(
    "/v1/staff/{staff_id:uuid}/contacts",
    opt={"allows": "set contacts", "whose": contacts.theirs},
    tags=TAGS,
    summary="Say how somebody is told",
)
async def put_contacts(
    request: Incoming, staff_id: FromPath[UUID], data: JSONBody[ContactsBody]
) -> Response[list[ContactView]]:
    """One's own, or by coordinators those of their wards' staff. A secret that is made is shown in this answer only.

    A webhook that is named again without a secret keeps its own; a new secret signs beside the one before for 24 h.
    """
    allow = service_of(request).settings.webhook_allow_private

    def use_case(act: Act) -> list[ContactView]:
        return contacts.set_contacts(act, staff_id, data, allow_private=allow)

    return await change(request, use_case)


@get("/v1/rotas", **READ, summary="Rotas, newest first")
async def get_rotas(
    request: Incoming, ward: WardFilter = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[RotaView]:
    """The rotas of the caller's wards."""
    return await look(request, lambda act: rotas.rotas(act, ward, limit, cursor))


@get("/v1/rotas/{code:str}", opt={"allows": "read duty", "whose": rotas.rota}, tags=TAGS, summary="One rota")
async def get_rota(request: Incoming, code: FromPath[WardCode]) -> RotaView:
    """A weekly pattern and what differs from it."""
    return await look(request, lambda act: rotas.rota(act, code))


@put(
    "/v1/rotas/{code:str}",
    opt={"allows": "manage rotas", "whose": rotas.to_replace},
    tags=TAGS,
    summary="Make a rota, or say it anew",
)
async def put_rota(request: Incoming, code: FromPath[WardCode], data: JSONBody[RotaBody]) -> Response[RotaView]:
    """Local times, `24:00` ends a day, an end not after its start runs past midnight.

    `bank_holiday` entries stand in place of the weekday's on bank holidays of England, where there are any. Overrides
    win over the week, a later one over an earlier one. Staff who stand in no rota of a ward are on duty in its staffed
    hours.
    """
    return await change(request, lambda act: rotas.set_rota(act, code, data))


@get("/v1/duty", **READ, summary="Who is on duty")
async def get_duty(request: Incoming, ward: WardFilter = None, at: At = None) -> DutyView:
    """Everybody on duty on a ward at an instant."""
    asked, when = _named(ward), instant("at", at)
    moment = None if when is None else in_utc("at", when)
    return await look(request, lambda act: on_duty.who_is_on_duty(act, asked, moment or act.now))


@get("/v1/duty/gaps", **READ, summary="When nobody is on duty")
async def get_gaps(request: Incoming, ward: WardFilter = None) -> GapsView:
    """The next 14 days: when nobody is on duty whom the ward's ladders tell; who is on duty and cannot be told."""
    asked = _named(ward)
    return await look(request, lambda act: gaps.gaps(act, asked))


@get("/v1/duty/handover", opt={"allows": "read alerts"}, tags=TAGS, summary="What is to be handed over")
async def get_handover(request: Incoming, ward: WardFilter = None) -> HandoverView:
    """Answered, unresolved alerts of who goes off duty within 30 minutes or has gone, and who is there then."""
    asked = _named(ward)
    return await look(request, lambda act: going_off.to_hand_over(act, asked))


@post("/v1/alerts/{alert:uuid}/hand-over", **ANSWER, summary="Hand over by name")
async def post_hand_over(
    request: Incoming, alert: FromPath[UUID], data: JSONBody[HandOverBody]
) -> Response[AlertDetail]:
    """Offer it to a colleague, who has to take it: until then who held it still does.

    Not taken by the end of the giver's shift, the alert is open again.
    """
    return await change(request, lambda act: handover.hand_over(act, alert, data))


@post("/v1/alerts/{alert:uuid}/take-over", **ANSWER, summary="Take what was handed over")
async def post_take_over(
    request: Incoming, alert: FromPath[UUID], data: JSONBody[AcknowledgeBody | None] = None
) -> Response[AlertDetail]:
    """Responsibility passes; what is owed, and by when, stays as it was."""
    body = data or AcknowledgeBody()
    return await change(request, lambda act: handover.take_over(act, alert, body))


def _named(ward: str | None) -> str:
    if ward is None:
        raise unacceptable("ward", "required: a ward's code")
    return ward


ROUTES: list[Any] = [
    get_staff, get_contacts, put_contacts, get_rotas, get_rota, put_rota, get_duty, get_gaps, get_handover,
    post_hand_over, post_take_over,
]  # fmt: skip
