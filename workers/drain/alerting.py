"""From findings to alerts of deterioration: what the newest sets say, and what late ones say too late."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import numpy as np

from alert_rules.alarms import COMPLETE_THE_SET, Finding, Kind
from alert_rules.compose import ASSESSED, MINUTE_US
from alert_rules.explain import reasons, score_as_json
from alert_rules.hysteresis import nearly
from alert_rules.kinds import PathwayRule
from alert_rules.news2 import RED
from alert_rules.repeating import Came
from alert_rules.sentences import said_of, used
from alert_rules.severity import Rule, Severity
from alert_rules.version import RULES_VERSION
from alert_rules.vitals import CONSCIOUSNESS, OXYGEN, PARAMETERS
from alert_rules.words import sentence, shown
from monitoring.alerts.basis import held_of
from monitoring.alerts.life import Alerts, Evidence
from workers.drain.quiet import Resolutions
from workers.drain.repeats import Repeats
from workers.drain.scoring import Scored, as_uuid

CATCHING_UP: Final = timedelta(minutes=60)
"""A set that came this long after it was taken, with newer ones beside it, was overtaken by them."""

SLOTS: Final = {name: ASSESSED if slot == CONSCIOUSNESS else slot for slot, name in enumerate(PARAMETERS)}
"""Where the time of each parameter stands: a patient's own "alert" overtakes no confusion that it does not lift."""
RARER: Final = ("diastolic", "weight", "glucose", "peak_flow", "wellness")


def raise_deterioration(
    alerts: Alerts, repeats: Repeats, resolutions: Resolutions, scored: Scored, rescored: Iterable[int]
) -> None:
    """Hold each set's findings, oldest first, against the patient's open alerts; then tell what came too late.

    Or against what the patient was, or is now, asked to repeat first; or against what was resolved shortly before.
    """
    again = set(rescored)
    overtaken: list[int] = []
    last = _last_measured(scored)
    for column, row in enumerate(scored.rows):
        stay, severity = scored.stays[row.stay], Severity(scored.severity[column])
        if stay.has_died or not scored.facts.watched[column]:
            continue  # nobody is called to the home of the dead; what was measured is stored
        if row.item is None and column not in again:
            continue
        is_open = (stay.patient_id, Kind.DETERIORATION) in alerts.open
        is_graver = row.stored is None or severity > row.stored.severity
        may_repeat = repeats.concern(scored, column)
        if not (
            is_open or may_repeat or (severity and is_graver)
        ):  # what was resolved is not raised again by what it was before
            continue
        since = _measured_since(scored, column, last)
        found = _finding(scored, column, since)
        if stay.discharged_at is None:
            evidence = partial(_evidence_of_now, scored, column, since)
            is_quiet = stay.resolved is not None and resolutions.cover(
                alerts, scored, column, found, _standing(scored, column, since)
            )
            if may_repeat and not is_quiet:
                repeats.weigh(alerts, scored, column, _came(scored, column, found, since, is_open=is_open), evidence)
            elif not is_quiet:
                alerts.weigh(stay.about, Kind.DETERIORATION, found, evidence)
        if is_graver and severity >= Severity.RED and (stay.discharged_at or found.severity < severity):
            overtaken.append(column)
    for column in overtaken:
        if not _is_carried(alerts, scored, column):
            _tell_late(alerts, scored, column)


def _last_measured(scored: Scored) -> dict[int, dict[str, int]]:
    """By stay: when the sets of this batch last measured what. Only of stays with a set that is behind.

    A live set is overtaken by what was known before it only: a dip and the recovery in one batch is a dip.
    """
    behind = {row.stay for column, row in enumerate(scored.rows) if _is_behind(scored, column)}
    last: dict[int, dict[str, int]] = {stay: {} for stay in behind}
    for column, row in enumerate(scored.rows):
        if row.stay in behind:
            last[row.stay].update(dict.fromkeys(_measured(scored, column), row.taken_us))
    return last


def _measured(scored: Scored, column: int) -> set[str]:
    """The vital signs that a set itself measured."""
    known = scored.sets.known[:, column].tolist()
    known[ASSESSED] = known[CONSCIOUSNESS] and not scored.composed.held[column]
    one = scored.rows[column].one
    return {name for name, slot in SLOTS.items() if known[slot]} | {
        name for name in RARER if getattr(one, name) is not None
    }


def _measured_since(scored: Scored, column: int, last: dict[int, dict[str, int]]) -> set[str]:
    """What newer sets measured; of one instant, none is newer."""
    row = scored.rows[column]
    stay = scored.stays[row.stay]
    known = {name: stay.taken_us[slot] for name, slot in SLOTS.items()}
    known |= {name: rarer["at_us"] for name, rarer in stay.also.items()}
    since = {name for name, at_us in known.items() if at_us is not None and at_us > row.taken_us}
    if _is_behind(scored, column):
        since |= {name for name, at_us in last[row.stay].items() if at_us > row.taken_us}
    return since


