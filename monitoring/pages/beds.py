"""What a coordinator looks at: beds by ward and pathway, who waits, who came and went today, what delays; reports."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath
from sqlalchemy import ARRAY, Text, bindparam, text

from monitoring.acts import Act, Incoming, look, look_over
from monitoring.clock import WARD_TIME
from monitoring.database import AnyRow
from monitoring.flow.states import PRIORITIES
from monitoring.health import Part
from monitoring.pages.board import wards_of
from monitoring.pages.rendering import HEADERS, page
from monitoring.pages.seen import goes_on
from monitoring.pages.unwell import what_is_unwell
from monitoring.pages.words import plain
from monitoring.refusals import NotFound
from monitoring.reports import occupancy
from monitoring.reports.alert_burden import BurdenBy, BurdenReport, BurdenRow, alert_burden
from monitoring.reports.answers import CSV, csv_of
from monitoring.reports.delays import DelaysRow, delays
from monitoring.reports.occupancy import Wanted
from monitoring.reports.occupancy_forms import as_csv
from monitoring.reports.periods import Span
from monitoring.reports.sitrep import Row as SitRepRow
from monitoring.reports.sitrep import SitRepReport, last_instant
from monitoring.reports.sitrep_snapshots import sitrep
from monitoring.reports.spell_groups import SpellsBy
from monitoring.wards.beds import Beds, beds
from monitoring.wards.occupancy import ShiftView, staffing
from monitoring.wards.tables import Ward

OPEN: Final[dict[str, Any]] = {"opt": {"allows": "read reports"}, "include_in_schema": False}
SHOWN_MAX: Final = 200
WEEK: Final = timedelta(days=7)
"""What the chart, the burden of alerts and the downloads look back on."""

_OF_THEIRS: Final = "(:wards IS NULL OR ward.code = ANY(:wards))"
_SPELLS: Final = f"""
    SELECT ward.code AS ward, patient.public_id AS patient, patient.family_name, patient.given_name, episode.*
    FROM episode JOIN ward ON ward.id = episode.ward_id JOIN patient ON patient.id = episode.patient_id
    WHERE {_OF_THEIRS} AND {{which}} LIMIT :limit
"""  # noqa: S608 - put together from constants
_ADMITTED: Final = "episode.admitted_at >= :midnight ORDER BY episode.admitted_at DESC"
_DISCHARGED: Final = "episode.discharged_at >= :midnight ORDER BY episode.discharged_at DESC"
_EXPECTED: Final = (
    "episode.discharged_at IS NULL AND episode.expected_discharge_on <= :today ORDER BY episode.expected_discharge_on"
)
_WAITING: Final = f"""
    SELECT ward.code AS ward, patient.public_id AS patient, patient.family_name, patient.given_name, referral.urgency,
           referral.step, referral.condition, referral.received_at
    FROM referral JOIN ward ON ward.id = referral.ward_id JOIN patient ON patient.id = referral.patient_id
    WHERE {_OF_THEIRS} AND referral.state = 'waiting'
    ORDER BY referral.urgency, referral.received_at, referral.id LIMIT :limit
"""  # noqa: S608 - put together from constants
_DELAYS: Final = f"""
    SELECT ward.code AS ward, patient.public_id AS patient, patient.family_name, patient.given_name, delay.owner,
           delay.due_at, delay.from_at, coalesce(code.meaning, delay.reason) AS reason
    FROM delay JOIN ward ON ward.id = delay.ward_id JOIN episode ON episode.id = delay.episode_id
    JOIN patient ON patient.id = episode.patient_id
    LEFT JOIN code ON code.list = 'delay_reason' AND code.code = delay.reason
    WHERE {_OF_THEIRS} AND delay.ended_at IS NULL ORDER BY delay.due_at LIMIT :limit
