"""What was due and came: the newest set of each stay, the next deadline, the end of an overdue alert."""

from datetime import datetime
from typing import Final

from alert_rules.alarms import Kind
from alert_rules.silence import GRACE
from alert_rules.vitals import PARAMETERS
from monitoring.alerts.life import Alerts
from workers.drain.neighbours import MICROSECOND, Row
from workers.drain.scoring import Scored
from workers.drain.stays import Stay

GRACE_US: Final = GRACE // MICROSECOND
ALSO_MEASURED: Final = ("weight", "glucose", "peak_flow")
"""Beside the seven parameters, what counts as readings where the plan expects nothing by name."""


def hear(alerts: Alerts, scored: Scored) -> None:
    """Note on the stays what is newest, what was heard and what is due, oldest set first."""
    known = scored.facts.vitals.known.T.tolist()
    for column, (row, counts) in enumerate(zip(scored.rows, scored.counts, strict=True)):
        if not counts:
            continue
        stay = scored.stays[row.stay]
        if _is_newest(stay, row):
            stay.newest_at, stay.newest_set = row.one.taken_at, row.key
            stay.newest_severity = scored.severity[column]
        if _holds_what_was_due(scored, column, known[column]):
            _heard(alerts, stay, row.one.taken_at)


def _is_newest(stay: Stay, row: Row) -> bool:
    if stay.newest_at is None or stay.newest_set is None:
        return True
    return (row.one.taken_at, row.key) >= (stay.newest_at, stay.newest_set)


def _holds_what_was_due(scored: Scored, column: int, known: list[bool]) -> bool:
    """Whether this set, with what is still fresh beside it, has all that the patient's kit is to give."""
    row, expects = scored.rows[column], scored.plans[column].expects
    if row.one.declined is not None:
        return False
    if not expects:
        return any(known) or any(getattr(row.one, name) is not None for name in ALSO_MEASURED)
    measured = {name for name, is_known in zip(PARAMETERS, known, strict=True) if is_known}
    return all(name in measured or _is_fresh(scored, column, name) for name in expects)


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
    if stay.discharged_at is not None or plan.comfort:
        return
    due_at = plan.schedule.due_after(taken_at.replace(second=0, microsecond=0))
    if due_at is None or (stay.due_at is not None and due_at < stay.due_at):
        return  # it belongs to a slot that had passed
    alerts.expire(stay.about, Kind.OVERDUE, "readings_came")
    stay.missed = 0
    stay.due_at, stay.overdue_at = due_at, due_at + GRACE
