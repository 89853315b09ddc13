"""Signing in at the issuer (OpenID Connect): there, back, and who that is here; and anew, where it has to be recent."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
from anyio import to_thread
from litestar import Response, get
from litestar.datastructures import Cookie
from litestar.params import FromQuery, QueryParameter
from litestar.response import Redirect
from sqlmodel import Session

from monitoring.access import sessions
from monitoring.access.oidc import attempts, people
from monitoring.access.oidc.claims import Proof, Roles, read_roles
from monitoring.access.tables import OidcAttempt, Staff, Token
from monitoring.acts import Incoming
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.pages.rendering import page
from monitoring.pages.session import ANYBODY, HOME, OPEN, Visitor, session_cookie, within
from monitoring.service import Service, service_of

log = structlog.get_logger()

BROWSER: Final = "vw_signing_in"
"""What only the browser knows that began: whoever is sent an address by somebody else does not become them by it."""
AGAIN: Final = "/sign-in/again"
DONE: Final = "/sign-in/again/done"

AWAY: Final = (
    "Signing in is not possible now",
    "{name} does not answer. Try again in a moment. Who has a token can sign in with it, and everything else works.",
)
NOT_PROVED: Final = (
    "You are not signed in",
    "What came back from {name} could not be used: it was used before, is too old, or began in another browser. Begin "
    "again; if it stays so, ask {help}.",
)
NOT_LET_IN: Final = (
    "You are not known here",
    "{name} knows you, but nobody has given you access to this virtual ward yet. Ask {help}, and tell them "
    "“{why}; known there as {subject}”.",
)
SOMEBODY_ELSE: Final = (
    "You signed in as somebody else",
    "The other page is open for a colleague. Nothing was changed: sign out there first, or sign in again as them.",
)

State = Annotated[str, QueryParameter(name="state")]
"""The framework keeps that name for itself."""


@get("/sign-in/oidc", **OPEN)
async def get_oidc(
    request: Visitor,
    next: FromQuery[str] = HOME,  # noqa: A002 - its name in the address
) -> Response[Any]:
    """Off to the issuer."""
    return await _leave(service_of(request), within(next), None)


@get(AGAIN, opt={"allows": ANYBODY}, include_in_schema=False)
async def get_again(request: Incoming) -> Response[Any]:
    """Anew, in a window beside what somebody is doing, so that nothing typed there is lost."""
    service = service_of(request)
    began_there = await to_thread.run_sync(_began_at_issuer, service, request.user.token)
    if began_there and service.issuer:
        return await _leave(service, DONE, request.user.token)
    return Redirect(f"/sign-in?next={DONE}", status_code=303)


@get(DONE, opt={"allows": ANYBODY}, include_in_schema=False)
async def get_again_done(request: Incoming) -> Response[str]:
    """It can be closed."""
    return page("signed_in_again.html", me=request.user)


@get("/sign-in/oidc/back", **OPEN)
async def get_back(
    request: Visitor,
    begun_as: State = "",
    code: FromQuery[str] = "",
    iss: FromQuery[str | None] = None,
) -> Response[Any]:
    """Back from the issuer: a session for whoever it proves to be, if they are somebody here."""
    service = service_of(request)
    if service.issuer is None:
        return _say(service, 404, NOT_PROVED)
    from monitoring.access.oidc.issuer import IssuerAway, NotProved  # noqa: PLC0415 - heavy, for who has an issuer

    browser = request.cookies.get(BROWSER, "")
    attempt = await to_thread.run_sync(_take, service, begun_as, browser)
    if attempt is None or not code or iss not in {None, service.issuer.name}:
        return _say(service, 400, NOT_PROVED)
    try:
        proof = await service.issuer.who(code, attempt.nonce, attempt.verifier, utc_now())
    except IssuerAway as error:
        log.warning("oidc_issuer_away", why=str(error))
        return _say(service, 503, AWAY)
    except NotProved as error:
        log.warning("oidc_not_proved", why=str(error))
        return _say(service, 400, NOT_PROVED)
    session = await to_thread.run_sync(_begin, service, proof, attempt)
    if isinstance(session, people.NotLetIn):
        log.warning("oidc_not_let_in", why=str(session))
        return _say(service, 403, NOT_LET_IN, why=str(session), subject=proof.subject)
    if session is None:
        return _say(service, 403, SOMEBODY_ELSE)
    return _arrive(service, session, attempt.wanted)


async def where_to_sign_out(service: Service, id_token: str) -> str | None:
    """Where somebody signs out at the issuer; None where they can't, or it is away: here they have signed out."""
    if service.issuer is None:
        return None
    from monitoring.access.oidc.issuer import IssuerAway  # noqa: PLC0415 - likewise

    back = f"{(service.settings.public_url or '').rstrip('/')}/sign-in"
    try:
        return await service.issuer.where_to_sign_out(id_token, back, utc_now())
    except IssuerAway:
        return None