"""  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True)
class Line:
    """The beds of a ward, or of all wards of a pathway."""

    name: str
    ward: Ward | None
    beds: Beds
    waiting: int
    staffing: list[ShiftView]


@dataclass(frozen=True, slots=True)
class Picture:
    """The beds as they were at an instant."""

    at: datetime
    today: date
    pathways: dict[str, list[Line]]  # the pathway's own line first, where it has several wards
    queue: list[AnyRow]
    admitted: list[AnyRow]
    discharged: list[AnyRow]
    expected: list[AnyRow]
    delays: list[AnyRow]
    unwell: dict[str, Part]

    @property
    def waiting(self) -> int:
        """Patients who wait for a bed."""
        return len(self.queue)


@get("/beds", **OPEN)
async def get_beds(request: Incoming) -> Response[str]:
    """The whole page."""
    picture = await _picture(request)
    burden, returned = await look_over(
        request, lambda act: (_burden(act), sitrep(act, last_instant(act.now), None, None))
    )
    await goes_on(request)
    return page("beds.html", me=request.user, **_shown(picture), burden=burden, sitrep=returned, reports=list(REPORTS))


@get("/beds/part", **OPEN)
async def get_beds_part(request: Incoming) -> Response[str]:
    """The live part."""
    return page("_beds.html", **_shown(await _picture(request)))


@get("/beds/{report:str}", **OPEN)
async def get_download(request: Incoming, report: FromPath[str]) -> Response[bytes]:
    """A report as a file for a spreadsheet: a link cannot say `Accept: text/csv`."""
    made = REPORTS.get(report)
    if made is None:
        raise NotFound(f"There is no report {report}.")
    content = await look_over(request, lambda act: b"".join(made(act)))
    named = {"Content-Disposition": f'attachment; filename="{report}"'}
    return Response(content, media_type=CSV, headers=HEADERS | named)


def _shown(picture: Picture) -> dict[str, Any]:
    return {"picture": picture, "priorities": PRIORITIES}


async def _picture(request: Incoming) -> Picture:
    unwell = await what_is_unwell(request)
    return await look(request, lambda act: _read(act, unwell))


def _read(act: Act, unwell: dict[str, Part]) -> Picture:
    here = act.now.astimezone(WARD_TIME)
    asked = {
        "wards": None if act.who.wards is None else sorted(act.who.wards),
        "midnight": here.replace(hour=0, minute=0, second=0, microsecond=0),
        "today": here.date(),
        "limit": SHOWN_MAX,
    }

    def rows(query: str) -> list[AnyRow]:
        known = {name: value for name, value in asked.items() if f":{name}" in query}
        found = act.session.execute(text(query).bindparams(bindparam("wards", type_=ARRAY(Text))), known)
        return list(found)

    queue = rows(_WAITING)
    return Picture(
        at=act.now,
        today=here.date(),
        pathways=_lines(act, Counter(row.ward for row in queue)),
        queue=queue,
        admitted=rows(_SPELLS.replace("{which}", _ADMITTED)),
        discharged=rows(_SPELLS.replace("{which}", _DISCHARGED)),
        expected=rows(_SPELLS.replace("{which}", _EXPECTED)),
        delays=rows(_DELAYS),
        unwell=unwell,
    )


def _lines(act: Act, waiting: Counter[str]) -> dict[str, list[Line]]:
    wards = wards_of(act)
    counted = beds(act.session, [ward.id for ward in wards], act.now)
    found: dict[str, list[Line]] = {}
    for ward in sorted(wards, key=lambda one: (one.pathway, one.code)):
        mine = counted[ward.id]
        line = Line(ward.code, ward, mine, waiting[ward.code], staffing(mine.occupied, ward.staff_on_shift or {}))
        found.setdefault(ward.pathway, []).append(line)
    return {name: [_sum(name, lines), *lines] if len(lines) > 1 else lines for name, lines in found.items()}


def _sum(pathway: str, lines: list[Line]) -> Line:
    added = {name: sum(getattr(line.beds, name) for line in lines) for name in Beds.__struct_fields__}
    return Line(f"All of {plain(pathway)}", None, Beds(**added), sum(line.waiting for line in lines), [])


def _last_week(act: Act) -> Span:
    return Span(act.now - WEEK, act.now)


def _burden(act: Act) -> BurdenReport:
    return alert_burden(act, _last_week(act), BurdenBy.WARD)


def _sitrep_csv(act: Act) -> Iterator[bytes]:
    report: SitRepReport = sitrep(act, last_instant(act.now), None, None)
    return (line.encode() for line in csv_of(report.rows, SitRepRow))


def _burden_csv(act: Act) -> Iterator[bytes]:
    return (line.encode() for line in csv_of(_burden(act).rows, BurdenRow))


def _delays_csv(act: Act) -> Iterator[bytes]:
    return (line.encode() for line in csv_of(delays(act, _last_week(act), SpellsBy.WARD).rows, DelaysRow))


def _occupancy_csv(act: Act) -> Iterator[bytes]:
    return as_csv(occupancy.read(act.session, Wanted(_last_week(act)), act.who.wards, act.now))


REPORTS: Final[dict[str, Callable[[Act], Iterator[bytes]]]] = {
    "sitrep.csv": _sitrep_csv,
    "alert-burden.csv": _burden_csv,
    "delays.csv": _delays_csv,
    "occupancy.csv": _occupancy_csv,
}
"""What can be downloaded, by the name of its file."""

ROUTES: list[Any] = [get_beds, get_beds_part, get_download]
