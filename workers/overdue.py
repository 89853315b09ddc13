"""Readings that did not come: each patient's stored deadline against the time."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, text
from sqlmodel import col, select

from alert_rules.alarms import Finding, Kind
from alert_rules.severity import Severity
from alert_rules.silence import GRACE, Schedule, overdue_at, overdue_severity
from monitoring.alerts.life import About, Alerts, Evidence
from monitoring.database import AnyRow, transaction
from monitoring.events import NewEvent, emit
from monitoring.metrics import OVERDUE, TICK_FAILURES
from monitoring.patients.tables import LatestVitals
from monitoring.wards.tables import PAUSES
from workers.mishaps import described
from workers.one_by_one import together_or_each

log = structlog.get_logger()

BATCH: Final = 200
BATCHES_MAX: Final = 20
"""In one look: the timekeeper's other tasks want their turn."""
PUT_OFF: Final = timedelta(minutes=5)
"""When a patient whose deadline could not be judged is tried again."""

_CLAIM: Final = text(
    """
    SELECT episode_id FROM latest_vitals AS known
    WHERE overdue_at <= :now AND (CAST(:only AS bigint) IS NULL OR episode_id = CAST(:only AS bigint))
    ORDER BY overdue_at, episode_id
    LIMIT :batch
    FOR UPDATE OF known SKIP LOCKED
    """
)

# Locked first, read then: a transfer that commits between the two must not leave an alert on the ward it left.
_DUE: Final = text(
    """
    SELECT known.episode_id, episode.patient_id, patient.public_id, ward.id AS ward_id, ward.code, ward.staffed_hours,
           episode.admitted_at, episode.discharged_at, plan.times, plan.monitoring, away.back_at, worn.kit,
           (SELECT min(recorded_at) FROM plan WHERE plan.episode_id = episode.id) AS entered_at
    FROM latest_vitals AS known
    JOIN episode ON episode.id = known.episode_id
    JOIN patient ON patient.id = episode.patient_id
    JOIN ward ON ward.id = episode.ward_id
    LEFT JOIN LATERAL (SELECT times, monitoring FROM plan
                       WHERE plan.episode_id = episode.id AND plan.from_at <= :now
                       ORDER BY from_at DESC, plan.id DESC LIMIT 1) AS plan ON true
    LEFT JOIN LATERAL (SELECT max(until_at) AS back_at FROM leave
                       WHERE leave.episode_id = episode.id AND leave.kind = ANY(:pauses)) AS away ON true
    LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object(
                                  'device', device.public_id, 'kind', device.kind, 'serial', device.serial,
                                  'last_seen_at', seen.last_seen_at, 'battery', seen.battery_percent)
                              ORDER BY assignment.id) AS kit
                       FROM assignment
                       JOIN device ON device.id = assignment.device_id
                       LEFT JOIN device_seen AS seen ON seen.device_id = device.id
                       WHERE assignment.patient_id = episode.patient_id
                         AND lower(during) <= :now AND coalesce(upper(during), 'infinity') > :now) AS worn ON true
    WHERE known.episode_id = ANY(:claimed)
    ORDER BY known.overdue_at, known.episode_id
    """
)

_WHO: Final = text("SELECT episode_id FROM latest_vitals WHERE overdue_at <= :now ORDER BY overdue_at LIMIT :batch")

_PUT_OFF: Final = text(
    """
    UPDATE latest_vitals AS known SET overdue_at = :later
    FROM episode
    JOIN patient ON patient.id = episode.patient_id
    JOIN ward ON ward.id = episode.ward_id
    WHERE known.episode_id = :episode AND episode.id = known.episode_id AND known.overdue_at <= :now
    RETURNING patient.public_id, ward.code
    """
)


def raise_overdue(engine: Engine, now: datetime) -> int:
    """Raise or step up the alert of every patient whose readings are overdue. Returns how many were looked at."""
    total = 0
    for _ in range(BATCHES_MAX):
        looked_at = _look_at_some(engine, now)
        total += looked_at
        if looked_at < BATCH:
            break
    return total


def _look_at_some(engine: Engine, now: datetime) -> int:
    """One batch in one transaction; where one of them can't be judged, each by itself."""

    def put_off(episode_id: int, error: BaseException) -> None:
        log.error("overdue_not_judged", episode=episode_id, **described(error))
        _put_off(engine, episode_id, now)

    return together_or_each(engine, partial(_look, engine, now), (_WHO, {"now": now, "batch": BATCH}), put_off)


