"""Reports on stays over HTTP: how long, why longer, how patients found it, and an extract to compare them by."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from monitoring.acts import Act, Incoming, look_over
from monitoring.clock import utc_now
from monitoring.paging import LIMIT, LIMIT_MAX, Cursor, Limit, Page
from monitoring.reports import extract
from monitoring.reports.answers import BY_ACCEPT, CSV, chosen, csv_lines, csv_names, described, rows_or_csv
from monitoring.reports.delays import DelaysReport, DelaysRow, delays
from monitoring.reports.experience import ExperienceReport, ExperienceRow, experience
from monitoring.reports.extract import ExtractRow
from monitoring.reports.periods import Span, span
from monitoring.reports.routes import TAGS, From, To
from monitoring.reports.spell_groups import SpellsBy
from monitoring.reports.stays import StaysReport, StaysRow, stays

READ = {"allows": "read reports"}
STAYS_SPAN: Final = timedelta(days=30)
"""What reports on stays cover where nothing is said. The design's own."""

By = Annotated[SpellsBy, QueryParameter(description="What spells are put together by; the total is there in any case")]


@get(
    "/v1/reports/stays",
    opt=READ,
    tags=TAGS,
    summary="Length of stay, and what became of it",
    responses=described(StaysReport),
)
async def get_stays(request: Incoming, from_: From = None, to: To = None, by: By = SpellsBy.ALL) -> Response[bytes]:
    """Length of stay, step-up and step-down, admissions avoided, bed days saved, readmissions, escalations, deaths,
    failed discharges, and who is ready and still in. How each is counted is said in `method`.
    """
    report = await look_over(request, _of(stays, _asked(from_, to), by))
    return rows_or_csv(request, report, report.rows, StaysRow)


@get("/v1/reports/delays", opt=READ, tags=TAGS, summary="Reasons for delay", responses=described(DelaysReport))
async def get_delays(request: Incoming, from_: From = None, to: To = None, by: By = SpellsBy.ALL) -> Response[bytes]:
    """Why patients who were ready did not leave, and the days that it took."""
    report = await look_over(request, _of(delays, _asked(from_, to), by))
    return rows_or_csv(request, report, report.rows, DelaysRow)


@get("/v1/reports/experience", opt=READ, tags=TAGS, summary="Patient experience", responses=described(ExperienceReport))
async def get_experience(
    request: Incoming, from_: From = None, to: To = None, by: By = SpellsBy.ALL
) -> Response[bytes]:
    """What patients answered: score, whether they recommend it, whether they felt safe. Too few are not shown."""
    report = await look_over(request, _of(experience, _asked(from_, to), by))
    return rows_or_csv(request, report, report.rows, ExperienceRow)


@get(
    "/v1/reports/extract",
    opt={"allows": "read extracts"},
    tags=TAGS,
    summary="A pseudonymised extract of stays",
    responses=described(Page[ExtractRow]),
)
async def get_extract(
    request: Incoming, from_: From = None, to: To = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Response[Any]:
    """The spells that began in the period, newest first: a page as JSON, all of them as CSV.

    Pseudonyms are the same for one person within this installation, and lead back to nobody without its key.
    """
    asked = _asked(from_, to)

    def page(limit: int, cursor: str | None) -> Awaitable[Page[ExtractRow]]:
        return look_over(request, lambda act: extract.extract(act, asked, limit, cursor))

    if chosen(request) == CSV:
        return Stream(_csv(await page(LIMIT_MAX, cursor), page), media_type=CSV, headers=BY_ACCEPT)
    return Response(await page(limit, cursor), headers=BY_ACCEPT)


async def _csv(
    first: Page[ExtractRow], page: Callable[[int, str | None], Awaitable[Page[ExtractRow]]]
) -> AsyncIterator[str]:
    """The first page and all that follow, a transaction each: a reader may be slow."""
    yield csv_names(ExtractRow)
    yield "".join(csv_lines(first.items))
    cursor = first.next
    while cursor is not None:
        following = await page(LIMIT_MAX, cursor)
        yield "".join(csv_lines(following.items))
        cursor = following.next


def _asked(from_: str | None, to: str | None) -> Span:
    return span(from_, to, utc_now(), STAYS_SPAN)


def _of(report: Callable[[Act, Span, SpellsBy], Any], asked: Span, by: SpellsBy) -> Callable[[Act], Any]:
    return lambda act: report(act, asked, by)


ROUTES: list[Any] = [get_stays, get_delays, get_experience, get_extract]
