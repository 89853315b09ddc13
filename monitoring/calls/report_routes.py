"""The report on calls to the cancer hotline, over HTTP."""

from typing import Annotated, Any

from litestar import Response, get
from litestar.params import QueryParameter

from monitoring.acts import Incoming, look_over
from monitoring.calls.report import CallsBy, CallsReport, CallsRow, cancer_calls
from monitoring.clock import utc_now
from monitoring.reports.answers import described, rows_or_csv
from monitoring.reports.periods import span
from monitoring.reports.routes import TAGS, From, To
from monitoring.reports.stay_routes import STAYS_SPAN

By = Annotated[CallsBy, QueryParameter(description="What calls are put together by; the total is there in any case")]


@get(
    "/v1/reports/cancer-calls",
    opt={"allows": "read reports"},
    tags=TAGS,
    summary="Calls to the cancer hotline",
    responses=described(CallsReport),
)
async def get_cancer_calls(
    request: Incoming, from_: From = None, to: To = None, by: By = CallsBy.RESULT
) -> Response[bytes]:
    """By result and triage colour, minutes, and the share out of hours. How each is counted is said in `method`."""
    asked = span(from_, to, utc_now(), STAYS_SPAN)
    report = await look_over(request, lambda act: cancer_calls(act, asked, by))
    return rows_or_csv(request, report, report.rows, CallsRow)


ROUTES: list[Any] = [get_cancer_calls]
