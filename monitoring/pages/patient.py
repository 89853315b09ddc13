"""A patient as a page: who, the plan, the chart, the readings with their provenance, and everything that happened."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from alert_rules.accepted import ACCEPTED_FOR_MAX
from alert_rules.limits import UNITS
from monitoring.acts import Act, Incoming, look
from monitoring.alerts import finding
from monitoring.alerts.views import AlertView
from monitoring.aside.views import AsideFilter, SetAsideView
from monitoring.chart.reading import Span
from monitoring.pages.kit import aside_of
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.pages.timeline import Happened, timeline
from monitoring.patients import chart, register
from monitoring.patients.plan import PlanView
from monitoring.patients.plans import current_plan
from monitoring.patients.register import PatientView
from monitoring.patients.views import ReadingView, ScoreView, reading_view, score_view
from monitoring.refusals import NotFound

SETS_SHOWN: Final = 30
ALERTS_SHOWN: Final = 20
ASIDE_SHOWN: Final = 10

SpanAsked = Annotated[Span, QueryParameter(name="span")]


@dataclass(frozen=True, slots=True)
class Picture:
    """A patient as they were at an instant."""

    at: datetime
    patient: PatientView
    plan: PlanView | None
    sets: list[tuple[ReadingView, ScoreView]]
    alerts: list[AlertView]
    timeline: list[Happened]
    aside: list[SetAsideView]


@get(
    "/patients/{patient:uuid}",
    opt={"allows": "read patients", "whose": register.find},
    include_in_schema=False,
)
async def get_patient_page(request: Incoming, patient: FromPath[UUID], span: SpanAsked = Span.DAY) -> Response[str]:
    """The whole page."""
    picture = await look(request, lambda act: _read(act, patient))
    await goes_on(request)
    days = [picture.at + timedelta(days=day) for day in range(1, ACCEPTED_FOR_MAX.days + 1)]
    return page("patient.html", me=request.user, picture=picture, span=span, spans=list(Span), vitals=UNITS, days=days)


def _read(act: Act, patient_id: UUID) -> Picture:
    shown = register.patient(act, patient_id)
    try:
        plan = current_plan(act, patient_id)
    except NotFound:
        plan = None
    found = register.find(act, patient_id)
    rows = chart.sets(act.session, found.id, chart.FIRST, act.now, SETS_SHOWN)
    return Picture(
        at=act.now,
        patient=shown,
        plan=plan,
        sets=[(reading_view(row, shown.id), score_view(row)) for row in rows],
        alerts=finding.alerts_of_patient(act, patient_id, ALERTS_SHOWN, None).items,
        timeline=timeline(act, found.id),
        aside=aside_of(act, AsideFilter(patient=patient_id), ASIDE_SHOWN),
    )


ROUTES: list[Any] = [get_patient_page]
