"""Signing in at a browser, and out: with a token, or by a link that works once."""

from typing import Annotated, Any, Final

import msgspec
from anyio import to_thread
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from monitoring.access import sessions
from monitoring.access.gate import COOKIE, EVERYBODY, caller_of, note_failure, refuse_guessing
from monitoring.access.tokens import Caller
from monitoring.acts import Incoming
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.service import Service, service_of

OPEN: Final[dict[str, Any]] = {"opt": {"allows": EVERYBODY}, "include_in_schema": False}
ANYBODY: Final = "use pages"
HOME: Final = "/"


class Typed(msgspec.Struct):
    """What somebody types to sign in, and where they wanted to go."""

    token: str = ""
    next: str = HOME


Form = Annotated[Typed, Body(media_type=RequestEncodingType.URL_ENCODED)]
Visitor = Request[Any, Any, Any]


@get("/sign-in", **OPEN)
async def get_sign_in(next: FromQuery[str] = HOME) -> Response[str]:  # noqa: A002 - its name in the address
    """The form."""
    return page("sign_in.html", next=within(next), fault=None)


@post("/sign-in", status_code=200, **OPEN)
async def post_sign_in(request: Visitor, data: Form) -> Response[Any]:
    """A session for whoever shows the token of a member of staff."""
    service = service_of(request)
    token = data.token.strip()
    caller = await caller_of(request.scope, token)
    if caller is None or caller.role is None or caller.expires_at is not None:
        fault = "This is not the token of a member of staff. It begins with vws_."
        return page("sign_in.html", status=422, next=within(data.next), fault=fault)
    session = await to_thread.run_sync(_begin, service, caller)
    return _signed_in(service, session, within(data.next))


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
    return _signed_in(service, session, HOME)


@post("/sign-out", status_code=200, opt={"allows": ANYBODY}, include_in_schema=False)
async def post_sign_out(request: Incoming) -> Response[Any]:
    """End the session, in every process within a second."""
    service, caller = service_of(request), request.user

    def end() -> None:
        with transaction(service.engine) as session:
            sessions.end(session, caller, utc_now())

    await to_thread.run_sync(end)
    gone = Redirect("/sign-in", status_code=303)
    gone.delete_cookie(COOKIE)
    return gone


@post("/here", status_code=204, opt={"allows": ANYBODY}, include_in_schema=False)
async def post_here(request: Incoming) -> None:
    """Somebody touches a page without opening another: their session goes on. What a page asks by itself never is."""
    await goes_on(request)


def within(wanted: str) -> str:
    """Where to go on: a path of ours, or home. Another site's address is never followed."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours else HOME


def _begin(service: Service, caller: Caller) -> str:
    with transaction(service.engine) as session:
        return sessions.begin(session, caller.id, utc_now())


def _signed_in(service: Service, session: str, wanted: str) -> Response[Any]:
    cookie = Cookie(
        key=COOKIE, value=session, httponly=True, secure=service.settings.is_https, samesite="strict", path="/",
        max_age=int(sessions.LONGEST.total_seconds()),
    )  # fmt: skip
    return Redirect(wanted, status_code=303, cookies=[cookie])


ROUTES: list[Any] = [get_sign_in, post_sign_in, get_link, post_link, post_sign_out, post_here]
