"""What is due of the ladders: the next step of an open alert, what an answer promised and did not keep.

`fire` takes some of it in one transaction; any number of timekeepers do so beside each other. An alert that somebody
answers in this very moment is passed over: either they come first and nobody is told, or we do and they wait.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text
from sqlmodel import Session, col

from alert_rules.alarms import State, ask_again_in
from alert_rules.ladder import FALLBACK, ROUTE, UCR, Place, Step, When, after, wait_s
from alert_rules.staffed import staffed_from
from monitoring.alerts.life import About, Alerts
from monitoring.alerts.tables import Alert
from monitoring.config import Settings
from monitoring.database import AnySelect
from monitoring.delivery.outbox import NewMessage, put
from monitoring.duty.on_duty import Person, on_duty
from monitoring.escalation.about import about_of
from monitoring.escalation.following import follow_plans
from monitoring.escalation.reach import by_preference, fallback_ways
from monitoring.escalation.recording import record
from monitoring.escalation.reminding import reminders, waits_until
from monitoring.escalation.routes_out import RouteOut, routes_of
from monitoring.escalation.tables import Escalation, LadderStep, Taken
from monitoring.escalation.telling import BY_HAND, Due, Reach, Told, body, event
from monitoring.events import NewEvent, emit
from monitoring.tables import Patient, Ward  # all tables: foreign keys name most of them
from monitoring.ucr.placing import refer

BATCH: Final = 500
_CLAIM: Final = text(
    """
    SELECT escalation.alert_id FROM escalation JOIN alert ON alert.id = escalation.alert_id
    WHERE escalation.due_at <= :now AND (CAST(:only AS bigint) IS NULL OR escalation.alert_id = CAST(:only AS bigint))
    ORDER BY escalation.due_at, escalation.alert_id
    LIMIT :batch
    FOR UPDATE OF alert SKIP LOCKED
    """
)


@dataclass(slots=True)
class Firing:
    """One transaction's work."""

    session: Session
    settings: Settings
    now: datetime
    duty: Mapping[tuple[int, str], list[Person]] = field(default_factory=dict)
    routes: Mapping[int, Mapping[str, RouteOut]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)


def fire(
    session: Session, settings: Settings, now: datetime, *, only: int | None = None, before: Sequence[NewEvent] = ()
) -> int:
    """Take what is due of some alerts, the longest due first, or of one. Returns how many. The caller commits.

    `before`: what to emit first, for events come last of all.
    """
    claimed = list(session.scalars(_CLAIM, {"now": now, "batch": BATCH, "only": only}))
    dues = _load(session, claimed, now)
    alerts = Alerts(session, now)
    awake = [due for due in dues if not _sleeps(session, due, now)]
    follow_plans(alerts, awake)
    climbing = [due for due in awake if _is_open(alerts, due)]
    firing = Firing(session, settings, now)
    firing.duty = on_duty(session, _asked(climbing), now)
    firing.routes = routes_of(session, {due.about.ward_id for due in climbing})
    for due in climbing:
        _climb(firing, due)
    reminded = [due for due in awake if due.alert.state == State.ACTIONED]
    _write(firing, reminded, [*before, *alerts.write()])
    return len(dues)


def tell_now(session: Session, settings: Settings, alert: Alert, step: Step, why: str, now: datetime) -> Reach:
    """Tell somebody by hand, beside the ladder, which goes on as it stands. The alert's row is locked."""
    escalation = session.get_one(Escalation, alert.id)
    due = Due(escalation, alert, about_of(session, alert))
    firing = Firing(session, settings, now)
    firing.duty = on_duty(session, {(alert.ward_id, step.tell)} if _is_on_duty(step) else (), now)
    firing.routes = routes_of(session, {alert.ward_id})
    reach = _reach(firing, due, step)
    if reach.taken is Taken.TOLD:
        count = select(func.count()).where(col(LadderStep.alert_id) == alert.id, col(LadderStep.step) == BY_HAND)
        earlier = session.execute(count).scalar_one()
        told = replace(reach, reason=why)
        until = now + timedelta(seconds=step.wait_s)
        firing.told.append(Told(due, Place(BY_HAND, earlier), step, told, now, until))
        _write(firing, [], [])
    return reach


def _load(session: Session, claimed: Collection[int], now: datetime) -> list[Due]:
    """As they are now that they are locked: somebody may have answered while we came."""
    if not claimed:
        return []
    query: AnySelect = (
        select(Escalation, Alert, col(Patient.public_id), col(Ward.code), col(Ward.staffed_hours))
        .join(Alert, col(Alert.id) == col(Escalation.alert_id))
        .join(Patient, col(Patient.id) == col(Alert.patient_id))
        .join(Ward, col(Ward.id) == col(Alert.ward_id))
        .where(col(Escalation.alert_id).in_(claimed), col(Escalation.due_at) <= now)
        .order_by(col(Escalation.due_at), col(Escalation.alert_id))
    )
    return [
        Due(escalation, alert, About(alert.patient_id, patient, alert.episode_id, alert.ward_id, code, hours))
        for escalation, alert, patient, code, hours in session.execute(query)
    ]


def _sleeps(session: Session, due: Due, now: datetime) -> bool:
    """Whether who would be asked for the outcome of an amber is to be left in peace now: then it waits."""
    if (until := waits_until(session, due.alert, now)) is None:
        return False
    due.escalation.due_at = until
    return True


