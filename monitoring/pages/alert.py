"""An alert as a page: why it fired, on which readings, what was done, who is told next, and what can be done now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from alert_rules.alarms import ENDED, TECHNICAL, Outcome
from alert_rules.ladder import ROUTES as WAYS_OUT
from alert_rules.sepsis import CRITERIA, Tool
from alert_rules.vitals import PARAMETERS
from monitoring.access.permissions import MAY
from monitoring.acts import Act, Incoming, look
from monitoring.alerts import finding
from monitoring.alerts.views import AlertDetail
from monitoring.chart.reading import Span
from monitoring.escalation import by_hand
from monitoring.escalation.by_hand import EscalationView
from monitoring.health import Part
from monitoring.pages.beside import said
from monitoring.pages.patient import SpanAsked
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.pages.unwell import what_is_unwell
from monitoring.patients import register
from monitoring.patients.plan import PlanView
from monitoring.patients.plans import current_plan
from monitoring.patients.register import PatientView
from monitoring.refusals import NotFound
from monitoring.sepsis.answering import ASKABLE

OPEN: Final[dict[str, Any]] = {
    "opt": {"allows": "read alerts", "whose": finding.alert}, "include_in_schema": False,
}  # fmt: skip
TELL: Final = ("next", "clinician", "coordinator", *WAYS_OUT)
"""Whom a person can tell by hand."""
TOOLS: Final = {Tool.NEWS2: "NEWS2", Tool.NICE_COMMUNITY: "the NICE table for the community"}
"""By what somebody says whether sepsis is suspected."""


@dataclass(frozen=True, slots=True)
class Used:
    """A reading that the alert rests on, as it was said, and when it was taken."""

    said: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """An alert as it was at an instant."""

    at: datetime
    alert: AlertDetail
    patient: PatientView
    plan: PlanView | None
    escalation: EscalationView
    used: dict[str, Used]  # by parameter
    may: frozenset[str]  # answer, resolve, refer, snooze, sepsis, not_sepsis
    unwell: dict[str, Part]


@get("/alerts/{alert:uuid}", **OPEN)
async def get_alert_page(request: Incoming, alert: FromPath[UUID], span: SpanAsked = Span.DAY) -> Response[str]:
    """The whole page."""
    picture = await _picture(request, alert)
    await goes_on(request)
    return page("alert.html", me=request.user, **_shown(picture, span))


@get("/alerts/{alert:uuid}/part", **OPEN)
async def get_alert_part(request: Incoming, alert: FromPath[UUID], span: SpanAsked = Span.DAY) -> Response[str]:
    """The live part."""
    return page("_alert.html", **_shown(await _picture(request, alert), span))


async def _picture(request: Incoming, alert: UUID) -> Picture:
    unwell = await what_is_unwell(request)
    return await look(request, lambda act: _read(act, alert, unwell))


def _shown(picture: Picture, span: Span) -> dict[str, Any]:
    return {
        "picture": picture,
        "span": span,
        "spans": list(Span),
        "outcomes": list(Outcome),
        "tell": TELL,
        "parameters": PARAMETERS,
        "tools": TOOLS,
        "criteria": CRITERIA,
    }


def _read(act: Act, alert_id: UUID, unwell: dict[str, Part]) -> Picture:
    shown = finding.alert(act, alert_id)
    try:
        plan = current_plan(act, shown.patient)
    except NotFound:  # on no ward any more
        plan = None
    return Picture(
        at=act.now,
        alert=shown,
        patient=register.patient(act, shown.patient),
        plan=plan,
        escalation=by_hand.escalation(act, alert_id),
        used=readings_used(shown.why),
        may=_may(act, shown),
        unwell=unwell,
    )


def readings_used(why: dict[str, Any]) -> dict[str, Used]:
    """The values that were scored, each with when it was taken: those carried into a set are older than it."""
    inputs, ages_min = why.get("inputs", {}), why.get("ages_min", {})
    if not inputs:
        return {}
    taken_at = datetime.fromisoformat(why["taken_at"])
    return {
        name: Used(said(place, inputs[name]), taken_at - timedelta(minutes=ages_min.get(name, 0)))
        for place, name in enumerate(PARAMETERS)
        if name in inputs
    }


def _may(act: Act, shown: AlertDetail) -> frozenset[str]:
    """What this person may do with this alert now. The API judges again: this is what is offered."""
    if shown.state in ENDED or act.who.role not in MAY["answer alerts"]:
        return frozenset()
    offered = {"answer"}
    if act.who.registered or shown.kind in TECHNICAL:
        offered.add("resolve")
    if shown.severity == "amber":
        offered.add("snooze")
    if act.who.role in MAY["refer to ucr"]:
        offered.add("refer")
    if act.who.role in MAY["answer sepsis"] and shown.kind in ASKABLE:
        offered |= {"sepsis", "not_sepsis"} if act.who.registered else {"sepsis"}
    return frozenset(offered)


ROUTES: list[Any] = [get_alert_page, get_alert_part]
