"""The report on UCR's response over HTTP."""

from datetime import timedelta
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter

from monitoring.acts import Incoming, look_over
from monitoring.clock import utc_now
from monitoring.reports.answers import described, rows_or_csv
from monitoring.reports.periods import span
from monitoring.reports.routes import TAGS, From, To
from monitoring.ucr.report import UcrReport, UcrRow, ucr_response
from monitoring.ucr.report_query import UcrBy

UCR_SPAN: Final = timedelta(days=30)
"""What the report covers where nothing is said: its national form is monthly. The design's own."""


@get(
    "/v1/reports/ucr-response",
    opt={"allows": "read reports"},
    tags=TAGS,
    summary="How soon UCR came",
    responses=described(UcrReport),
)
async def get_ucr_response(
    request: Incoming,
    from_: From = None,
    to: To = None,
    by: Annotated[UcrBy, QueryParameter(description="What referrals are put together by")] = UcrBy.TEAM,
) -> Response[bytes]:
    """The provider's measure and the patient's against the two-hour standard, exclusions by reason, never dropped. How
    each is counted is said in `method`.
    """
    asked = span(from_, to, utc_now(), UCR_SPAN)
    report = await look_over(request, lambda act: ucr_response(act, asked, by))
    return rows_or_csv(request, report, report.rows, UcrRow)


ROUTES: list[Any] = [get_ucr_response]