def _is_behind(scored: Scored, column: int) -> bool:
    row = scored.rows[column]
    return row.item is not None and row.item.received_at - row.one.taken_at >= CATCHING_UP


def _standing(scored: Scored, column: int, since: Collection[str]) -> list[Rule | PathwayRule]:
    """The rules that still hold: history is only what was measured again, every vital sign that made it fire."""
    points = _points(scored, column)
    return [rule for rule in scored.verdicts.rules(column) if not rule.blames(points).issubset(since)]


def _is_to_complete(scored: Scored, column: int, since: Collection[str]) -> bool:
    scoring = {name for name, one in _points(scored, column).items() if one}
    return bool(scored.verdicts.to_complete[column]) and not scoring.issubset(since)


def _finding(scored: Scored, column: int, since: set[str]) -> Finding:
    """What a set says of now: nothing of what was measured again since."""
    standing = _standing(scored, column, since)
    points = {name: one for name, one in _points(scored, column).items() if name not in since}
    assumed = {"oxygen": points.pop("oxygen")} if scored.composed.oxygen_assumed[column] and "oxygen" in points else {}
    rules = {rule.name for rule in standing if rule.of}
    fired = {rule.name for rule in scored.verdicts.rules(column)}
    measured = _measured(scored, column) - since
    looked_at = scored.stays[scored.rows[column].stay].ward.rulebook.looked_at
    pathway = scored.versions.of(column)
    near = nearly(scored.facts, column, pathway.hysteresis, pathway.rules, measured) - fired
    cleared = {name for name, of in looked_at.items() if name not in fired and of & measured} - near
    if _is_to_complete(scored, column, since):
        rules.add(COMPLETE_THE_SET)
    elif scored.news2.complete[column] and not since:
        cleared.add(COMPLETE_THE_SET)
    worst = max((rule.severity for rule in standing), default=Severity.NONE)
    return Finding(worst, points, assumed, frozenset(rules), frozenset(cleared), near)


def _came(scored: Scored, column: int, found: Finding, since: Collection[str], *, is_open: bool) -> Came:
    """A set as far as it begins or ends the asking for a repeat. What staff measured is not asked of the patient."""
    row, points = scored.rows[column], _points(scored, column)
    assert row.item is not None
    is_away = scored.stays[row.stay].is_paused or _is_behind(scored, column)
    return Came(
        found,
        row.taken_us,
        frozenset(_measured(scored, column)),
        tuple(rule.blames(points) for rule in _standing(scored, column, since)),
        is_low=row.one.quality == "low",
        may_ask=row.item.source > 0 and not (is_open or is_away),
    )


def _points(scored: Scored, column: int) -> dict[str, int]:
    """Of what is known; none where no score applies: that makes nothing better or worse."""
    if not scored.facts.scorable[column]:
        return {}
    known, points = scored.facts.vitals.known[:, column].tolist(), scored.news2.points[:, column].tolist()
    return {name: one for name, is_known, one in zip(PARAMETERS, known, points, strict=True) if is_known}


def _is_carried(alerts: Alerts, scored: Scored, column: int) -> bool:
    """Whether the patient's alert stands for all that this set found, and as bad."""
    alert = alerts.open.get((scored.stays[scored.rows[column].stay].patient_id, Kind.DETERIORATION))
    if alert is None:
        return False
    held = held_of(alert).basis
    rules = {rule.name for rule in scored.verdicts.rules(column) if rule.of}
    points = _points(scored, column)
    return (
        held.severity >= scored.severity[column]
        and rules <= held.rules
        and sum(points.values()) <= sum(held.points.get(name, 0) for name in points)
        and all(held.points.get(name) == RED for name, one in points.items() if one == RED)
    )


def _tell_late(alerts: Alerts, scored: Scored, column: int) -> None:
    """One worse than those before, or as bad, is told by itself; a milder one is noted."""
    row, severity = scored.rows[column], Severity(scored.severity[column])
    about = scored.stays[row.stay].about
    if row.item is None:
        text = f"With a set that came late, an earlier set was {severity.label}"
    else:
        text = f"A set taken {_ago(row.item.received_at - row.one.taken_at)} before it arrived was {severity.label}"

    def evidence() -> Evidence:
        of_set = _evidence(scored, column, frozenset())
        late = {"rule": "late", "severity": Severity.AMBER.label, "text": text}
        return Evidence([late, *of_set.reasons], of_set.why, of_set.news2, of_set.set)

    alerts.tell_each(about, Kind.LATE_DETERIORATION, Severity.AMBER, ("late", severity), evidence)


