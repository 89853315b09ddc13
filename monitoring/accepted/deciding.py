"""A senior clinician accepts a value, anybody who decides plans withdraws it; each is one transaction."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from sqlmodel import col

from alert_rules.accepted import ACCEPTED_FOR_MAX, NEVER, critical_at, red_at
from alert_rules.limits import DECIMALS, POSSIBLE, SCALE_2
from alert_rules.news2 import Scale
from alert_rules.pathway import Pathway
from alert_rules.words import LABELS, sentence, shown
from devices.reading import in_whole_units
from monitoring.accepted.tables import AcceptedValue
from monitoring.accepted.views import AcceptedView, Holds, accepted_view, in_force, shown_query
from monitoring.acts import Act
from monitoring.clock import local_day
from monitoring.database import AnyRow
from monitoring.fields import Instant, Reason, in_utc
from monitoring.paging import Page, before, page
from monitoring.patients.plan import LimitedVital, lines_of, reason_not_scored
from monitoring.patients.plans import in_force as plan_in_force
from monitoring.patients.plans import stay_of
from monitoring.patients.register import find
from monitoring.patients.tables import LatestVitals, Patient, Plan
from monitoring.refusals import Conflict, Forbidden, NotFound, unacceptable
from monitoring.rules.holding import pathway_at
from monitoring.wards.tables import Episode

Value = Annotated[int, msgspec.Meta(ge=0, le=1500)] | Annotated[float, msgspec.Meta(ge=0, le=1500)]


class AcceptedBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One vital sign, down or up to which value, until when, and why."""

    vital: LimitedVital
    until: Instant
    reason: Reason
    down_to: Value | None = None
    up_to: Value | None = None


class WithdrawBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why it does not hold any more."""

    reason: Reason


def may_accept(act: Act, patient_id: UUID) -> Patient:
    """The patient, of a caller who may accept a value of theirs. Raises NotFound, Forbidden."""
    patient = find(act, patient_id)
    if not act.who.senior:
        raise Forbidden("Only a senior clinician accepts a value.")
    return patient


def accept(act: Act, patient_id: UUID, body: AcceptedBody) -> AcceptedView:
    """Accept one vital sign of a patient on a ward down, or up, to a value. Raises NotFound, Forbidden, Unacceptable.

    Conflict where a value is accepted already: one at a time, so that what two together mean is nobody's guess.
    """
    patient = may_accept(act, patient_id)
    _, episode, ward = stay_of(act, patient_id)
    until = in_utc("until", body.until)
    if not act.now < until <= act.now + ACCEPTED_FOR_MAX:
        raise unacceptable("until", f"must be from now to {(act.now + ACCEPTED_FOR_MAX).isoformat()}: 7 days at most")
    known = act.session.get_one(LatestVitals, episode.id, with_for_update=True)
    act.session.refresh(episode)
    if episode.discharged_at is not None:  # while we waited for the lock
        raise NotFound("The patient is on no ward.")
    plan = plan_in_force(act.session, episode, act.now)
    field, value = _checked(act, body, patient, plan, pathway_at(act.session, ward.pathway, act.now))
    if (holds := in_force(act.session, episode.id, act.now)) is not None:
        raise Conflict(f"{sentence(LABELS[holds.vital])} is accepted already: withdraw that first.", current=holds)
    made = AcceptedValue(
        episode_id=episode.id, vital=body.vital, up=field == "up_to", value=value, from_at=act.now, until_at=until,
        by=act.who.id, reason=body.reason,
    )  # fmt: skip
    act.session.add(made)
    known.accepted_until = max(until, known.accepted_until or until)
    act.session.flush()
    return accepted_view(_found(act, patient_id, made.public_id), act.now)


def withdraw(act: Act, patient_id: UUID, value_id: UUID, body: WithdrawBody) -> AcceptedView:
    """From now on it alarms as before. Raises NotFound; Conflict where it does not hold any more."""
    found: AcceptedValue = _found(act, patient_id, value_id)[0]
    act.session.get_one(LatestVitals, found.episode_id, with_for_update=True)
    act.session.refresh(found)
    now_as = accepted_view(_found(act, patient_id, value_id), act.now)
    if now_as.state is not Holds.IN_FORCE:
        raise Conflict(f"It is {now_as.state}.", current=now_as)
    found.withdrawn_at, found.withdrawn_by, found.withdrawn_reason = act.now, act.who.id, body.reason
    act.session.add(found)
    act.session.flush()
    return accepted_view(_found(act, patient_id, value_id), act.now)


def accepted_value(act: Act, patient_id: UUID, value_id: UUID) -> AcceptedView:
    """One of a patient. Raises NotFound."""
    return accepted_view(_found(act, patient_id, value_id), act.now)


def accepted_of(act: Act, patient_id: UUID, limit: int, cursor: str | None) -> Page[AcceptedView]:
    """All that was ever accepted of a patient, newest first. Raises NotFound."""
    query = shown_query().join(Episode, col(Episode.id) == col(AcceptedValue.episode_id))
    mine = (col(Episode.patient_id) == find(act, patient_id).id, col(AcceptedValue.id) < before(cursor))
    newest = query.where(*mine).order_by(col(AcceptedValue.id).desc())
    return page(act.session, newest, limit, lambda row: int(row[0].id), lambda row: accepted_view(row, act.now))


def _found(act: Act, patient_id: UUID, value_id: UUID) -> AnyRow:
    query = shown_query().join(Episode, col(Episode.id) == col(AcceptedValue.episode_id))
    mine = (col(Episode.patient_id) == find(act, patient_id).id, col(AcceptedValue.public_id) == value_id)
    if (row := act.session.execute(query.where(*mine)).one_or_none()) is None:
        raise NotFound(f"The patient has no accepted value {value_id}.")
    return row


def _checked(act: Act, body: AcceptedBody, patient: Patient, plan: Plan, pathway: Pathway) -> tuple[str, Decimal]:
    """The field that names the value, and the value. Raises Unacceptable for one that can't be, or covers nothing."""
    if (body.down_to is None) == (body.up_to is None):
        raise unacceptable("down_to", "say either down_to or up_to")
    high, vital = body.up_to is not None, body.vital
    field = "up_to" if high else "down_to"
    value = Decimal(repr(body.up_to if high else body.down_to))
    if (vital, high) in NEVER:
        raise unacceptable(field, "a low glucose is treated, never accepted")
    (low, most), decimals = POSSIBLE[vital], DECIMALS.get(vital, 0)
    if value != round(value, decimals) or not low <= value <= most:
        raise unacceptable(field, f"cannot be measured: {low} to {most} can, in steps of {10**-decimals:g}")
    units, scale = in_whole_units(float(value), decimals), _scale(plan)
    critical = critical_at(vital, high=high, scale=scale)
    if critical is not None and (units >= critical if high else units <= critical):
        raise unacceptable(field, f"is critical by itself, from {shown(vital, critical)} on: never accepted")
    scored = _is_scored(act, patient)
    line = _line(plan, pathway, vital, high=high, scored=scored)
    red = red_at((vital, high), scale=scale, scored=scored, line=line, rules=pathway.rules)
    if red is None or (units < red if high else units > red):
        begins = "nothing is red by it alone" if red is None else f"red begins at {shown(vital, red)}"
        raise unacceptable(field, f"covers nothing: {begins}")
    return field, value


def _scale(plan: Plan) -> Scale:
    return 2 if plan.spo2_scale == 2 else 1


def _is_scored(act: Act, patient: Patient) -> bool:
    spinal, day = patient.spinal_cord_injury, local_day(act.now)
    return reason_not_scored(patient.birth_date, patient.pregnant, spinal_cord_injury=spinal, on=day) is None


def _line(plan: Plan, pathway: Pathway, vital: str, *, high: bool, scored: bool) -> int | None:
    """The red limit that holds on that side: the plan's, else an adult's usual one."""
    name = "red_high" if high else "red_low"
    own = getattr(lines_of(plan.limits).get(vital), name, None)
    if own is not None or not scored:
        return own
    if vital == "spo2":
        usual = getattr(SCALE_2, name) if plan.spo2_scale == 2 else None if high else pathway.spo2.red_low
    else:
        usual = getattr(pathway.limits.get(vital), name, None)
    return None if usual is None else int(usual)
