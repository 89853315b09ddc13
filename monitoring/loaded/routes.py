"""Loadable tables over HTTP: CSV in, and which version holds from when."""

from datetime import date
from typing import Annotated, Any

from litestar import Response, get, put
from litestar.params import FromPath, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.loaded import loading
from monitoring.loaded.csv_rows import MEDIA_TYPE, csv_body
from monitoring.loaded.formats import TableName
from monitoring.loaded.loading import BYTES_MAX, LoadingView
from monitoring.openapi import reads
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.refusals import unacceptable

TAGS = ["tables"]


@put(
    "/v1/tables/{name:str}",
    opt={"allows": "load tables", "reads": MEDIA_TYPE},
    tags=TAGS,
    summary="Load a table from a day on",
    operation_class=reads(MEDIA_TYPE, {"type": "string"}),
    request_max_body_size=BYTES_MAX,
)
async def put_table(
    request: Incoming,
    name: FromPath[TableName],
    from_: Annotated[
        date | None, QueryParameter(name="from", description="The day from which on it holds; required")
    ] = None,
) -> Response[LoadingView]:
    """The whole table as CSV with a header, up to 32 MiB; what was loaded for that day before is replaced.

    `deprivation`: area (an LSOA, a postcode or a postcode district), quintile (1, the most deprived, to 5).
    `postcodes`: postcode, lsoa. `ethnicity`: code, group (asian, black, mixed, white, other).
    `population`: icb, by (a cut of the report on equity), group, people.
    `practices`: gp_practice, network, contact (agreed, optional).

    Where anything is wrong, the first 20 faults are named by line and column, and nothing is loaded.
    """
    if from_ is None:
        raise unacceptable("from", "required: the day from which on the table holds")
    body = await csv_body(request)
    return await change(request, lambda act: loading.load(act, name, from_, body))


@get("/v1/tables/{name:str}", opt={"allows": "read wards"}, tags=TAGS, summary="The versions of a table")
async def get_table(
    request: Incoming, name: FromPath[TableName], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[LoadingView]:
    """Which versions were loaded, by whom; newest first. The newest that is not after a day holds on that day."""
    return await look(request, lambda act: loading.loadings(act, name, limit, cursor))


ROUTES: list[Any] = [put_table, get_table]
