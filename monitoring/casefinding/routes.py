"""Case finding over HTTP: who was found, contacts of others as CSV, and what was sent on with the reply."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from monitoring.acts import Incoming, change, look, look_over
from monitoring.casefinding import contacts, sending
from monitoring.casefinding.cases import Case, CasePage, Found, Source, Wanted, cases
from monitoring.casefinding.contacts import Imported
from monitoring.casefinding.sending import ReplyBody, SentBody, SentView
from monitoring.clock import utc_now
from monitoring.loaded.csv_rows import MEDIA_TYPE, csv_body
from monitoring.openapi import reads
from monitoring.paging import LIMIT, LIMIT_MAX, Cursor, Limit, Page
from monitoring.refusals import unacceptable
from monitoring.reports.answers import BY_ACCEPT, CSV, chosen, csv_lines, csv_names, described
from monitoring.reports.periods import Span, span
from monitoring.reports.routes import From, To

TAGS = ["case finding"]
SEND: Final[dict[str, Any]] = {"opt": {"allows": "send cases"}, "tags": TAGS}
IMPORT: Final[dict[str, Any]] = SEND | {"opt": {"allows": "send cases", "reads": MEDIA_TYPE}, "status_code": 200}
REPLY: Final[dict[str, Any]] = SEND | {"opt": {"allows": "send cases", "whose": sending.one_sent}, "status_code": 200}
CASES_SPAN: Final = timedelta(days=30)
"""What the report covers where nothing is said. The design's own."""

SPAN_MAX: Final = timedelta(days=366)

FromSource = Annotated[Source, QueryParameter(description="Measured at home, or once by somebody else")]
OnlyFinding = Annotated[
    Found | None, QueryParameter(description="Only these; the list (undiagnosed, uncontrolled) where nothing is said")
]


@get(
    "/v1/reports/case-finding",
    opt={"allows": "find cases"},
    tags=TAGS,
    summary="Who may have hypertension",
    responses=described(CasePage),
)
async def get_cases(  # noqa: PLR0913 - a parameter each that a reader may name
    request: Incoming,
    from_: From = None,
    to: To = None,
    source: FromSource = Source.HOME,
    gp_practice: FromQuery[str | None] = None,
    network: FromQuery[str | None] = None,
    finding: OnlyFinding = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response[Any]:
    """Adults whose blood pressure at home, or as somebody else measured it, is raised: a page as JSON, all as CSV.

    At home (NICE NG136): twice daily, two measurements at least a minute apart, at least 4 days, the first day dropped,
    mean 135/85 or more. Contacts of others: 140/90 or more. At 180/120 or more on the newest day, or as the mean,
    somebody calls the same day: they are no part of the list, counted in `same_day`, asked for by `finding=same_day`.

    A page looks at `limit` spells or contacts of the period, so it may hold fewer cases than that, and still has a
    `next`.
    """
    wanted = Wanted(_asked(from_, to), source, gp_practice, network, finding)

    def page(limit: int, cursor: str | None) -> Awaitable[CasePage]:
        return look_over(request, lambda act: cases(act, wanted, limit, cursor))

    if chosen(request) == CSV:
        return Stream(_csv(await page(LIMIT_MAX, cursor), page), media_type=CSV, headers=BY_ACCEPT)
    return Response(await page(limit, cursor), headers=BY_ACCEPT)


async def _csv(first: CasePage, page: Callable[[int, str | None], Awaitable[CasePage]]) -> AsyncIterator[str]:
    """The first page and all that follow, a transaction each: a reader may be slow."""
    yield csv_names(Case)
    yield "".join(csv_lines(first.items))
    cursor = first.next
    while cursor is not None:
        following = await page(LIMIT_MAX, cursor)
        yield "".join(csv_lines(following.items))
        cursor = following.next


def _asked(from_: str | None, to: str | None) -> Span:
    asked = span(from_, to, utc_now(), CASES_SPAN)
    if asked.until_at - asked.from_at > SPAN_MAX:
        raise unacceptable("from", f"is more than {SPAN_MAX.days} days before to")
    return asked


@post(
    "/v1/case-finding/contacts",
    **IMPORT,
    summary="Import blood pressures that others measured",
    operation_class=reads(MEDIA_TYPE, {"type": "string"}),
)
async def post_contacts(request: Incoming) -> Response[Imported]:
    """CSV with a header: nhs_number, at, systolic, diastolic, conveyed (yes or no), gp_practice (may be empty).

    Up to 10,000 rows; where anything is wrong, faults are named by line and column, and nothing is kept. Who was
    conveyed is left out, and so is what is below 140/90. The same rows again change nothing.
    """
    body = await csv_body(request)
    return await change(request, lambda act: contacts.import_contacts(act, body))


@post("/v1/case-finding/sent", **SEND, summary="Cases were sent to a practice")
async def post_sent(request: Incoming, data: JSONBody[SentBody]) -> Response[SentView]:
    """Which cases were sent to whom, by whom and when. To the agreed contact only, where the table of practices has
    one; nobody whom somebody should call today.
    """
    return await change(
        request, lambda act: sending.send(act, data), location=lambda made: f"/v1/case-finding/sent/{made.id}"
    )


@get("/v1/case-finding/sent", opt={"allows": "find cases"}, tags=TAGS, summary="What was sent, newest first")
async def get_all_sent(
    request: Incoming, gp_practice: FromQuery[str | None] = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[SentView]:
    """The lists that were sent, with the replies."""
    return await look_over(request, lambda act: sending.sent(act, gp_practice, limit, cursor))


@get(
    "/v1/case-finding/sent/{sent:uuid}",
    opt={"allows": "find cases", "whose": sending.one_sent},
    tags=TAGS,
    summary="A list that was sent",
)
async def get_sent(request: Incoming, sent: FromPath[UUID]) -> SentView:
    """With the replies."""
    return await look(request, lambda act: sending.one_sent(act, sent))


@post("/v1/case-finding/sent/{sent:uuid}/reply", **REPLY, summary="The practice replied")
async def post_reply(request: Incoming, sent: FromPath[UUID], data: JSONBody[ReplyBody]) -> Response[SentView]:
    """What the practice did for a case: reviewed, diagnosed, optimised or lifestyle; several in time."""
    return await change(request, lambda act: sending.reply(act, sent, data))


ROUTES: list[Any] = [get_cases, post_contacts, post_sent, get_all_sent, get_sent, post_reply]
