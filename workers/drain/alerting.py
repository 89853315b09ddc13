"""From findings to alerts of deterioration: what the newest sets say, and what late ones say too late."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from alert_rules.alarms import Basis, Finding, Kind
from alert_rules.explain import reasons, score_as_json
from alert_rules.severity import RULES, Severity
from alert_rules.version import RULES_VERSION
from alert_rules.vitals import PARAMETERS
from monitoring.alerts.life import Alerts, Evidence
from workers.drain.neighbours import newest_before
from workers.drain.scoring import Scored, as_uuid

CATCHING_UP: Final = timedelta(minutes=60)
"""A set that came this long after it was taken, with newer ones beside it, is history: it alerts as late."""

NEVER_CARRIED: Final = ("diastolic", "weight", "glucose", "peak_flow", "wellness", "oxygen_flow_hundredths")
"""What only the set that measured it is judged by: no later set would show it."""

TOTALS: Final = frozenset(rule.name for rule in RULES if rule.name.startswith("news2_"))


def raise_deterioration(alerts: Alerts, scored: Scored, rescored: Iterable[int]) -> None:
    """Hold each set's findings, oldest first, against the patient's open alerts."""
    again = set(rescored)
    last = {row.stay: column for column, row in enumerate(scored.rows)}  # rows go by stay and time
    for column, row in enumerate(scored.rows):
        stay, severity = scored.stays[row.stay], Severity(scored.severity[column])
        if row.item is None and column not in again:
            continue
        if not severity and (stay.patient_id, Kind.DETERIORATION) not in alerts.open:
            continue
        is_history = _is_history(scored, column, is_last=last[row.stay] == column)
        if is_history and severity >= Severity.RED and (row.stored is None or severity > row.stored.severity):
            _raise_late(alerts, scored, column, severity)
        if not is_history or _still_stands(scored, column, last[row.stay]):
            found = Finding(severity, _basis(scored, column), complete=bool(scored.news2.complete[column]))
            alerts.weigh(stay.about, Kind.DETERIORATION, found, partial(_evidence, scored, column))


def _is_history(scored: Scored, column: int, *, is_last: bool) -> bool:
    """Whether newer sets of the stay are known, and this one did not come in time beside them."""
    row = scored.rows[column]
    stay = scored.stays[row.stay]
    if stay.discharged_at is not None or row.taken_us < newest_before(stay)[0]:  # of one instant, none is older
        return True
    return not is_last and _is_behind(scored, column)


def _is_behind(scored: Scored, column: int) -> bool:
    row = scored.rows[column]
    return row.item is not None and row.item.received_at - row.one.taken_at >= CATCHING_UP


def _still_stands(scored: Scored, column: int, last: int) -> bool:
    """Whether a set that was overtaken by moments measured what is never carried, and nobody has measured since.

    A kit's parts post one by one, in any order: low glucose must not become history by a pulse that came first.
    """
    row = scored.rows[column]
    if row.item is None or _is_behind(scored, column) or scored.stays[row.stay].discharged_at is not None:
        return False
    later = [scored.rows[place].one for place in range(column + 1, last + 1)]
    return any(
        getattr(row.one, name) is not None and all(getattr(one, name) is None for one in later)
        for name in NEVER_CARRIED
    )


def _raise_late(alerts: Alerts, scored: Scored, column: int, severity: Severity) -> None:
    row = scored.rows[column]
    about = scored.stays[row.stay].about
    if row.item is None:
        text = f"With a set that came late, an earlier set was {severity.label}"
    else:
        text = f"A set taken {_ago(row.item.received_at - row.one.taken_at)} before it arrived was {severity.label}"

    def evidence() -> Evidence:
        of_set = _evidence(scored, column)
        late = {"rule": "late", "severity": Severity.AMBER.label, "text": text}
        return Evidence([late, *of_set.reasons], of_set.why, of_set.news2, of_set.set)

    found = Finding(Severity.AMBER, Basis(rules=frozenset({f"late_{severity.label}"})), complete=False)
    if alerts.weigh(about, Kind.LATE_DETERIORATION, found, evidence) is None:
        alerts.note(about, Kind.LATE_DETERIORATION, "another_late_set", severity, as_uuid(row.key))


def _basis(scored: Scored, column: int) -> Basis:
    red = scored.news2.points[:, column] == 3
    rules = {rule.name for rule in scored.verdicts.rules(column)} - TOTALS
    names = frozenset(name for name, is_red in zip(PARAMETERS, red.tolist(), strict=True) if is_red)
    return Basis(int(scored.news2.score[column]), names, frozenset(rules))


def _evidence(scored: Scored, column: int) -> Evidence:
    row, plan = scored.rows[column], scored.plans[column]
    pathway = scored.stays[row.stay].ward.pathway
    known = scored.facts.vitals.known[:, column].tolist()
    values = scored.facts.vitals.values[:, column].tolist()
    why: dict[str, Any] = {
        "rules_version": RULES_VERSION,
        "pathway": pathway.name,
        "pathway_version": pathway.version,
        "set": row.key,
        "taken_at": row.one.taken_at,
        "spo2_scale": plan.scale,
        "readings": [row.key, *scored.uses[column]],
        "inputs": {name: value for name, value, one in zip(PARAMETERS, values, known, strict=True) if one},
        "quality": row.one.quality,
    }
    news2 = None if scored.points[column] is None else score_as_json(scored.news2, known, column)
    told = reasons(scored.facts, scored.verdicts, column, pathway.spo2)
    return Evidence(told, why, news2, as_uuid(row.key))


def _ago(late: timedelta) -> str:
    minutes = round(late.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
