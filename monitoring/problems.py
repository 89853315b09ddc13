"""What each refusal means to HTTP: RFC 9457 problem documents, in one table.

The title of a problem is its exception's docstring, so that the two cannot drift apart.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException

from devices.formats.hl7v2.message import Unreadable
from devices.formats.native import Malformed, TooManySets
from monitoring.database import DATABASE_ERRORS, is_unavailable, sqlstate
from monitoring.refusals import (
    Conflict,
    Fault,
    Forbidden,
    NotAcceptable,
    NotAuthenticated,
    NotFound,
    SignInAgain,
    TooFast,
    TooLarge,
    Unacceptable,
    Unavailable,
    WrongMediaType,
    unacceptable,
)

log = structlog.get_logger()
PROBLEM = "application/problem+json"
RETRY_AFTER_S = 2
METHODS = ("GET", "POST", "PUT", "DELETE")
BUSY = ("25P03", "40", "55")
"""SQLSTATEs that begin so: ended twice while we stood still or as a deadlock's victim, waited too long for a lock."""


STATUS_OF: dict[type[Exception], int] = {
    Malformed: 400,
    Unreadable: 400,
    NotAuthenticated: 401,
    SignInAgain: 401,
    Forbidden: 403,
    NotFound: 404,
    NotAcceptable: 406,
    Conflict: 409,
    TooManySets: 413,
    TooLarge: 413,
    WrongMediaType: 415,
    Unacceptable: 422,
    TooFast: 429,
    Unavailable: 503,
}


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[Fault] = []
    accepted: int | None = None
    rejected: list[Any] | None = None
    current: Any = None


Caller = Request[Any, Any, Any]


def refuse(_: Caller, error: Exception) -> Response[bytes]:
    """The answer to a refusal that this service made itself."""
    said = answer(problem_of(error), retry_after_s=getattr(error, "retry_after_s", RETRY_AFTER_S))
    if isinstance(error, SignInAgain):  # RFC 9470
        asked = f'error="insufficient_user_authentication", error_description="{error}", max_age="{error.within_s}"'
        said.headers["WWW-Authenticate"] = f"Bearer {asked}"
    return said


def problem_of(error: Exception) -> Problem:
    """What a refusal of this service says."""
    return Problem(
        type=f"urn:virtual-ward:problem:{_kebab(type(error).__name__)}",
        title=(error.__doc__ or "").strip().splitlines()[0],
        status=STATUS_OF[type(error)],
        detail=str(error),
        errors=getattr(error, "faults", []),
        current=getattr(error, "current", None),
    )


def answer(problem: Problem, retry_after_s: int = RETRY_AFTER_S) -> Response[bytes]:
    """A problem as a response, with the headers that its status asks for."""
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status in {429, 503}:
        headers["Retry-After"] = str(retry_after_s)
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        headers=headers,
        media_type=PROBLEM,
    )


def from_framework(request: Caller, error: HTTPException) -> Response[bytes]:
    """The framework's own refusals (no such route, method, parameter), as problems too."""
    if isinstance(error, ValidationException):
        wrong = error.extra if isinstance(error.extra, list) else []
        missing = [Fault(name, "required") for name in _MISSING.findall(error.detail)]
        return refuse(request, Unacceptable(*(_fault(one) for one in wrong), *missing))
    status = error.status_code
    if status >= 500:
        return unexpected(request, error)
    said = answer(Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=str(error.detail)))
    if isinstance(error, MethodNotAllowedException):
        said.headers["Allow"] = ", ".join(_allowed(request))
    return said


_MISSING: Final = re.compile(r"Missing required query parameter '([^']+)'")


def _fault(of_parameter: Mapping[str, str]) -> Fault:
    return Fault(of_parameter.get("key", ""), of_parameter.get("message", "").replace("`", ""))


def _allowed(request: Caller) -> list[str]:
    """The methods that the request's path takes."""
    router, path = request.app.asgi_router, request.scope["path"].rstrip("/") or "/"
    allowed: list[str] = []
    for method in METHODS:
        with suppress(HTTPException):
            router.handle_routing(path=path, method=method)
            allowed.append(method)
    return allowed


def from_database(request: Caller, error: Exception) -> Response[bytes]:
    """The database is away, or our own fault: the client learns which, and nothing of our insides."""
    state = sqlstate(error) or ""
    if is_unavailable(error) or state.startswith(BUSY):
        log.warning("database_unavailable", route=_route(request), sqlstate=state)
        return refuse(request, Unavailable("The database is not available."))
    if isinstance(getattr(error, "orig", error), psycopg.DataError):
        log.error("refused_by_database", route=_route(request), exc_info=error)
        return refuse(request, unacceptable("", "holds a value that cannot be stored"))
    return unexpected(request, error)


def unexpected(request: Caller, error: Exception) -> Response[bytes]:
    """A defect of ours. The log has it whole; the client has a reference."""
    log.error("unexpected_error", route=_route(request), exc_info=error)
    return answer(Problem(type="about:blank", title="Internal error", status=500, detail="The error was logged."))


def _route(request: Caller) -> str:
    """Never the path itself: it may hold what somebody typed."""
    return request.scope.get("path_template") or "unknown"


def handlers() -> dict[type[Exception] | int, Any]:
    """For the application: which function answers which exception."""
    own: dict[type[Exception] | int, Any] = dict.fromkeys(STATUS_OF, refuse)
    return own | {
        HTTPException: from_framework,
        **dict.fromkeys(DATABASE_ERRORS, from_database),
        Exception: unexpected,
    }


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
