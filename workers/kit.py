"""The kit at home: what fell silent or runs low on battery is told once, gently, and ends by itself.

Only where what holds differs from what was told is anything locked and written.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Engine, delete, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from alert_rules.alarms import Finding, Kind
from alert_rules.kit import Trouble, is_low
from alert_rules.severity import Severity
from monitoring.alerts.basis import held_of
from monitoring.alerts.life import About, Alerts, Evidence
from monitoring.database import once_more, transaction
from monitoring.events import emit
from monitoring.metrics import TICK_FAILURES
from monitoring.tables import DeviceTrouble  # all tables: an alert's foreign keys name most of them
from workers.homes import BATCH, Home, Key, doubtful, homes
from workers.mishaps import CULPRITS, described, will_pass

log = structlog.get_logger()

AT_ONCE: Final = 25
"""Patients in one transaction: it holds what the drain waits for."""
ROUND_MAX: Final = 200
"""Patients in one round: where a vendor's hubs all fall silent, the timekeeper's other tasks want their turn too."""

_LOCK: Final = text(
    """
    SELECT known.episode_id FROM latest_vitals AS known JOIN episode ON episode.id = known.episode_id
    WHERE episode.patient_id = ANY(:patients) AND episode.discharged_at IS NULL
    ORDER BY known.episode_id
    FOR UPDATE OF known
    """
)


def watch_kit(engine: Engine, now: datetime, batch: int = BATCH) -> int:
    """Tell what is wrong with the kit at home, and end what is not any more. Returns of how many patients."""
    total, after = 0, 0
    while True:
        with transaction(engine) as session:
            found = doubtful(session, now, after, batch)
            changed = [home.row.patient_id for home in homes(session, found, now) if home.over or home.news(now)]
        for first in range(0, len(changed), AT_ONCE):
            total += _tell_each(engine, changed[first : first + AT_ONCE], now)
            if total >= ROUND_MAX:
                return total
        if len(found) < batch:
            return total
        after = found[-1]


def _tell_each(engine: Engine, patients: Sequence[int], now: datetime) -> int:
    """All of them in one transaction; where one of them can't be told, each by itself."""
    if not patients:
        return 0
    try:
        return once_more(partial(_tell, engine, patients, now))
    except CULPRITS as error:
        if will_pass(error):
            raise
    total = 0
    for patient in patients:
        try:
            total += once_more(partial(_tell, engine, [patient], now))
        except CULPRITS as error:
            if will_pass(error):
                raise
            TICK_FAILURES.labels("kit_of_patient").inc()
            log.error("kit_not_judged", patient=patient, **described(error))
    return total


def _tell(engine: Engine, patients: Sequence[int], now: datetime) -> int:
    """Judge them once more under lock, and write what follows."""
    with transaction(engine) as session:
        session.execute(_LOCK, {"patients": list(patients)})
        alerts = Alerts.lock(session, now, patients)
        told = sum([_tell_one(session, alerts, home, now) for home in homes(session, patients, now)])
        emit(session, alerts.write())
    return told


def _tell_one(session: Session, alerts: Alerts, home: Home, now: datetime) -> bool:
    """Write what became of one patient's kit. Returns whether anything did."""
    over = home.over
    if over:
        entered = tuple_(col(DeviceTrouble.device_id), col(DeviceTrouble.trouble)).in_(over)
        session.execute(delete(DeviceTrouble).where(col(DeviceTrouble.patient_id) == home.row.patient_id, entered))
    news = _enter(session, home, now)
    if home.row.episode_id is not None:  # else whatever ended the stay ended the alert
        lasting = (home.told.keys() - over) | news
        if news:
            found = Finding(Severity.AMBER, rules=_rules(home, lasting), cleared=_rules(home, over))
            alerts.weigh(_about(home), Kind.DEVICE, found, lambda: _evidence(home, lasting, now))
        elif over:
            _end(alerts, home, lasting, now)
    return bool(over or news)


