"""Reports over HTTP: JSON, CSV by `Accept: text/csv`, and a chart where there is one."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Final

from anyio import to_thread
from litestar import Response, get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from monitoring.access.gate import see_ward
from monitoring.acts import Act, Incoming, look_over
from monitoring.clock import utc_now
from monitoring.reports import occupancy
from monitoring.reports.answers import BY_ACCEPT, CSV, JSON, chosen, described
from monitoring.reports.chart import draw
from monitoring.reports.choices import By, Every
from monitoring.reports.occupancy import OCCUPANCY_SPAN, Record, Wanted
from monitoring.reports.occupancy_forms import OccupancyReport, as_csv, as_json, in_chunks
from monitoring.reports.periods import span

TAGS = ["reports"]
PNG: Final = "image/png"
SVG: Final = "image/svg+xml"

From = Annotated[
    str | None, QueryParameter(name="from", description="An instant, RFC 3339, or a date: its midnight in London")
]
To = Annotated[str | None, QueryParameter(name="to", description="Likewise; now where nothing is said")]
OneWard = Annotated[str | None, QueryParameter(name="ward", description="Only this ward")]

_WRITTEN: Final[Mapping[str, Callable[[Record], Iterator[bytes]]]] = {JSON: as_json, CSV: as_csv}
_DRAWN: Final[Mapping[str, Callable[[Record], bytes]]] = {
    PNG: partial(draw, form="png"),
    SVG: partial(draw, form="svg"),
}


@get(
    "/v1/reports/occupancy",
    opt={"allows": "read reports"},
    tags=TAGS,
    summary="Occupancy over time",
    responses=described(OccupancyReport, "a chart by `Accept: image/png` or `image/svg+xml`"),
)
async def get_occupancy_report(  # noqa: PLR0913 - a parameter each that a reader may name
    request: Incoming,
    from_: From = None,
    to: To = None,
    step: FromQuery[Every] = Every.HOUR,
    by: FromQuery[By] = By.WARD,
    ward: OneWard = None,
    pathway: FromQuery[str | None] = None,
    provider: FromQuery[str | None] = None,
    icb: FromQuery[str | None] = None,
) -> Response[Any]:
    """The beds of the caller's wards at the beginning of each step, as they are known now; a series ends now.

    Hours are hours of the clock, 23 or 25 on the days on which the clocks change; a day, week or month begins at
    midnight in London.
    """
    form = chosen(request, (*_WRITTEN, *_DRAWN))
    asked = span(from_, to, utc_now(), OCCUPANCY_SPAN)
    wanted = Wanted(asked, step, by, ward, pathway, provider, icb)

    def query(act: Act) -> Record:
        if ward is not None:
            see_ward(act.who, ward)
        return occupancy.read(act.session, wanted, act.who.wards, act.now)

    record = await look_over(request, query)
    if form in _DRAWN:
        chart = await to_thread.run_sync(_DRAWN[form], record)
        return Response(chart, media_type=form, headers=BY_ACCEPT)
    return Stream(in_chunks(_WRITTEN[form](record)), media_type=form, headers=BY_ACCEPT)


ROUTES: list[Any] = [get_occupancy_report]
