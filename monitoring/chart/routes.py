"""The NEWS2 chart over HTTP, as SVG or PNG."""

from typing import Annotated, Any, Final
from uuid import UUID

from anyio import to_thread
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter

from monitoring.acts import Incoming, look
from monitoring.chart.drawing import draw
from monitoring.chart.pixels import pixels
from monitoring.chart.reading import Span, paper
from monitoring.patients import register

SVG: Final = "image/svg+xml"
PNG: Final = "image/png"
READ: Final[dict[str, Any]] = {"opt": {"allows": "read patients", "whose": register.find}, "tags": ["patients"]}
SpanAsked = Annotated[Span, QueryParameter(name="span", description="The last 24 hours, three days, or the stay")]


@get(
    "/v1/patients/{patient:uuid}/chart.svg",
    **READ,
    responses={200: ResponseSpec(str, media_type=SVG, description="The chart", generate_examples=False)},
    summary="The NEWS2 chart, as SVG",
)
async def get_chart_svg(request: Incoming, patient: FromPath[UUID], span: SpanAsked = Span.DAY) -> Response[bytes]:
    """The observation chart of the newest stay: bands as on paper, the plan's limits, alerts and contacts."""
    shown = await look(request, lambda act: paper(act, patient, span))
    drawn = await to_thread.run_sync(draw, shown)
    return Response(drawn.encode(), media_type=SVG)


@get(
    "/v1/patients/{patient:uuid}/chart.png",
    **READ,
    responses={200: ResponseSpec(bytes, media_type=PNG, description="The chart", generate_examples=False)},
    summary="The NEWS2 chart, as PNG",
)
async def get_chart_png(request: Incoming, patient: FromPath[UUID], span: SpanAsked = Span.DAY) -> Response[bytes]:
    """The same chart as pixels, for documents that hold no SVG."""
    shown = await look(request, lambda act: paper(act, patient, span))
    return Response(await to_thread.run_sync(lambda: pixels(draw(shown))), media_type=PNG)


ROUTES: list[Any] = [get_chart_svg, get_chart_png]
