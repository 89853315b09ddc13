"""Who is reached, and what becomes of them, by who they are: the report on equity as a page, one cut at a time."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter

from monitoring.acts import Act, Incoming, look_over
from monitoring.equity.cuts import NOT_STATED, Cut
from monitoring.equity.report import ALL, EquityReport, EquityRow, equity
from monitoring.equity.routes import EQUITY_SPAN
from monitoring.pages.rendering import HEADERS, page
from monitoring.pages.seen import goes_on
from monitoring.pages.words import plain
from monitoring.reports.answers import CSV, csv_of
from monitoring.reports.periods import Span

OPEN: Final[dict[str, Any]] = {"opt": {"allows": "read equity"}, "include_in_schema": False}
CUTS: Final = {
    Cut.DEPRIVATION: "Deprivation",
    Cut.ETHNICITY: "Ethnicity",
    Cut.AGE: "Age",
    Cut.SEX: "Sex",
    Cut.LANGUAGE: "Language",
    Cut.INTERPRETER: "Interpreter needed",
    Cut.KIT: "Kit lent",
}
FIFTHS: Final = {"1": "1, the most deprived fifth", "5": "5, the least deprived fifth"}

By = Annotated[Cut, QueryParameter(name="by")]


@dataclass(frozen=True, slots=True)
class Line:
    """A group, and how far its bar reaches: admissions in proportion to the people of it, where those are known."""

    name: str
    row: EquityRow
    bar_percent: int | None


@get("/equity", **OPEN)
async def get_equity_page(request: Incoming, by: By = Cut.DEPRIVATION) -> Response[str]:
    """The whole page."""
    report = await look_over(request, lambda act: _read(act, by))
    await goes_on(request)
    return page("equity.html", me=request.user, report=report, lines=lines(report), cuts=CUTS)


@get("/equity.csv", **OPEN)
async def get_equity_file(request: Incoming, by: By = Cut.DEPRIVATION) -> Response[bytes]:
    """The same as a file for a spreadsheet; what is hidden is empty there."""
    report = await look_over(request, lambda act: _read(act, by))
    named = {"Content-Disposition": f'attachment; filename="equity-by-{by}.csv"'}
    return Response("".join(csv_of(report.rows, EquityRow)).encode(), media_type=CSV, headers=HEADERS | named)


def _read(act: Act, by: Cut) -> EquityReport:
    return equity(act, Span(act.now - EQUITY_SPAN, act.now), by, None)


def lines(report: EquityReport) -> list[Line]:
    """The total, which has no bar, and every group with one beside those of the others."""
    reached = [_reached(row, report) for row in report.groups]
    longest = max((one for one in reached if one is not None), default=0) or 1
    bars = [None if one is None else round(100 * one / longest) for one in reached]
    groups = [Line(_named(row.group, report.by), row, bar) for row, bar in zip(report.groups, bars, strict=True)]
    return [Line("All", report.total, None), *groups]


def _reached(row: EquityRow, report: EquityReport) -> float | None:
    """What is compared: shares of people where they were counted, else plain numbers."""
    return row.admissions if report.total.population is None else row.admissions_per_100k


def _named(group: str, by: Cut) -> str:
    if by is Cut.DEPRIVATION and group != NOT_STATED:
        return FIFTHS.get(group, group)
    return "All" if group == ALL else plain(group).capitalize()


ROUTES: list[Any] = [get_equity_page, get_equity_file]
