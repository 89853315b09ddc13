"""Around every request, routed or not: an id that stands in its answer and its log lines, and what it cost."""

import re
import secrets
import time
from functools import lru_cache
from typing import Final

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from monitoring.headers import header
from monitoring.metrics import REQUEST_SECONDS, REQUESTS

log = structlog.get_logger()
HEADER: Final = b"x-request-id"
HOT: Final = frozenset({"/v1/readings", "/health/live", "/health/ready", "/metrics"})
"""Logged only when they fail: a line for each reading would cost more than taking it."""

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


ALWAYS: Final = ((b"x-content-type-options", b"nosniff"),)
PRIVATE: Final = ((b"cache-control", b"no-store"),)
"""What the API answers names patients: it is kept nowhere on the way."""
HTTPS_ONLY: Final = ((b"strict-transport-security", b"max-age=63072000"),)
"""For two years."""


def watched(app: ASGIApp, *, is_https: bool) -> ASGIApp:
    """Give each request an id, log it, count it, and its answer the headers that all have."""
    always = (*ALWAYS, *HTTPS_ONLY) if is_https else ALWAYS
    private = (*always, *PRIVATE)

    async def watching(scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _given_id(scope) or secrets.token_hex(16)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = time.perf_counter()
        status = 500

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = private if scope["path"].startswith("/v1/") else always
                message["headers"] = [*message["headers"], (HEADER, request_id.encode()), *more]
            await send(message)

        try:
            await app(scope, receive, with_id)
        finally:
            _note(scope, status, time.perf_counter() - began)
            structlog.contextvars.unbind_contextvars("request_id")

    return watching


def _given_id(scope: Scope) -> str | None:
    """The caller's own id, where it is one that can stand in a log."""
    given = header(scope, HEADER)
    return given if _ID.fullmatch(given) else None


def _note(scope: Scope, status: int, seconds: float) -> None:
    route = scope.get("path_template") or "unknown"
    counted, timed = _metrics(route, status)
    counted.inc()
    timed.observe(seconds)
    if status >= 500 or route not in HOT:
        log.info("request", method=scope.get("method"), route=route, status=status, ms=round(seconds * 1000, 1))


@lru_cache(maxsize=1024)  # routes are few, but looking labels up is slow
def _metrics(route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(route, status), REQUEST_SECONDS.labels(route)
