"""Signing in at a browser, and out: with a token, or by a link that works once. By an issuer: `signing_in_oidc.py`."""

from typing import Annotated, Any

import msgspec
from anyio import to_thread
from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from monitoring.access import sessions
from monitoring.access.gate import COOKIE, caller_of, note_failure, refuse_guessing
from monitoring.access.tables import OidcSignIn
from monitoring.access.tokens import Caller
from monitoring.acts import Incoming
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.pages import signing_in_oidc
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.pages.session import ANYBODY, HOME, OPEN, Visitor, signed_in, within
from monitoring.service import Service, service_of


class Typed(msgspec.Struct):
    """What somebody types to sign in, and where they wanted to go."""

    token: str = ""
    next: str = HOME


Form = Annotated[Typed, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/sign-in", **OPEN)
async def get_sign_in(
    request: Visitor,
    next: FromQuery[str] = HOME,  # noqa: A002 - its name in the address
) -> Response[str]:
    """The form, and the way to the issuer where there is one."""
    return _form(service_of(request), within(next))


@post("/sign-in", status_code=200, **OPEN)
async def post_sign_in(request: Visitor, data: Form) -> Response[Any]:
    """A session for whoever shows the token of a member of staff."""
    service = service_of(request)
    token = data.token.strip()
    caller = await caller_of(request.scope, token)
    if caller is None or caller.role is None or caller.expires_at is not None:
        fault = "This is not the token of a member of staff. It begins with vws_."
        return _form(service, within(data.next), fault)
    session = await to_thread.run_sync(_begin, service, caller)
    return signed_in(service, session, within(data.next))


@get("/sign-in/{link:str}", **OPEN)
async def get_link(request: Visitor, link: FromPath[str]) -> Response[Any]:
    """Who the link signs in, before it does: mail and chat look at links without anybody clicking."""
    service = service_of(request)

    def find() -> str | None:
        with transaction(service.engine) as session:
            staff = sessions.whose_link(session, link, utc_now())
            return None if staff is None else staff.name

    refuse_guessing(request.scope)
    name = await to_thread.run_sync(find)
    if name is None:
        note_failure(request.scope)
    return page("sign_in_link.html", status=200 if name else 404, link=link, name=name)


@post("/sign-in/{link:str}", status_code=200, **OPEN)
async def post_link(request: Visitor, link: FromPath[str]) -> Response[Any]:
    """Use the link up."""
    service = service_of(request)

    def use() -> str | None:
        with transaction(service.engine) as session:
            return sessions.use_link(session, link, utc_now())

    refuse_guessing(request.scope)
    session = await to_thread.run_sync(use)
    if session is None:
        note_failure(request.scope)
        return page("sign_in_link.html", status=404, link=link, name=None)
    return signed_in(service, session, HOME)


@post("/sign-out", status_code=200, opt={"allows": ANYBODY}, include_in_schema=False)
async def post_sign_out(request: Incoming) -> Response[Any]:
    """End the session, in every process within a second; then at the issuer too, where it began there."""
    service, caller = service_of(request), request.user

    def end() -> str | None:
        with transaction(service.engine) as session:
            sessions.end(session, caller, utc_now())
            began = session.get(OidcSignIn, caller.token)
            return None if began is None else began.id_token

    id_token = await to_thread.run_sync(end)
    gone: Response[Any] = Redirect("/sign-in", status_code=303)
    if id_token is not None and (elsewhere := await signing_in_oidc.where_to_sign_out(service, id_token)):
        gone = page("signed_out.html", to=elsewhere, name=service.settings.oidc_name)
    gone.delete_cookie(COOKIE)
    return gone


@post("/here", status_code=204, opt={"allows": ANYBODY}, include_in_schema=False)
async def post_here(request: Incoming) -> None:
    """Somebody touches a page without opening another: their session goes on. What a page asks by itself never is."""
    await goes_on(request)


def _begin(service: Service, caller: Caller) -> str:
    with transaction(service.engine) as session:
        return sessions.begin(session, caller.id, utc_now())


def _form(service: Service, wanted: str, fault: str | None = None) -> Response[str]:
    issuer = service.settings.oidc_name if service.issuer else None
    return page("sign_in.html", status=422 if fault else 200, next=wanted, fault=fault, issuer=issuer)


ROUTES: list[Any] = [get_sign_in, post_sign_in, get_link, post_link, post_sign_out, post_here]
