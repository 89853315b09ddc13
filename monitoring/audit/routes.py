"""The audit over HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from monitoring.acts import Incoming, look
from monitoring.audit.listing import AuditFilter, AuditView, audit
from monitoring.moments import instant
from monitoring.paging import LIMIT, LIMIT_MAX, Cursor, Limit, Page
from monitoring.reports.answers import BY_ACCEPT, CSV, chosen, csv_lines, csv_names, described

Since = Annotated[str | None, QueryParameter(name="from", description="An instant, RFC 3339")]
Until = Annotated[str | None, QueryParameter(name="to", description="An instant, RFC 3339: events before it")]
OfCaller = Annotated[UUID | None, QueryParameter(description="A member of staff, or a device")]


@get(
    "/v1/audit",
    opt={"allows": "read audit"},
    tags=["everyone"],
    summary="Who looked at or changed what, newest first",
    responses=described(Page[AuditView]),
)
async def get_audit(
    request: Incoming,
    subject: FromQuery[UUID | None] = None,
    by: OfCaller = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response[Any]:
    """Events of a patient, of a caller, of a period: a page as JSON, all of them as CSV for the patient who asks.

    With a `subject`, also what was looked at under the ids of records that were merged into this one; others whom an
    event shows are counted, not named. An auditor of some wards only has to name one. This leaves an event too.
    """
    wanted = AuditFilter(subject, by, instant("from", since), instant("to", until))

    def page(limit: int, cursor: str | None) -> Awaitable[Page[AuditView]]:
        return look(request, lambda act: audit(act, wanted, limit, cursor))

    if chosen(request) == CSV:
        return Stream(_csv(await page(LIMIT_MAX, cursor), page), media_type=CSV, headers=BY_ACCEPT)
    return Response(await page(limit, cursor), headers=BY_ACCEPT)


async def _csv(
    first: Page[AuditView], page: Callable[[int, str | None], Awaitable[Page[AuditView]]]
) -> AsyncIterator[str]:
    yield csv_names(AuditView)
    yield "".join(csv_lines(first.items))
    cursor = first.next
    while cursor is not None:
        following = await page(LIMIT_MAX, cursor)
        yield "".join(csv_lines(following.items))
        cursor = following.next


ROUTES: list[Any] = [get_audit]
