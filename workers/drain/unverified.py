"""What was not scored and must not be lost on the ward: refused values, sets kept aside, posting after discharge."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from alert_rules.alarms import Basis, Finding, Kind
from alert_rules.explain import reasons
from alert_rules.severity import Severity
from devices.reading import ReadingSet
from monitoring.alerts.life import About, Alerts, Evidence
from monitoring.intake.tables import Aside
from workers.drain.items import Item, Kept, Refused
from workers.drain.scoring import Scored, score_alone
from workers.drain.stays import Placed, Stay

SHOWN: Final = 2
"""Reasons of an unverified set that are told: the worst ones."""


def tell_refused(alerts: Alerts, refused: Sequence[tuple[Refused, Stay]]) -> None:
    """A refused value from somebody's device: the ward sees it, since the patient may be in trouble."""
    for one, stay in ((refusal.one, stay) for refusal, stay in refused):
        text = f"Refused {one.field} {one.value}: {one.reason}"
        why = {"set": one.id, "taken_at": one.taken_at}
        _tell(alerts, stay.about, Kind.DATA_QUALITY, Severity.AMBER, (f"{one.field}_impossible", text), why)


def tell_aside(alerts: Alerts, kept: Sequence[Kept], placed: Placed) -> None:
    """What was kept aside of a known patient: unverified values that would be red, and posting after discharge."""
    known = [(one, stay) for one in kept if (stay := placed.stay_now(one.patient_id))]
    would_be = _would_be(known)
    for number, (one, stay) in enumerate(known):
        taken_at = one.document.taken_at if isinstance(one.document, ReadingSet) else None
        why = {"set": one.id, "taken_at": taken_at, "kept_aside": one.reason}
        if unverified := would_be.get(number):
            said = ("unverified_red", f"Unverified, call: {unverified} ({one.detail})")
            _tell(alerts, stay.about, Kind.DATA_QUALITY, Severity.RED, said, why)
        if _is_after_discharge(one, stay):
            said = ("posting_after_discharge", "Readings from a patient who is on no ward")
            _tell(alerts, stay.about, Kind.POSTING_AFTER_DISCHARGE, Severity.AMBER, said, why)


def _would_be(known: Sequence[tuple[Kept, Stay]]) -> dict[int, str]:
    """By number: why it would be red or worse, taken as it stands by the plan in force when it came."""
    judged: list[tuple[Item, Stay]] = []
    for number, (one, stay) in enumerate(known):
        if isinstance(one.document, ReadingSet) and one.document.quality != "test":
            as_now = msgspec.structs.replace(one.document, taken_at=one.received_at)
            judged.append((Item(one.source, as_now, one.received_at, None, str(number), one.content), stay))
    if not judged:
        return {}
    scored = score_alone(judged)
    return {
        int(row.key): _said(scored, column)
        for column, row in enumerate(scored.rows)
        if scored.severity[column] >= Severity.RED
    }


def _said(scored: Scored, column: int) -> str:
    spo2 = scored.stays[scored.rows[column].stay].ward.pathway.spo2
    return "; ".join(said["text"] for said in reasons(scored.facts, scored.verdicts, column, spo2)[:SHOWN])


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
    is_new = held is None or rule == "unverified_red" or rule not in held.basis["rules"]
    evidence = Evidence([{"rule": rule, "severity": severity.label, "text": text}], why)
    found = Finding(severity, Basis(rules=frozenset({rule})), complete=False)
    if alerts.weigh(about, kind, found, lambda: evidence) is None and is_new:
        alerts.note(about, kind, rule, severity, said=text)