def _evidence(scored: Scored, column: int, since: Collection[str]) -> Evidence:
    row = scored.rows[column]
    known = scored.facts.vitals.known[:, column].tolist()
    pathway = scored.versions.of(column)
    news2 = None if scored.points[column] is None else score_as_json(scored.news2, known, column)
    holds = {rule.name for rule in _standing(scored, column, since)}
    if _is_to_complete(scored, column, since):
        holds.add(COMPLETE_THE_SET)
    accepted = scored.stays[row.stay].accepted_at(row.one.taken_at)
    said = reasons(scored.facts, scored.verdicts, column, pathway.spo2, scored.beside, accepted)
    told = [one for one in said if one["rule"] in holds]
    return Evidence(told, _why(scored, column), news2, as_uuid(row.key))


def _why(scored: Scored, column: int) -> dict[str, Any]:
    """What an alert rests on: versions, readings, values and their ages."""
    row, plan = scored.rows[column], scored.plans[column]
    accepted = scored.stays[row.stay].accepted_at(row.one.taken_at)
    known = scored.facts.vitals.known[:, column].tolist()
    values = scored.facts.vitals.values[:, column].tolist()
    pathway = scored.versions.of(column)
    return {
        "rules_version": RULES_VERSION,
        "pathway": pathway.name,
        "pathway_version": pathway.version,
        "set": row.key,
        "taken_at": row.one.taken_at,
        "spo2_scale": plan.scale,
        "readings": [row.key, *scored.uses[column]],
        "inputs": {name: value for name, value, one in zip(PARAMETERS, values, known, strict=True) if one},
        "ages_min": _ages_min(scored, column),
        "looked_back": _looked_back(scored, column),
        "quality": row.one.quality,
    } | ({} if accepted is None else {"accepted": accepted.named})


def _looked_back(scored: Scored, column: int) -> dict[str, list[dict[str, Any]]]:
    """By vital sign, the earlier readings that the rules which fired looked back on."""
    verdicts = scored.verdicts
    rules = [rule for rule, flags in (*verdicts.added, *verdicts.technical) if flags[column]]
    seen = {vital: earlier for rule in rules for vital, earlier in used(rule, scored.beside, column).items()}
    return {
        vital: [{"value": shown(vital, one.value), "age_min": round(one.age_us / MINUTE_US)} for one in earlier]
        for vital, earlier in seen.items()
    }


def _ages_min(scored: Scored, column: int) -> dict[str, int]:
    """How old the values are that were carried into a set; the others were taken in it."""
    row, stay = scored.rows[column], scored.stays[scored.rows[column].stay]
    ages = {}
    for slot, name in enumerate(PARAMETERS):
        origin = int(scored.composed.origin[slot, column])
        is_carried = scored.facts.vitals.known[slot, column] and origin != column
        if is_carried and not (slot == OXYGEN and scored.composed.oxygen_assumed[column]):
            held = slot == CONSCIOUSNESS and scored.composed.held[column]
            before_us = stay.taken_us[ASSESSED if held else slot]
            taken_us = scored.rows[origin].taken_us if origin >= 0 else before_us
            if taken_us is not None:
                ages[name] = round((row.taken_us - taken_us) / MINUTE_US)
    return ages


def tell_of_the_kit(alerts: Alerts, scored: Scored) -> None:
    """What the rules of pathways find of the kit, and not of the patient."""
    technical = scored.verdicts.technical
    for column in sorted({column for _, flags in technical for column in np.flatnonzero(flags).tolist()}):
        rules = [rule for rule, flags in technical if flags[column]]
        row, stay = scored.rows[column], scored.stays[scored.rows[column].stay]
        if row.item is None or stay.has_died or stay.discharged_at is not None:
            continue
        found = Finding(max(rule.severity for rule in rules), rules=frozenset(rule.name for rule in rules))
        alerts.weigh(stay.about, Kind.DATA_QUALITY, found, partial(_evidence_of_kit, scored, column, rules))


def _evidence_of_kit(scored: Scored, column: int, rules: Sequence[PathwayRule]) -> Evidence:
    said = [
        {
            "rule": rule.name,
            "severity": rule.severity.label,
            "text": sentence(said_of(rule, scored.facts, "", scored.beside, column)),
        }
        for rule in rules
    ]
    return Evidence(said, _why(scored, column), set=as_uuid(scored.rows[column].key))


def _evidence_of_now(scored: Scored, column: int, since: Collection[str]) -> Evidence:
    """What still holds of a set; an old one says that it is."""
    shown, row = _evidence(scored, column, since), scored.rows[column]
    if row.item is not None and _is_behind(scored, column):
        text = f"Taken {_ago(row.item.received_at - row.one.taken_at)} before it arrived, and not measured since"
        shown.reasons.append({"rule": "taken_earlier", "severity": shown.reasons[0]["severity"], "text": text})
    return shown


def _ago(late: timedelta) -> str:
    minutes = round(late.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
