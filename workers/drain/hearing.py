"""What was due and came: the newest set of each stay, the next deadline, the end of an overdue alert."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import psycopg

from alert_rules.alarms import Finding, Kind
from alert_rules.compose import ASSESSED
from alert_rules.severity import Severity
from alert_rules.silence import GRACE, WELFARE_CHECK_DECLINED, overdue_at
from alert_rules.vitals import PARAMETERS, PULSE, RESPIRATORY_RATE, SPO2, SYSTOLIC, TEMPERATURE
from monitoring.alerts.life import Alerts, Evidence
from monitoring.bulk import as_rows
from workers.drain.neighbours import MICROSECOND, Row
from workers.drain.scoring import Scored
from workers.drain.stays import Stay

GRACE_US: Final = GRACE // MICROSECOND
VITALS: Final = (RESPIRATORY_RATE, SPO2, SYSTOLIC, PULSE, TEMPERATURE)
"""One of them must be measured where the plan expects nothing by name: an answer or a weight says too little."""
SAY_HOW_BAD: Final = (*VITALS, ASSESSED)
"""What a set must hold to say how the patient is: after it, silence worries as much as it did."""


def hear(alerts: Alerts, scored: Scored) -> None:
    """Note on the stays what is newest, what was heard and what is due, oldest set first."""
    measured = scored.sets.known.T.tolist()
    known = scored.facts.vitals.known.T.tolist()
    for column, (row, counts) in enumerate(zip(scored.rows, scored.counts, strict=True)):
        if not counts:
            continue
        stay = scored.stays[row.stay]
        if _is_newest(stay, row):
            stay.newest_at, stay.newest_set = row.one.taken_at, row.key
        if _says_how_bad(stay, row, measured[column]):
            stay.newest_severity = scored.severity[column]
        if _holds_what_was_due(scored, column, measured[column], known[column]):
            _heard(alerts, stay, row.one.taken_at)


def _is_newest(stay: Stay, row: Row) -> bool:
    if stay.newest_at is None or stay.newest_set is None:
        return True
    return (row.one.taken_at, row.key) >= (stay.newest_at, stay.newest_set)


def _says_how_bad(stay: Stay, row: Row, measured: list[bool]) -> bool:
    """Whether no newer set says how the patient is."""
    if not any(measured[slot] for slot in SAY_HOW_BAD):
        return False
    return all(
        (row.taken_us, row.key) >= (taken_us, stay.sets[slot])
        for slot in SAY_HOW_BAD
        if (taken_us := stay.taken_us[slot]) is not None
    )


def _holds_what_was_due(scored: Scored, column: int, measured: list[bool], known: list[bool]) -> bool:
    """Whether this set measured what was due, and with what is still fresh beside it all that the kit is to give."""
    row, expects = scored.rows[column], scored.plans[column].expects
    if row.one.declined is not None:
        return False
    if not expects:
        return any(measured[slot] for slot in VITALS)
    here = {name for name, is_here in zip(PARAMETERS, measured[:ASSESSED], strict=True) if is_here}
    if not any(name in here or getattr(row.one, name, None) is not None for name in expects):
        return False
    fresh = {name for name, is_known in zip(PARAMETERS, known, strict=True) if is_known}
    return all(name in fresh or _is_fresh(scored, column, name) for name in expects)


def _is_fresh(scored: Scored, column: int, name: str) -> bool:
    """Whether one of the rarer vitals was measured in this set or shortly before it."""
    row = scored.rows[column]
    before = scored.stays[row.stay].also.get(name)
    if before is not None and row.taken_us - GRACE_US <= before["at_us"] <= row.taken_us:
        return True
    for place in range(column, -1, -1):
        earlier = scored.rows[place]
        if earlier.stay != row.stay or row.taken_us - earlier.taken_us > GRACE_US:
            return False
        if getattr(earlier.one, name, None) is not None:
            return True
    return False


def _heard(alerts: Alerts, stay: Stay, taken_at: datetime) -> None:
    if stay.heard_at is not None and taken_at <= stay.heard_at:
        return
    stay.heard_at = taken_at
    plan = stay.plan_at(alerts.now)
    if stay.discharged_at is not None or stay.is_paused or not plan.is_to_send:
        return
    due_at = plan.schedule.due_after(taken_at.replace(second=0, microsecond=0))
    if due_at is None:
        return
    if stay.due_at is not None and due_at < stay.due_at:  # it belongs to a slot that had passed
        stay.overdue_at = overdue_at(stay.due_at, taken_at, stay.missed)
        return
    alerts.expire(stay.about, Kind.OVERDUE, "readings_came")
    stay.missed = 0
    stay.due_at, stay.overdue_at = due_at, overdue_at(due_at, taken_at)


_DECLINED: Final = """
SELECT asked.episode_id, count(*)
FROM json_to_recordset(%s) AS asked (episode_id bigint, since timestamptz)
JOIN reading ON reading.episode_id = asked.episode_id AND reading.taken_at > asked.since
WHERE reading.quality <> 'test' AND reading.also ? 'declined'
GROUP BY asked.episode_id
"""
"""By the index `reading_declined`, which holds such sets alone: who was never heard has a whole stay of others."""


def check_on_who_declined(connection: psycopg.Connection, alerts: Alerts, scored: Scored) -> None:
    """Who declined one set after the other gets the check of who falls silent: a declined set is none."""
    declined = {row.stay for row in scored.rows if row.item is not None and row.one.declined is not None}
    stays = {stay.episode_id: stay for stay in _owing(alerts, (scored.stays[place] for place in declined))}
    if not stays:
        return
    asked = [
        {"episode_id": episode_id, "since": stay.heard_at or stay.admitted_at} for episode_id, stay in stays.items()
    ]
    for episode_id, times in connection.execute(_DECLINED, (as_rows(asked),), prepare=False).fetchall():
        if times >= WELFARE_CHECK_DECLINED:
            _check_on(alerts, stays[episode_id], times)


def _owing(alerts: Alerts, stays: Iterable[Stay]) -> list[Stay]:
    """Those of whom readings are expected."""
    return [
        stay
        for stay in stays
        if stay.discharged_at is None and not stay.is_paused and stay.plan_at(alerts.now).is_to_send
    ]


def _check_on(alerts: Alerts, stay: Stay, times: int) -> None:
    text = f"{times} sets of readings in a row were declined: welfare check (two calls, next of kin, visit)"
    said = {"rule": "readings_declined", "severity": Severity.RED.label, "text": text}
    why = {"declined": times, "heard_at": stay.heard_at}
    found = Finding(Severity.RED, rules=frozenset({"readings_declined"}))
    alerts.weigh(stay.about, Kind.OVERDUE, found, lambda: Evidence([said], why))
