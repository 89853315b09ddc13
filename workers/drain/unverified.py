"""What was not scored and must not be lost on the ward: refused values, sets kept aside, posting after discharge."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg

from alert_rules.alarms import Finding, Kind
from alert_rules.explain import reasons
from alert_rules.severity import Severity
from devices.reading import CHARTED, Impossible, ReadingSet
from monitoring.alerts.basis import held_of
from monitoring.alerts.life import About, Alerts, Evidence
from monitoring.aside.settling import UNVERIFIED, settle
from monitoring.intake.tables import Aside
from workers.drain.items import Item, Kept
from workers.drain.releases import Released
from workers.drain.scoring import Scored, score_alone
from workers.drain.stays import Placed, Stay

FAILED_ATTEMPTS: Final = 3
"""In a row: then it is graver."""
IMPOSSIBLE: Final = "_impossible"
ATTEMPT: Final = "attempt_"
"""What a data_quality alert stands for, beside unverified sets: fields that failed, and how often in a row."""


def tell_aside(alerts: Alerts, kept: Sequence[Kept], placed: Placed) -> dict[tuple[int, str, bytes], Severity]:
    """What was kept aside of known patients: unverified values that would be red, refused ones, and posting late.

    Nobody is called to the home of somebody who died. Returns how bad what was told as unverified would be.
    """
    known = [(one, stay) for one in kept for stay in placed.stays_now(one.patients) if not stay.has_died]
    would_be = _would_be(known)
    told: dict[tuple[int, str, bytes], Severity] = {}
    for number, (one, stay) in enumerate(known):
        taken_at = None if isinstance(one.document, dict) else one.document.taken_at
        why = {"set": one.id, "taken_at": taken_at, "kept_aside": one.reason}
        detail = one.detail if len(one.patients) == 1 else f"{one.detail}; one of the patients who share this hub"
        if unverified := would_be.get(number):
            _tell_unverified(alerts, stay.about, unverified, detail, why)
            told[one.key] = max(unverified[0], told.get(one.key, Severity.NONE))
        if isinstance(one.document, Impossible) and stay.discharged_at is None:
            _tell_refused(alerts, stay.about, one.document, detail, why)
        if _is_after_discharge(one, stay):
            said = ("posting_after_discharge", "Readings from a patient who is on no ward")
            _tell(alerts, stay.about, Kind.POSTING_AFTER_DISCHARGE, Severity.AMBER, said, why)
    return told


def settle_released(
    alerts: Alerts, connection: psycopg.Connection, released: Iterable[Released], placed: Placed
) -> None:
    """What was unverified was verified by a person and is scored: it alerts by itself, where it has to."""
    scored = {item.released for item, _ in placed.items}
    for one in released:
        if one.id in scored and one.severity >= Severity.RED:
            for stay in placed.stays_now(one.patients):
                settle(alerts, connection, stay.about, "kept aside and released")


def _tell_unverified(
    alerts: Alerts, about: About, unverified: tuple[Severity, str], detail: str, why: dict[str, Any]
) -> None:
    """Red for whatever it would be, and each by itself: nobody knows whether it is true, or what came of the last."""
    severity, said = unverified
    reason = {
        "rule": "unverified_red",
        "severity": Severity.RED.label,
        "text": f"Unverified, call: {said} ({detail})",
    }
    alerts.tell_each(about, Kind.DATA_QUALITY, Severity.RED, (UNVERIFIED, severity), lambda: Evidence([reason], why))


def _tell_refused(alerts: Alerts, about: About, one: Impossible, detail: str, why: dict[str, Any]) -> None:
    """A refused value from somebody's device: the patient may be in trouble. Each is noted, and attempts are counted.

    What stands there already stays as it is unless this is graver: a broken device asks for nobody at every attempt.
    """
    held = alerts.open.get((about.patient_id, Kind.DATA_QUALITY))
    before = frozenset[str]() if held is None else held_of(held).basis.rules
    attempt = min(1 + sum(rule.startswith(ATTEMPT) for rule in before), FAILED_ATTEMPTS)
    severity = Severity.AMBER_PLUS if attempt == FAILED_ATTEMPTS else Severity.AMBER
    fields = [f"{failed.field}{IMPOSSIBLE}" for failed in one.values]
    rules = frozenset({f"{ATTEMPT}{attempt}", *fields})
    text = f"{detail[0].upper()}{detail[1:]}" + f" ({attempt} failed attempts or more)" * (attempt == FAILED_ATTEMPTS)
    reason = {"rule": fields[0], "severity": severity.label, "text": text}
    if held is None or severity > held.severity:
        alerts.weigh(about, Kind.DATA_QUALITY, Finding(severity, rules=rules), lambda: Evidence([reason], why))
        return
    alerts.weigh(about, Kind.DATA_QUALITY, Finding(Severity.NONE, rules=rules), lambda: Evidence([reason], why))
    alerts.note(about, Kind.DATA_QUALITY, fields[0], severity, said=text)


def end_refused(alerts: Alerts, scored: Scored) -> None:
    """Refused values end with sound ones that were measured later.

    What was unverified and red does not: nobody knows whose it was or when, so a person ends it.
    """
    for row in scored.rows:
        stay = scored.stays[row.stay]
        held = alerts.open.get((stay.patient_id, Kind.DATA_QUALITY))
        if held is None or row.item is None or row.one.quality != "good" or not _is_later(row.one, held.why):
            continue
        rules = held_of(held).basis.rules
        failed = {rule for rule in rules if rule.endswith(IMPOSSIBLE)}
        sound = {rule for rule in failed if _measures(row.one, rule.removesuffix(IMPOSSIBLE))}
        sound |= rules & stay.ward.rulebook.technical
        if failed <= sound:
            sound |= {rule for rule in rules if rule.startswith(ATTEMPT)}
        if sound and sound == rules:
            alerts.expire(stay.about, Kind.DATA_QUALITY, "measured_well")
        elif sound:
            found = Finding(Severity.NONE, cleared=frozenset(sound))
            alerts.weigh(stay.about, Kind.DATA_QUALITY, found, lambda: Evidence([], {}))


def _is_later(one: ReadingSet, why: dict[str, Any]) -> bool:
    """Whether it was measured after what the alert names."""
    told = why.get("taken_at")
    return told is None or one.taken_at > msgspec.convert(told, datetime)


def _measures(one: ReadingSet, field: str) -> bool:
    return getattr(one, CHARTED[field][0] if field in CHARTED else field) is not None


def _would_be(known: Sequence[tuple[Kept, Stay]]) -> dict[int, tuple[Severity, str]]:
    """By number: how bad and why, where red or worse, taken as it stands by the plan in force when it came."""
    judged: list[tuple[Item, Stay]] = []
    for number, (one, stay) in enumerate(known):
        if one.measured is not None and one.measured.quality != "test":
            as_now = msgspec.structs.replace(one.measured, taken_at=one.received_at)
            judged.append((Item(one.source, as_now, one.received_at, None, str(number), one.content), stay))
    if not judged:
        return {}
    scored = score_alone(judged)
    return {
        int(row.key): (Severity(scored.severity[column]), _said(scored, column))
        for column, row in enumerate(scored.rows)
        if scored.severity[column] >= Severity.RED
    }


def _said(scored: Scored, column: int) -> str:
    spo2 = scored.versions.of(column).spo2
    return "; ".join(said["text"] for said in reasons(scored.facts, scored.verdicts, column, spo2))


def _is_after_discharge(one: Kept, stay: Stay) -> bool:
    """Whether it was taken when the last stay had ended."""
    if one.reason is not Aside.NOT_ADMITTED or stay.discharged_at is None:
        return False
    return isinstance(one.document, ReadingSet) and one.document.taken_at >= stay.discharged_at


def _tell(
    alerts: Alerts, about: About, kind: Kind, severity: Severity, said: tuple[str, str], why: dict[str, Any]
) -> None:
    """Raise; what an open alert already stands for is at least noted there, so that its value is seen."""
    rule, text = said
    held = alerts.open.get((about.patient_id, kind))
    is_new = held is None or rule not in held.basis["rules"]
    evidence = Evidence([{"rule": rule, "severity": severity.label, "text": text}], why)
    found = Finding(severity, rules=frozenset({rule}))
    if alerts.weigh(about, kind, found, lambda: evidence) is None and is_new:
        alerts.note(about, kind, rule, severity, said=text)