def _enter(session: Session, home: Home, now: datetime) -> frozenset[Key]:
    """Write down what is told now. Returns it, but for what is told this moment of another who shares the device."""
    news = home.news(now)
    if not news:
        return news
    entries = [
        {"device_id": device, "trouble": trouble, "patient_id": home.row.patient_id, "told_at": now}
        for device, trouble in sorted(news)
    ]
    row = insert(DeviceTrouble).values(entries)
    mine = row.on_conflict_do_update(
        index_elements=["device_id", "trouble"],
        set_={"told_at": now},
        where=col(DeviceTrouble.patient_id) == home.row.patient_id,
    )
    told = session.execute(mine.returning(col(DeviceTrouble.device_id), col(DeviceTrouble.trouble)))
    return frozenset((device, Trouble(trouble)) for device, trouble in told)


def _end(alerts: Alerts, home: Home, lasting: Collection[Key], now: datetime) -> None:
    """Something is over: with the last of it the alert ends; until then it goes on without that."""
    alert = alerts.open.get((home.row.patient_id, Kind.DEVICE))
    if alert is None:
        return  # a person resolved it
    about, over = _about(home), _rules(home, home.over)
    what = _why_over(home)
    if held_of(alert).basis.rules <= over:
        alerts.expire(about, Kind.DEVICE, what)
        return
    alerts.weigh(about, Kind.DEVICE, Finding(Severity.AMBER, cleared=over), lambda: _evidence(home, lasting, now))
    if lasting:
        shown = _evidence(home, lasting, now)
        alert.reasons, alert.why = shown.reasons, shown.why
    alerts.note(about, Kind.DEVICE, what, Severity.AMBER)


def _about(home: Home) -> About:
    row = home.row
    return About(row.patient_id, row.public_id, row.episode_id, row.ward_id, row.code, row.staffed_hours)


def _rules(home: Home, keys: Collection[Key]) -> frozenset[str]:
    """What is wrong with which device, as a rule of the alert's basis."""
    return frozenset(f"{trouble}_{home.names[device]}" for device, trouble in keys)


def _why_over(home: Home) -> str:
    if not home.is_watched:
        return "not_watched"
    if any(device not in {one["device"] for one in home.kit} for device, _ in home.over):
        return "kit_changed"
    return "heard_again" if any(trouble is Trouble.SILENT for _, trouble in home.over) else "charged"


def _evidence(home: Home, keys: Collection[Key], now: datetime) -> Evidence:
    """What is told of each device, in the order in which they came to the patient."""
    reasons: list[dict[str, Any]] = []
    devices: list[dict[str, Any]] = []
    for one in home.kit:
        for trouble in Trouble:
            if (one["device"], trouble) in keys:
                said = _SAYS[trouble](one, now)
                reasons.append({"rule": f"device_{trouble}", "severity": Severity.AMBER.label, "text": said})
                told = {name: one[name] for name in ("kind", "serial", "since", "last_seen_at", "battery")}
                devices.append({"device": one["id"], "trouble": trouble, **told})
    return Evidence(reasons, {"devices": devices})


def _silent(one: dict[str, Any], now: datetime) -> str:
    since, seen = one["since"], one["last_seen_at"]
    was_heard = seen is not None and datetime.fromisoformat(seen) >= datetime.fromisoformat(since)
    hours = (now - datetime.fromisoformat(seen if was_heard else since)).total_seconds() / 3600
    heard = f"not heard for {hours:.0f} h" if was_heard else f"never heard since it came to them {hours:.0f} h ago"
    flat = f", its battery at {one['battery']} % then" if was_heard and is_low(one["battery"]) else ""
    return f"{one['kind']} {one['serial']}: {heard}{flat}: call the patient, swap the kit, visit"


def _battery(one: dict[str, Any], _: datetime) -> str:
    return f"{one['kind']} {one['serial']}: battery at {one['battery']} %: ask the patient to charge it"


_SAYS: Final = {Trouble.SILENT: _silent, Trouble.BATTERY: _battery}
