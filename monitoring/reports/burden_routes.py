"""The report on the burden of alerts, over HTTP."""

from typing import Annotated, Any

from litestar import Response, get
from litestar.params import QueryParameter

from monitoring.acts import Incoming, look_over
from monitoring.clock import utc_now
from monitoring.reports.alert_burden import BurdenBy, BurdenReport, BurdenRow, alert_burden
from monitoring.reports.answers import described, rows_or_csv
from monitoring.reports.periods import span
from monitoring.reports.routes import TAGS, From, To
from monitoring.reports.stay_routes import STAYS_SPAN

By = Annotated[BurdenBy, QueryParameter(description="What alerts are put together by; the total is there in any case")]


@get(
    "/v1/reports/alert-burden",
    opt={"allows": "read reports"},
    tags=TAGS,
    summary="How many alerts, how soon answered, and what for",
    responses=described(BurdenReport),
)
async def get_alert_burden(
    request: Incoming, from_: From = None, to: To = None, by: By = BurdenBy.WARD
) -> Response[bytes]:
    """Alerts per patient-day, those missed and those acted on, minutes to acknowledge, steps climbed."""
    asked = span(from_, to, utc_now(), STAYS_SPAN)
    report = await look_over(request, lambda act: alert_burden(act, asked, by))
    return rows_or_csv(request, report, report.rows, BurdenRow)


ROUTES: list[Any] = [get_alert_burden]
