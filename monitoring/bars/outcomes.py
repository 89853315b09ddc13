"""What each refusal means to FHIR: an OperationOutcome with BaRS's code, in one table.

A refusal is judged by `problems.py` like any other, and then said in FHIR's form: status and words cannot differ.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response

from devices.formats.fhir.node import Refused
from monitoring import problems
from monitoring.problems import Problem

FHIR: Final = "application/fhir+json"
CODES: Final = "https://fhir.nhs.uk/Codesystem/http-error-codes"

MEANS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("REC_BAD_REQUEST", "structure"),
    401: ("REC_UNAUTHORIZED", "security"),
    403: ("REC_FORBIDDEN", "forbidden"),
    404: ("REC_NOT_FOUND", "not-found"),
    406: ("REC_NOT_ACCEPTABLE", "not-supported"),
    408: ("REC_TIMEOUT", "timeout"),
    409: ("REC_CONFLICT", "conflict"),
    413: ("REC_BAD_REQUEST", "too-long"),
    415: ("REC_UNSUPPORTED_MEDIA_TYPE", "not-supported"),
    422: ("REC_UNPROCESSABLE_ENTITY", "business-rule"),
    429: ("SEND_TOO_MANY_REQUESTS", "throttled"),
    503: ("REC_UNAVAILABLE", "transient"),
}
"""BaRS's code and FHIR's issue type by status."""
DEFECT: Final = ("REC_SERVER_ERROR", "exception")


class Repeated(Exception):
    """The message was taken before."""

    def __init__(self, chain: UUID) -> None:
        super().__init__(f"It was taken before: ServiceRequest/{chain}.")


def outcome(status: int, said: str, *, issue: str | None = None, place: str = "") -> dict[str, Any]:
    """An OperationOutcome. `place`: the FHIRPath of what is wrong."""
    code, usual = MEANS.get(status, DEFECT if status >= 500 else MEANS[400])
    one = {
        "severity": "error",
        "code": issue or usual,
        "details": {"coding": [{"system": CODES, "code": code}]},
        "diagnostics": said or code,
    }
    return {"resourceType": "OperationOutcome", "issue": [one | ({"expression": [place]} if place else {})]}


def handlers() -> dict[type[Exception] | int, Any]:
    """For FHIR's routes: every refusal as an OperationOutcome."""
    told = {kind: _told(handler) for kind, handler in problems.handlers().items()}
    return told | {Refused: _refused, Repeated: _repeated}


def _told(handler: Callable[[Any, Any], Response[bytes]]) -> Callable[[Any, Exception], Response[bytes]]:
    def tell(request: Any, error: Exception) -> Response[bytes]:
        said = handler(request, error)
        problem = msgspec.json.decode(said.content, type=Problem)
        faults = "; ".join(f"{one.field}: {one.reason}" if one.field else one.reason for one in problem.errors)
        words = faults or problem.detail or problem.title
        return _answer(problem.status, outcome(problem.status, words), said.headers)

    return tell


def _refused(_: Any, error: Refused) -> Response[bytes]:
    status = 400 if error.is_unreadable else 422
    return _answer(status, outcome(status, error.reason, issue=error.issue, place=error.place))


def _repeated(_: Any, error: Repeated) -> Response[bytes]:
    return _answer(409, outcome(409, str(error), issue="duplicate"))


def _answer(status: int, said: dict[str, Any], headers: Any = None) -> Response[bytes]:
    return Response(msgspec.json.encode(said), status_code=status, headers=dict(headers or {}), media_type=FHIR)
