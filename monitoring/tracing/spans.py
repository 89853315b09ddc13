"""Traces by OpenTelemetry, where `VIRTUAL_WARD_TRACES_TO` names a collector. Elsewhere nothing of it is imported.

From a request over the stream and the drain to the alert and to what is told of it, a trace goes on under the W3C's
`traceparent`: beside the payload of an entry, then in the row `alert_trace`. Spans name routes, ids and counts only.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from redis.typing import EncodableT

from monitoring.config import PREFIX, Settings, WrongSetting

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

FIELD: Final = b"t"
"""Of an entry of the stream, beside its payload; only of one that is traced."""

EXPORT_S: Final = 5
HEADER: Final = "traceparent"


@dataclass(slots=True)
class _State:
    provider: "TracerProvider | None" = None


_state: Final = _State()


@contextmanager
def tracing(settings: Settings, part: str) -> Iterator[None]:
    """Spans of this process go to the collector meanwhile, where one is set. Raises WrongSetting."""
    if settings.traces_to is None:
        yield
        return
    _state.provider = provider = _provider(settings.traces_to, part)
    try:
        yield
    finally:
        _state.provider = None
        provider.shutdown()  # what is not sent yet is


def _provider(to: str, part: str) -> "TracerProvider":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - likewise
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - likewise
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - likewise
    except ImportError:
        raise WrongSetting(
            f"{PREFIX}TRACES_TO: needs the extra `tracing`: pip install 'virtual-ward[tracing]'"
        ) from None
    whose = Resource.create({"service.name": f"virtual-ward-{part}"})
    provider = TracerProvider(resource=whose, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=to, timeout=EXPORT_S)))
    return provider


def is_on() -> bool:
    """Whether this process traces."""
    return _state.provider is not None


def start(
    name: str,
    *,
    parent: str | None = None,
    links: Sequence[str] = (),
    kind: str = "internal",
    **attributes: str | int,
) -> "Span":
    """A span that has begun, in the trace of `parent` or in one of its own. Only where this process traces."""
    from opentelemetry import trace  # noqa: PLC0415 - an extra

    assert _state.provider is not None
    seen = [trace.Link(trace.get_current_span(_context(link)).get_span_context()) for link in links]
    context = _context(parent)
    return _state.provider.get_tracer("virtual-ward").start_span(
        name, context, kind=trace.SpanKind[kind.upper()], links=seen, attributes=dict(attributes)
    )


def carried(span: "Span") -> str:
    """By what a trace goes on elsewhere."""
    from opentelemetry import trace  # noqa: PLC0415 - an extra
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - likewise

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(span))
    return carrier.get(HEADER, "")


def _context(traceparent: str | None) -> "Context":
    from opentelemetry.context import Context  # noqa: PLC0415 - an extra
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - likewise

    return TraceContextTextMapPropagator().extract({HEADER: traceparent} if traceparent else {}, Context())


def on_entry() -> dict[EncodableT, EncodableT]:
    """What an entry of the request at hand carries beside its payload."""
    if _state.provider is None:
        return {}
    from opentelemetry import trace  # noqa: PLC0415 - an extra

    found = carried(trace.get_current_span())
    return {FIELD: found.encode()} if found else {}
