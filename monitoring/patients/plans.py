"""Plans over time: the one in force, and a clinician's new one."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import Session, col

from alert_rules.alarms import Kind
from alert_rules.silence import overdue_at
from monitoring.accepted.views import in_force as accepted_in_force
from monitoring.acts import Act
from monitoring.alerts.life import About, Alerts
from monitoring.clock import local_day
from monitoring.escalation.following import dues_of, follow_plans
from monitoring.events import emit
from monitoring.fields import in_utc
from monitoring.patients.plan import (
    PlanBody,
    PlanView,
    check_watched,
    make_plan,
    plan_view,
    reason_not_scored,
    require,
    schedule_of,
)
from monitoring.patients.register import find
from monitoring.patients.tables import LatestVitals, Patient, Plan
from monitoring.refusals import Conflict, Fault, NotFound, Unacceptable
from monitoring.rules.holding import pathway_at
from monitoring.sepsis.asking import NOT_ASKED_NOW, put_away
from monitoring.wards.leaves import is_paused
from monitoring.wards.tables import Episode, Ward

AHEAD_MAX = timedelta(days=31)


def current_plan(act: Act, patient_id: UUID) -> PlanView:
    """The plan in force now. Raises NotFound where the patient is on no ward."""
    _, episode, _ = stay_of(act, patient_id)
    accepted = accepted_in_force(act.session, episode.id, act.now)
    return plan_view(in_force(act.session, episode, act.now), accepted)


def to_decide(act: Act, patient_id: UUID) -> tuple[Patient, Episode, Ward]:
    """The stay whose plan the caller may decide now. Raises NotFound, SignInAgain: scale and limits can harm most."""
    found = stay_of(act, patient_id)
    act.who.refuse_unless_recent(act.now)
    return found


def in_force(session: Session, episode: Episode, at: datetime) -> Plan:
    """The plan that holds at an instant of a stay, or at its first one: who was admitted meanwhile has one too."""
    since = max(at, episode.admitted_at)
    query = select(Plan).where(col(Plan.episode_id) == episode.id, col(Plan.from_at) <= since)
    newest = query.order_by(col(Plan.from_at).desc(), col(Plan.id).desc()).limit(1)
    plan: Plan = session.execute(newest).scalar_one()
    return plan


def from_now_on(session: Session, episode: Episode, now: datetime) -> list[Plan]:
    """The plan in force and those still to come; of several from one instant, the last decided."""
    current = in_force(session, episode, now)
    query = select(Plan).where(col(Plan.episode_id) == episode.id, col(Plan.from_at) > current.from_at)
    coming = {plan.from_at: plan for plan in session.execute(query.order_by(col(Plan.id))).scalars()}
    return [current, *coming.values()]


def replace_plan(act: Act, patient_id: UUID, body: PlanBody) -> PlanView:
    """A new plan from an instant on.

    Raises NotFound, SignInAgain, Unacceptable, Conflict for a stay that had not begun.
    """
    patient, episode, ward = to_decide(act, patient_id)
    require(body, "reason", "review_on", "spo2_scale", "readings_per_day")
    from_at = act.now if body.from_ is None else in_utc("from", body.from_)
    if from_at > act.now + AHEAD_MAX:
        raise Unacceptable(Fault("from", f"is more than {AHEAD_MAX.days} days ahead"))
    if from_at < episode.admitted_at:
        raise Conflict("The stay had not begun then.", current={"admitted_at": episode.admitted_at})
    known = act.session.get_one(LatestVitals, episode.id, with_for_update=True)
    act.session.refresh(episode)
    if episode.discharged_at is not None:  # while we waited for the lock
        raise NotFound("The patient is on no ward.")
    act.session.refresh(patient)  # as corrected by whoever had the lock before
    plan = make_plan(
        body,
        pathway_at(act.session, ward.pathway, act.now),
        episode_id=episode.id,
        decided_by=act.who.id,
        now=act.now,
        from_at=from_at,
    )
    not_scored = reason_not_scored(
        patient.birth_date,
        patient.pregnant,
        spinal_cord_injury=patient.spinal_cord_injury,
        on=local_day(from_at),
    )
    check_watched(plan, not_scored)
    act.session.add(plan)
    known.resolved = None  # by other rules it is not the same
    act.session.flush()
    silent_since = _silent_since(act, episode, known, plan)
    due_at = _due_at(known, plan, in_force(act.session, episode, act.now), act.now)
    known.due_at = None if is_paused(act.session, episode.id) else due_at
    known.overdue_at = overdue_at(known.due_at, silent_since, known.missed)
    act.session.flush()
    about = About(patient.id, patient.public_id, episode.id, ward.id, ward.code, ward.staffed_hours)
    _tell_alerts(act, about, in_force(act.session, episode, act.now), nothing_due=known.due_at is None)
    return plan_view(plan, accepted_in_force(act.session, episode.id, act.now))


def _due_at(known: LatestVitals, plan: Plan, now_in_force: Plan, now: datetime) -> datetime | None:
    """When readings are due next: by the plan in force, until one that is still to come takes over."""
    if plan.from_at > now:
        keeps = known.due_at is not None and known.due_at < plan.from_at
        return known.due_at if keeps else schedule_of(plan).after(plan.from_at)
    schedule = schedule_of(now_in_force)
    if known.due_at is not None and known.due_at <= now and schedule.times:
        return known.due_at  # that set is still owed: a plan forgives nobody's silence
    due_at = None if known.heard_at is None else schedule.due_after(known.heard_at)
    return due_at if due_at is not None and due_at > now else schedule.after(now)


def _silent_since(act: Act, episode: Episode, known: LatestVitals, plan: Plan) -> datetime:
    """From when silence counts: the last set, or else the instant from which one could be sent."""
    if known.due_at is None:
        return max(act.now, plan.from_at)
    if known.heard_at is not None:
        return known.heard_at
    entered = select(func.min(col(Plan.recorded_at))).where(col(Plan.episode_id) == episode.id)
    entered_at: datetime = act.session.execute(entered).scalar_one()
    return max(episode.admitted_at, entered_at)


def _tell_alerts(act: Act, about: About, in_force_now: Plan, *, nothing_due: bool) -> None:
    """Where nothing is due any more, what was overdue has no cause left; the others climb as the plan in force says.

    In comfort care nobody is asked whether sepsis is suspected.
    """
    alerts = Alerts.lock(act.session, act.now, [about.patient_id])
    for alert in alerts.open.values():
        if in_force_now.monitoring == "comfort" and put_away(alert):
            alerts.mention(alert, about, NOT_ASKED_NOW)
    if nothing_due:
        alerts.expire(about, Kind.OVERDUE, "nothing_due")
    follow_plans(alerts, dues_of(act.session, alerts.open.values(), about))
    emit(act.session, alerts.write())


def stay_of(act: Act, patient_id: UUID) -> tuple[Patient, Episode, Ward]:
    """The patient with the spell and the ward they are on. Raises NotFound where they are on none."""
    patient = find(act, patient_id)
    query = (
        select(Episode, Ward)
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.patient_id) == patient.id, col(Episode.discharged_at).is_(None))
    )
    row = act.session.execute(query).one_or_none()
    if row is None or not act.who.may_see(row[1].code):
        raise NotFound("The patient is on no ward.")
    return patient, row[0], row[1]
