"""A span around each request."""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from monitoring.headers import header
from monitoring.tracing.spans import HEADER, is_on, start

UNTRACED: Final = ("/health/", "/metrics")


def traced(app: ASGIApp) -> ASGIApp:
    """A span around each request, within the trace that its caller names."""

    async def tracing_it(scope: Scope, receive: Receive, send: Send) -> None:
        if not is_on() or scope["type"] != ScopeType.HTTP or scope["path"].startswith(UNTRACED):
            await app(scope, receive, send)
            return
        from opentelemetry import trace  # noqa: PLC0415 - an extra

        method = str(scope.get("method"))
        named = header(scope, HEADER.encode())
        span = start("request", parent=named or None, kind="server", **{"http.request.method": method})

        async def with_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
            await send(message)

        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=True):
            try:
                await app(scope, receive, with_status)
            finally:
                route = scope.get("path_template") or "unknown"
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", str(route))

    return tracing_it