def _is_open(alerts: Alerts, due: Due) -> bool:
    """Whether the ladder goes on now. What an answer promised by now and nobody did opens the alert again."""
    alert, escalation = due.alert, due.escalation
    if alert.state == State.ACKNOWLEDGED:
        alerts.reopen(alert, due.about, "not acted on in time: open again", anew=False)
    elif alert.state == State.SNOOZED:
        alerts.reopen(alert, due.about, "the snooze ended", anew=False)
        escalation.run, escalation.step, escalation.repeats = escalation.run + 1, 0, 0
    elif alert.state == State.ACTIONED:
        escalation.asked += 1
        escalation.due_at = alerts.now + ask_again_in(escalation.asked)
        alerts.ask_again(alert, due.about, escalation.due_at)
    elif alert.state != State.OPEN:
        escalation.due_at = None
    return alert.state == State.OPEN


def _asked(dues: Collection[Due]) -> set[tuple[int, str]]:
    """Whom these ladders may name from where they stand: a step that nobody can take is passed at once."""
    return {
        (due.about.ward_id, step.tell)
        for due in dues
        for step in due.ladder[due.escalation.step :]
        if _is_on_duty(step)
    }


def _is_on_duty(step: Step) -> bool:
    return step.tell not in {UCR, FALLBACK} and not step.tell.startswith(ROUTE)


def _climb(firing: Firing, due: Due) -> None:
    """Take the step that is due, and those after it at once as long as nobody can be told, or UCR alone would be."""
    escalation, ladder = due.escalation, due.ladder
    place = Place(escalation.step, escalation.repeats)
    while True:
        step = ladder[place.step]
        opens = staffed_from(firing.now, due.about.staffed_hours) if step.when is When.STAFFED else firing.now
        if opens > firing.now:
            escalation.due_at = opens
            break
        told = _take(firing, due, place)
        firing.told.append(told)
        place = after(ladder, place)
        if not _goes_on_now(told.reach, step):
            escalation.due_at = told.until
            break
    escalation.step, escalation.repeats = place.step, place.repeats


def _take(firing: Firing, due: Due, place: Place) -> Told:
    step = due.ladder[place.step]
    reach = _reach(firing, due, step)
    wait = 0 if _goes_on_now(reach, step) else wait_s(due.ladder, place, due.severity)
    until = firing.now + timedelta(seconds=wait)
    return Told(due, place, step, reach, due.escalation.due_at or firing.now, until)


def _goes_on_now(reach: Reach, step: Step) -> bool:
    """Whether the next step is due at once: nobody could be told, or only who must not be the only one."""
    return step.tell != FALLBACK and (reach.taken is not Taken.TOLD or reach.alone)


def _reach(firing: Firing, due: Due, step: Step) -> Reach:
    if step.tell == UCR:
        referred = refer(firing.session, due.alert, firing.now)
        firing.events += referred.events
        return Reach(Taken.TOLD if referred.placed else Taken.SKIPPED, referred.why, alone=referred.alone)
    if step.tell == FALLBACK:
        ways = fallback_ways(step, firing.settings)
        if not ways:
            return Reach(Taken.SKIPPED, "no fallback is configured")
        return Reach(Taken.TOLD, "the fallback, until a named person answers", [(None, ways)])
    if step.tell.startswith(ROUTE):
        return _route(firing, due, step.tell.removeprefix(ROUTE))
    there = firing.duty.get((due.about.ward_id, step.tell), [])
    reached = [one for one in there if one.ways]
    if not reached:
        reason = f"{len(there)} on duty, none with a way to be told" if there else "nobody is on duty"
        return Reach(Taken.SKIPPED, reason, names=[one.name for one in there])
    to = [(one.staff_id, by_preference(one.ways, step.by)) for one in reached]
    return Reach(Taken.TOLD, "on duty", to, [one.name for one in reached])


def _route(firing: Firing, due: Due, name: str) -> Reach:
    """A way out of the ward: told where it can be, else its number is shown to whoever looks."""
    route = firing.routes.get(due.about.ward_id, {}).get(name)
    if route is None or not route.is_open(firing.now):
        return Reach(Taken.SKIPPED, f"{name} {'is not configured' if route is None else 'is closed now'}")
    if not route.ways:
        return Reach(Taken.SKIPPED, f"no message reaches {name}: call {route.number}")
    return Reach(Taken.TOLD, f"{name}: {route.number}", [(None, route.ways)])


def _write(firing: Firing, reminded: list[Due], events: list[NewEvent]) -> None:
    """The steps as they were taken, the messages, the alerts' history, and what is told live."""
    session, now = firing.session, firing.now
    keys = record(session, firing.told, now)
    messages = [
        NewMessage(
            list(ways), body(told, public_id, now), told.due.alert.severity, told.until, told.due.alert.id, key,
            told.due.about.ward_id, staff_id,
        )
        for told, (key, public_id) in zip(firing.told, keys, strict=True)
        for staff_id, ways in told.reach.to
    ]  # fmt: skip
    put(session, [*messages, *reminders(session, reminded, now)], now)
    emit(session, [*events, *firing.events, *(event(told, now) for told in firing.told)])
