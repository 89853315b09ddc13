"""Reports on recovery and discharge to assess over HTTP: JSON, or CSV by `Accept: text/csv`."""

from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter

from monitoring.acts import Incoming, look_over
from monitoring.clock import utc_now
from monitoring.recovery import awaiting, report
from monitoring.recovery.awaiting import AwaitingReport, AwaitingRow
from monitoring.recovery.report import ClockReport, ClockRow
from monitoring.reports.answers import described, rows_or_csv
from monitoring.reports.periods import span
from monitoring.reports.routes import TAGS, From, To
from monitoring.reports.spell_groups import SpellsBy
from monitoring.reports.stay_routes import READ, STAYS_SPAN

By = Annotated[
    SpellsBy, QueryParameter(description="What patients are put together by; the total is there in any case")
]
WARD: Final = SpellsBy.WARD


@get(
    "/v1/reports/recovery",
    opt=READ,
    tags=TAGS,
    summary="Recovery: first care in time",
    responses=described(ClockReport),
)
async def get_recovery_report(request: Incoming, from_: From = None, to: To = None, by: By = WARD) -> Response[bytes]:
    """From the hospital's referral to first care, of the referrals of the period: met, not met, and everybody else by
    why not; still open past the limit is not met. What is counted how is said in `method`.
    """
    asked = span(from_, to, utc_now(), STAYS_SPAN)
    found = await look_over(request, lambda act: report.recovery_report(act, asked, by))
    return rows_or_csv(request, found, found.rows, ClockRow)


@get(
    "/v1/reports/discharge-to-assess",
    opt=READ,
    tags=TAGS,
    summary="Discharge to assess: assessed in time",
    responses=described(ClockReport),
)
async def get_assess_report(request: Incoming, from_: From = None, to: To = None, by: By = WARD) -> Response[bytes]:
    """From reaching home to the assessment, of those who reached home in the period; otherwise as for recovery."""
    asked = span(from_, to, utc_now(), STAYS_SPAN)
    found = await look_over(request, lambda act: report.assess_report(act, asked, by))
    return rows_or_csv(request, found, found.rows, ClockRow)


@get(
    "/v1/reports/awaiting-care",
    opt=READ,
    tags=TAGS,
    summary="Awaiting a package of care, day by day",
    responses=described(AwaitingReport),
)
async def get_awaiting_report(request: Incoming, from_: From = None, to: To = None) -> Response[bytes]:
    """How many await care on each ward at 08:00 of each day, with the hours a week that it will take."""
    asked = span(from_, to, utc_now(), STAYS_SPAN)
    found = await look_over(request, lambda act: awaiting.awaiting_daily(act, asked))
    return rows_or_csv(request, found, found.rows, AwaitingRow)


ROUTES: list[Any] = [get_recovery_report, get_assess_report, get_awaiting_report]
