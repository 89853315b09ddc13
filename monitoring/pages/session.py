"""A browser's session as every way of signing in begins it: a new one in a cookie of ours, and on to a page of ours."""

from typing import Any, Final

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from monitoring.access import sessions
from monitoring.access.gate import COOKIE, EVERYBODY
from monitoring.service import Service

OPEN: Final[dict[str, Any]] = {"opt": {"allows": EVERYBODY}, "include_in_schema": False}
ANYBODY: Final = "use pages"
HOME: Final = "/"
Visitor = Request[Any, Any, Any]


def within(wanted: str) -> str:
    """Where to go on: a path of ours, or home. Another site's address is never followed."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours else HOME


def session_cookie(service: Service, session: str) -> Cookie:
    """Out of reach of scripts, and of other sites."""
    return Cookie(
        key=COOKIE, value=session, httponly=True, secure=service.settings.is_https, samesite="strict", path="/",
        max_age=int(sessions.LONGEST.total_seconds()),
    )  # fmt: skip


def signed_in(service: Service, session: str, wanted: str) -> Response[Any]:
    """Somebody signed in from a page of ours: on to where they wanted to go."""
    return Redirect(wanted, status_code=303, cookies=[session_cookie(service, session)])