def _look(engine: Engine, now: datetime, only: int | None) -> int:
    """Judge those that are due, or one of them; what another timekeeper holds is passed over."""
    with transaction(engine) as session:
        claimed = list(session.scalars(_CLAIM, {"now": now, "batch": BATCH, "only": only}))
        if not claimed:
            return 0
        due = session.execute(_DUE, {"now": now, "claimed": claimed, "pauses": sorted(PAUSES)}).all()
        alerts = Alerts.lock(session, now, [row.patient_id for row in due])
        rows = session.exec(select(LatestVitals).where(col(LatestVitals.episode_id).in_(claimed)))
        known = {one.episode_id: one for one in rows}
        missed = sum(_judge(alerts, row, known[row.episode_id], now) for row in due)
        emit(session, alerts.write())
    OVERDUE.inc(missed)
    return len(due)


def _judge(alerts: Alerts, row: AnyRow, known: LatestVitals, now: datetime) -> int:
    """Count the slots that passed, tell, and set the next deadline. Returns how many passed."""
    schedule = Schedule.of(row.times or ()) if row.monitoring == "full" else Schedule(())
    if row.discharged_at is not None or not schedule.times:
        known.overdue_at = known.due_at = None
        return 0
    was_due_at, passed = known.due_at, 0
    while known.due_at is not None and known.due_at + GRACE <= now:
        passed += 1
        known.due_at = schedule.after(known.due_at)
    known.missed += passed
    # Silence counts from when we last watched: in hospital, somebody else did.
    silent_since = known.heard_at or max(row.admitted_at, row.entered_at)
    silent_since = max(silent_since, row.back_at or silent_since)
    worrying = known.newest_severity >= Severity.AMBER_PLUS or _has_red_alert(alerts, row.patient_id)
    severity = overdue_severity(known.missed, silent_since, now, worrying=worrying)
    about = About(row.patient_id, row.public_id, row.episode_id, row.ward_id, row.code, row.staffed_hours)
    said = {
        "rule": "readings_overdue",
        "severity": severity.label,
        "text": _said(known, row.admitted_at, now, severity),
    }
    # The call about readings asks for the kit too: a silent device beside it is told of only here.
    why = {"due_at": was_due_at, "missed": known.missed, "heard_at": known.heard_at, "kit": row.kit or []}
    missed = frozenset({f"missed_{known.missed // 2 * 2}"})  # every second one more is worse
    found = Finding(severity, rules=missed)
    alerts.weigh(about, Kind.OVERDUE, found, lambda: Evidence([said], why))
    known.overdue_at = _next_look(known, silent_since, now)
    return passed


def _next_look(known: LatestVitals, silent_since: datetime, now: datetime) -> datetime | None:
    """When it gets worse: after the next slot, or by a whole day of silence where that is still to come."""
    next_at = overdue_at(known.due_at, silent_since, known.missed)
    return next_at if next_at is None or next_at > now else known.due_at and known.due_at + GRACE


def _has_red_alert(alerts: Alerts, patient_id: int) -> bool:
    """Of whatever kind: a concern or an unverified red value worries as much as a score."""
    held = (alerts.open.get((patient_id, kind)) for kind in Kind if kind is not Kind.OVERDUE)
    return any(alert is not None and alert.severity >= Severity.RED for alert in held)


def _said(known: LatestVitals, admitted_at: datetime, now: datetime, severity: Severity) -> str:
    hours = (now - (known.heard_at or admitted_at)).total_seconds() / 3600
    many = {0: "The patient's readings", 1: "A set of readings"}
    slots = many.get(known.missed, f"{known.missed} sets of readings in a row")
    heard = f"last heard {hours:.0f} h ago" if known.heard_at else f"none since admission {hours:.0f} h ago"
    check = ": welfare check (two calls, next of kin, visit)" if severity is Severity.RED else ""
    return f"{slots} did not come; {heard}{check}"


def _put_off(engine: Engine, episode_id: int, now: datetime) -> None:
    """Somebody who can't be judged stands in nobody's way, and a person hears of it as long as it lasts."""
    TICK_FAILURES.labels("overdue_row").inc()
    with transaction(engine) as session:
        asked = {"episode": episode_id, "now": now, "later": now + PUT_OFF}
        told = session.execute(_PUT_OFF, asked).all()
        said = {"problem": "overdue_not_judged"}
        emit(session, [NewEvent("system", now, row.code, row.public_id, said) for row in told])