async def _leave(service: Service, wanted: str, again: bytes | None) -> Response[Any]:
    if service.issuer is None:
        return Redirect("/sign-in", status_code=303)
    from monitoring.access.oidc.issuer import IssuerAway  # noqa: PLC0415 - likewise

    now = utc_now()
    begun = await to_thread.run_sync(_start, service, wanted, again)
    try:
        there = await service.issuer.where_to_sign_in(
            begun.state, begun.nonce, begun.verifier, now, again=again is not None
        )
    except IssuerAway as error:
        log.warning("oidc_issuer_away", why=str(error))
        return _say(service, 503, AWAY)
    cookie = Cookie(
        key=BROWSER, value=begun.browser, httponly=True, secure=service.settings.is_https, samesite="lax",
        path="/sign-in",
        max_age=int(attempts.LIVES.total_seconds()),
    )  # fmt: skip
    return Redirect(there, status_code=303, cookies=[cookie])


def _arrive(service: Service, session: str, wanted: str) -> Response[Any]:
    """On by a page and not by a redirection: as part of the issuer's own, browsers would not send our cookie along."""
    arrived = page("signed_in.html", to=wanted)
    arrived.set_cookie(session_cookie(service, session))
    arrived.delete_cookie(BROWSER, path="/sign-in")
    return arrived


def _say(service: Service, status: int, what: tuple[str, str], **more: str) -> Response[str]:
    title, detail = what
    said = {"name": service.settings.oidc_name, "help": service.settings.oidc_help, **more}
    return page("not_signed_in.html", status=status, title=title, detail=detail.format(**said))


def _start(service: Service, wanted: str, again: bytes | None) -> attempts.Begun:
    with transaction(service.engine) as session:
        return attempts.begin(session, wanted, again, utc_now())


def _take(service: Service, state: str, browser: str) -> OidcAttempt | None:
    with transaction(service.engine) as session:
        return attempts.take(session, state, browser, utc_now())


def _began_at_issuer(service: Service, token: bytes) -> bool:
    with transaction(service.engine) as session:
        found = session.get(Token, token)
        return found is not None and found.signed_in_at is not None


def _begin(service: Service, proof: Proof, attempt: OidcAttempt) -> str | people.NotLetIn | None:
    """A new session; why there is none; or None where somebody signed in anew as another person.

    A refusal is returned and not raised: sessions that it ended have ended.
    """
    settings, issuer, now = service.settings, service.settings.oidc_issuer or "", utc_now()
    with transaction(service.engine) as session:
        try:
            staff = people.person(session, issuer, proof, settings.oidc_named_by, _roles(settings.oidc_roles_file), now)
        except people.NotLetIn as refused:
            return refused
        if attempt.again is not None and not _end_before(session, attempt.again, staff, now):
            return None
        text = sessions.begin(session, staff.id, now, signed_in_at=proof.signed_in_at)
        people.record(session, text, staff, issuer, proof, now)
        return text


def _end_before(session: Session, before: bytes, staff: Staff, now: datetime) -> bool:
    """End the session that was signed in anew; False where it is somebody else's."""
    token = session.get(Token, before, with_for_update=True)
    if token is None or token.staff_id != staff.id:
        return False
    token.revoked_at, token.changed_at = token.revoked_at or now, now
    return True


@lru_cache(maxsize=1)
def _roles(file: Path | None) -> Roles | None:
    return None if file is None else read_roles(file)


ROUTES: list[Any] = [get_oidc, get_again, get_again_done, get_back]
