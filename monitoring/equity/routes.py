"""The report on equity over HTTP."""

from datetime import timedelta
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from monitoring.acts import Incoming, look_over
from monitoring.clock import utc_now
from monitoring.equity.cuts import Cut
from monitoring.equity.report import EquityReport, EquityRow, equity
from monitoring.reports.answers import described, rows_or_csv
from monitoring.reports.periods import span
from monitoring.reports.routes import TAGS, From, To

EQUITY_SPAN: Final = timedelta(days=365)
"""What the report covers where nothing is said: a year has its winter. The design's own."""


@get(
    "/v1/reports/equity",
    opt={"allows": "read equity"},
    tags=TAGS,
    summary="Equity: every figure by who the patients are",
    responses=described(EquityReport),
)
async def get_equity(
    request: Incoming,
    from_: From = None,
    to: To = None,
    by: Annotated[Cut, QueryParameter(description="What people are put together by")] = Cut.DEPRIVATION,
    icb: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Referrals, admissions, length of stay, readmissions, deaths, occupancy and time to acknowledge by group, beside
    the population served. Small numbers are suppressed. How each is counted is said in `method`.
    """
    asked = span(from_, to, utc_now(), EQUITY_SPAN)
    report = await look_over(request, lambda act: equity(act, asked, by, icb))
    return rows_or_csv(request, report, report.rows, EquityRow)


ROUTES: list[Any] = [get_equity]
