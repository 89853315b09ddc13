"""The SitRep over HTTP: as it was taken, as it was corrected, and every time that it was."""

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look, look_over
from monitoring.fields import ODS_CODE
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.reports import sitrep_snapshots
from monitoring.reports.answers import described, rows_or_csv
from monitoring.reports.sitrep import Row, SitRepReport
from monitoring.reports.sitrep_snapshots import CorrectionBody, SnapshotView, instant_asked

TAGS = ["reports"]
READ = {"allows": "read reports"}
PATH = "/v1/reports/sitrep"

AsOf = Annotated[
    str | None,
    QueryParameter(description="An instant, RFC 3339, or a date: its 08:00 in London; the last Thursday's by default"),
]
OneIcb = Annotated[str | None, QueryParameter(pattern=ODS_CODE, description="An ICB's code")]
OneVersion = Annotated[int | None, QueryParameter(ge=1, le=2**15 - 1, description="The newest by default")]


@get(PATH, opt=READ, tags=TAGS, summary="The virtual-ward SitRep", responses=described(SitRepReport))
async def get_sitrep(
    request: Incoming,
    as_of: AsOf = None,
    icb: OneIcb = None,
    version: OneVersion = None,
) -> Response[bytes]:
    """Capacity, patients at 08:00 on Thursday in London, occupancy, capacity per 100,000 registered; the week's flow.

    By ICB, pathway and ward, of the wards flagged for it that are yours. As it was taken at the instant, the newest
    version; of an instant at which none was taken it is counted now, and has no version.
    """
    report = await look_over(
        request, lambda act: sitrep_snapshots.sitrep(act, instant_asked(as_of, act.now), version, icb)
    )
    return rows_or_csv(request, report, report.rows, Row)


@get(f"{PATH}/snapshots", opt=READ, tags=TAGS, summary="The SitReps that were taken, newest first")
async def get_snapshots(request: Incoming, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[SnapshotView]:
    """Of which instants, in which versions, when and by whom; the clock takes the first one of each."""
    return await look(request, lambda act: sitrep_snapshots.snapshots(act, limit, cursor))


@post(f"{PATH}/corrections", opt={"allows": "correct returns"}, tags=TAGS, summary="Count a SitRep again")
async def post_correction(request: Incoming, data: JSONBody[CorrectionBody]) -> Response[SitRepReport]:
    """A new version from the history as it is known now, with its reason. The versions before stay as they are."""
    return await change(request, lambda act: sitrep_snapshots.correct(act, data), location=_where)


def _where(report: SitRepReport) -> str:
    return f"{PATH}?{urlencode({'as_of': msgspec.to_builtins(report.as_of), 'version': report.version})}"


ROUTES: list[Any] = [get_sitrep, get_snapshots, post_correction]
