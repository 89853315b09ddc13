"""Changing a patient's plan: a form, a second look at what is new beside what holds, and only then the decision."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from sqlmodel import col, select

from alert_rules.limits import LIMITED, LINES, UNITS
from alert_rules.pathway import Pathway
from alert_rules.silence import times_for
from monitoring.acts import Act, Incoming, look
from monitoring.clock import local_day
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.pages.words import number, plain, vital
from monitoring.patients import register
from monitoring.patients.plan import PlanBody, PlanView, check_watched, make_plan, plan_view, reason_not_scored, require
from monitoring.patients.plans import current_plan
from monitoring.patients.register import PatientView
from monitoring.refusals import Fault, Unacceptable
from monitoring.rules.holding import pathway_at
from monitoring.wards.tables import Ward

DECIDE: Final[dict[str, Any]] = {
    "opt": {"allows": "decide plans", "whose": current_plan}, "include_in_schema": False,
}  # fmt: skip
REQUIRED: Final = ("reason", "review_on", "spo2_scale", "readings_per_day")
NOT_DRAWN: Final = "the usual"


@dataclass(frozen=True, slots=True)
class Now:
    """The patient, the plan that holds, and what a new one is judged by."""

    at: datetime
    patient: PatientView
    plan: PlanView
    pathway: Pathway
    not_scored: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """A part of the plan in words: as it is, and as it would be."""

    name: str
    old: str
    new: str


@get("/patients/{patient:uuid}/plan", **DECIDE)
async def get_plan_form(request: Incoming, patient: FromPath[UUID]) -> Response[str]:
    """The form, filled in with the plan that holds."""
    now = await look(request, lambda act: _now(act, patient))
    await goes_on(request)
    return _form(request, now, filled(now.plan), [], 200)


@post("/patients/{patient:uuid}/plan", status_code=200, **DECIDE)
async def post_plan_look(request: Incoming, patient: FromPath[UUID]) -> Response[str]:
    """The second look: what changes. Nothing is decided by it; what cannot be is said beside the form."""
    typed = {name: str(value).strip() for name, value in (await request.form()).items()}
    now = await look(request, lambda act: _now(act, patient))
    try:
        body = as_body(typed, now.plan)
        new = _judged(body, now)
    except Unacceptable as refused:
        return _form(request, now, typed, list(refused.faults), 422)
    await goes_on(request)
    return page(
        "plan_look.html", me=request.user, now=now, rows=beside(now.plan, new), body=msgspec.json.encode(body).decode(),
        reason=body.reason, review_on=body.review_on, changed_meanwhile=typed.get("plan") != str(now.plan.id),
    )  # fmt: skip


def _form(request: Incoming, now: Now, typed: dict[str, str], faults: list[Fault], status: int) -> Response[str]:
    return page(
        "plan.html", status=status, me=request.user, now=now, typed=typed, lines=LINES, vitals=UNITS, faults=faults
    )


def _now(act: Act, patient_id: UUID) -> Now:
    patient = register.patient(act, patient_id)
    plan = current_plan(act, patient_id)
    ward = act.session.execute(select(Ward).where(col(Ward.code) == patient.ward)).scalar_one()
    found = register.find(act, patient_id)
    not_scored = reason_not_scored(
        found.birth_date, found.pregnant, spinal_cord_injury=found.spinal_cord_injury, on=local_day(act.now)
    )
    return Now(act.now, patient, plan, pathway_at(act.session, ward.pathway, act.now), not_scored)


def filled(plan: PlanView) -> dict[str, str]:
    """A plan as the form's fields hold it."""
    escalation = plan.escalation or {}
    fields: dict[str, Any] = {
        "plan": plan.id,
        "spo2_scale": plan.spo2_scale,
        "home_oxygen_l_min": number(plan.home_oxygen_l_min),
        "readings_per_day": plan.readings_per_day,
        "times": "" if plan.times == list(times_for(plan.readings_per_day)) else ", ".join(plan.times),
        "usual_consciousness": plan.usual_consciousness or "",
        "monitoring": plan.monitoring,
        "hospital": escalation.get("hospital") or "",
        "cpr": escalation.get("cpr") or "",
        "preferred_place": escalation.get("preferred_place") or "",
    }
    fields |= {f"{name}.{line}": number(value) for name, own in plan.limits.items() for line, value in own.items()}
    return {field: str(value) for field, value in fields.items()}


def as_body(typed: dict[str, str], plan: PlanView) -> PlanBody:
    """What was typed, as the API takes it; what the form does not show stays as it is. Raises Unacceptable."""
    given = {name: value for name, value in typed.items() if value}
    limits: dict[str, dict[str, str]] = {}
    for name in LIMITED:
        if own := {line: given[f"{name}.{line}"] for line in LINES if f"{name}.{line}" in given}:
            limits[name] = own
    escalation: dict[str, Any] = {name: given[name] for name in ("hospital", "cpr", "preferred_place") if name in given}
    if escalation and plan.escalation and plan.escalation.get("review_on"):
        escalation["review_on"] = plan.escalation["review_on"]
    body: dict[str, Any] = {name: given[name] for name in _SIMPLE if name in given}
    body |= {"limits": limits or None, "escalation": escalation or None}
    body |= {"expects": plan.expects or None, "baselines": plan.baselines or None}
    if "times" in given:
        body["times"] = [one.strip() for one in given["times"].replace(";", ",").split(",") if one.strip()]
    try:
        return msgspec.convert(body, PlanBody, strict=False)
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        raise Unacceptable(Fault(where.strip("`.") or "plan", said)) from None


_SIMPLE: Final = (
    "spo2_scale", "home_oxygen_l_min", "readings_per_day", "usual_consciousness", "monitoring", "reason", "review_on",
)  # fmt: skip


def _judged(body: PlanBody, now: Now) -> PlanView:
    """The plan that it would make. Raises Unacceptable, as the decision itself would."""
    require(body, *REQUIRED)
    plan = make_plan(body, now.pathway, episode_id=0, decided_by=0, now=now.at, from_at=now.at)
    check_watched(plan, now.not_scored)
    return plan_view(plan)


def beside(old: PlanView, new: PlanView) -> list[Said]:
    """Every part of both plans in words, those that nobody drew in either left out."""
    was, would_be = _in_words(old), _in_words(new)
    return [Said(name, was.get(name, NOT_DRAWN), would_be.get(name, NOT_DRAWN)) for name in {**was, **would_be}]


def _in_words(plan: PlanView) -> dict[str, str]:
    escalation = plan.escalation or {}
    words = {
        "SpO2 scale": f"{plan.spo2_scale} (target 88 to 92 %)" if plan.spo2_scale == 2 else "1",
        "Home oxygen": f"{number(plan.home_oxygen_l_min)} L/min" if plan.home_oxygen_l_min else "none",
        "Monitoring": plan.monitoring,
        "Readings a day": f"{plan.readings_per_day}: {', '.join(plan.times)}" if plan.times else "none",
        "Usual consciousness": plan.usual_consciousness or "A",
        "To hospital": escalation.get("hospital") or "not recorded",
        "CPR": escalation.get("cpr") or "not recorded",
        "Preferred place": escalation.get("preferred_place") or "not recorded",
    }
    for name in LIMITED:
        drawn = plan.limits.get(name, {})
        words |= {f"{vital(name)}, {plain(line)}": number(drawn[line]) for line in LINES if line in drawn}
    return words


ROUTES: list[Any] = [get_plan_form, post_plan_look]
"""Both judge as the API does; the decision itself is `PUT /v1/patients/{id}/plan`."""
