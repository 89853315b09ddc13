"""Access over HTTP: wards opened in an emergency, and who a member of staff is to the issuer."""

from typing import Any
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from monitoring.access.break_glass import BreakGlassBody, BreakGlassView, accessed, accesses, break_glass, registered
from monitoring.access.gate import see_ward
from monitoring.access.oidc.people import IdentityBody, IdentityView, find_staff, forget_staff, name_staff
from monitoring.acts import Incoming, change, look
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.queries import WardFilter
from monitoring.refusals import Conflict
from monitoring.service import service_of

TAGS = ["access"]


@post(
    "/v1/break-glass",
    opt={"allows": "break glass"},
    guards=[registered],
    tags=TAGS,
    summary="Open a ward in an emergency",
)
async def post_break_glass(request: Incoming, data: JSONBody[BreakGlassBody]) -> Response[BreakGlassView]:
    """The ward of one patient, for an hour unless the settings say otherwise.

    For registered clinicians and UCR teams. It is written down with its reason, the ward's people are told, and it ends
    by itself. Who may see the patient already is answered 409.
    """
    service = service_of(request)
    answer = await change(
        request,
        lambda act: break_glass(act, data, service.settings),
        location=lambda made: f"/v1/break-glass/{made.id}",
    )
    service.tokens.forget(request.user.token)  # it holds here from the next request on, elsewhere within a second
    return answer


@get("/v1/break-glass", opt={"allows": "read break-glass"}, tags=TAGS, summary="Wards that were opened, newest first")
async def get_break_glasses(
    request: Incoming, ward: WardFilter = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[BreakGlassView]:
    """What the caller opened, and what others opened of the caller's wards."""
    if ward is not None:
        see_ward(request.user, ward)
    return await look(request, lambda act: accesses(act, ward, limit, cursor))


@get(
    "/v1/break-glass/{access:uuid}",
    opt={"allows": "read break-glass", "whose": accessed},
    tags=TAGS,
    summary="One access",
)
async def get_break_glass(request: Incoming, access: FromPath[UUID]) -> BreakGlassView:
    """Who opened it, because of whom, why, until when, and who was told."""
    return await look(request, lambda act: accessed(act, access))


@put(
    "/v1/staff/{staff:uuid}/identity",
    opt={"allows": "name staff", "whose": find_staff},
    tags=TAGS,
    summary="Say who somebody is to the issuer",
)
async def put_identity(
    request: Incoming, staff: FromPath[UUID], data: JSONBody[IdentityBody]
) -> Response[IdentityView]:
    """With their next sign-in by OpenID Connect they are this member of staff.

    `named` is the value of the claim that `VIRTUAL_WARD_OIDC_NAMED_BY` names. Sessions that they have end.
    """
    issuer = service_of(request).settings.oidc_issuer
    if issuer is None:
        raise Conflict("No issuer is configured: VIRTUAL_WARD_OIDC_ISSUER.", current={"issuer": None})
    return await change(request, lambda act: name_staff(act, staff, issuer, data))


@delete(
    "/v1/staff/{staff:uuid}/identity",
    status_code=200,
    opt={"allows": "name staff", "whose": find_staff},
    tags=TAGS,
    summary="End somebody's sign-in at the issuer",
)
async def delete_identity(request: Incoming, staff: FromPath[UUID]) -> Response[IdentityView]:
    """They sign in there no more, and their sessions end. Whom the issuer's roles let in comes in by these again."""
    return await change(request, lambda act: forget_staff(act, staff))


ROUTES: list[Any] = [post_break_glass, get_break_glasses, get_break_glass, put_identity, delete_identity]
