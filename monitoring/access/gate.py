"""The gate in front of every route: who is calling, and whether the table of permissions lets them.

Judged before what was sent is even looked at. A middleware and no guard: for a guard the framework copies the route's
handler at each request.
"""

from dataclasses import replace
from hmac import compare_digest
from time import monotonic_ns
from typing import Any, Final, cast
from urllib.parse import urlsplit

from anyio import to_thread
from litestar.connection import ASGIConnection
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from monitoring.access.permissions import DEVICE_MAY, MAY, OPENED_MAY, PROVIDER_MAY
from monitoring.access.rates import Rates, network_of
from monitoring.access.tokens import Caller, Tokens
from monitoring.clock import utc_now
from monitoring.headers import header
from monitoring.refusals import Forbidden, NotAuthenticated

EVERYBODY: Final = "everybody"
COOKIE: Final = "vw_session"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def gate(app: ASGIApp) -> ASGIApp:
    """Around each route: let a request pass, or raise NotAuthenticated or Forbidden.

    A route says in its options what it `allows`; one that does not is closed.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        allows: str = scope["route_handler"].opt.get("allows", "")
        if allows in PROVIDER_MAY:
            admit_provider(scope)
        elif allows != EVERYBODY:
            scope["user"] = caller = await authenticate(scope)  # who is refused is known, too
            scope["user"] = admit(caller, allows)
        await app(scope, receive, send)

    return guarded


def admit(caller: Caller, allows: str) -> Caller:
    """The caller, on the wards where it is allowed. Raises Forbidden where the table does not let them."""
    if caller.role is None:
        if allows not in DEVICE_MAY:
            raise Forbidden("A device may not do this.")
    elif caller.role not in MAY.get(allows, ()):
        if caller.opened and allows in OPENED_MAY:
            return replace(caller, wards=caller.opened)
        raise Forbidden(f"The role {caller.role} may not {allows or 'do this'}.")
    return caller


def admit_provider(scope: Scope) -> None:
    """Raise NotAuthenticated where it is not the token that was agreed with the provider, or none was."""
    agreed = scope["litestar_app"].state.service.settings.notify_callback_token
    if not compare_digest(_token(scope).encode(), (agreed or "").encode()) or agreed is None:
        raise NotAuthenticated("The token is not valid.")


def _token(scope: Scope) -> str:
    """The bearer token. Raises NotAuthenticated where there is none."""
    scheme, _, token = header(scope, b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("Send Authorization: Bearer <token>.")
    return token


async def authenticate(scope: Scope) -> Caller:
    """The caller behind the bearer token, or behind the session of a browser.

    Raises NotAuthenticated, Forbidden, TooFast.
    """
    caller = await caller_of(scope, _session(scope) or _token(scope))
    if caller is None or (caller.expires_at is not None and caller.has_expired(utc_now())):
        raise NotAuthenticated("The token is not valid.")
    return caller


async def caller_of(scope: Scope, token: str) -> Caller | None:
    """Who has this token; nobody is a failed sign-in from the request's address. Raises TooFast."""
    tokens: Tokens = scope["litestar_app"].state.service.tokens
    caller = tokens.held(token)
    if caller is None:  # who guesses is refused before anybody is asked; who is known comes in from anywhere
        refuse_guessing(scope)
        caller = await to_thread.run_sync(tokens.ask, token, utc_now())
        if caller is None:
            note_failure(scope)
            return None
    _rates(scope).admit(caller.token, monotonic_ns())
    return caller


def refuse_guessing(scope: Scope) -> None:
    """Raise TooFast where too many sign-ins from the request's address failed."""
    _rates(scope).refuse_guessing(_network(scope), monotonic_ns())


def note_failure(scope: Scope) -> None:
    """A sign-in from the request's address failed."""
    _rates(scope).failures.take(_network(scope), monotonic_ns())


def _rates(scope: Scope) -> Rates:
    rates: Rates = scope["litestar_app"].state.service.rates
    return rates


def _network(scope: Scope) -> bytes:
    return network_of(scope["client"][0] if scope["client"] else "")


def _session(scope: Scope) -> str | None:
    """The session in a browser's cookie. Raises Forbidden where another site's page made the browser send it."""
    if header(scope, b"authorization") or not header(scope, b"cookie"):
        return None
    session: str | None = ASGIConnection[Any, Any, Any, Any](scope).cookies.get(COOKIE)
    if session and cast(HTTPScope, scope)["method"] not in SAFE and not _is_from_our_pages(scope):
        raise Forbidden("Only our own pages may do this with a session.")
    return session


def _is_from_our_pages(scope: Scope) -> bool:
    """By what a browser says of where a request comes from, and no page can say for it."""
    if site := header(scope, b"sec-fetch-site"):
        return site == "same-origin"
    return urlsplit(header(scope, b"origin")).netloc == header(scope, b"host") != ""


def see_ward(caller: Caller, ward: str) -> None:
    """Raise Forbidden where a ward named in the request is not this caller's."""
    if not caller.may_see(ward):
        raise Forbidden(f"Ward {ward} is not yours.")
