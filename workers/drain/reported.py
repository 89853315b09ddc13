"""A NEWS2 total that came with the readings is never trusted, and never lost: compared with ours, and told.

Where the two differ, or theirs alone would be graver than what ours raised, the ward is told as gravely as the higher
of the two. A published example of NHS Digital's carries a wrong total; so may anybody's.
"""

from datetime import timedelta
from typing import Final

from alert_rules.alarms import Finding, Kind
from alert_rules.severity import Severity, of_total
from monitoring.alerts.life import Alerts, Evidence
from workers.drain.alerting import CATCHING_UP
from workers.drain.scoring import Scored, as_uuid

RULE: Final = "reported_news2_"


def compare(alerts: Alerts, scored: Scored) -> None:
    """Hold each total that came against the score of its set: where sets share an instant, of the last of them."""
    for column, row in enumerate(scored.rows):
        if row.one.reported_news2 is None or row.item is None:
            continue
        stay = scored.stays[row.stay]
        last = _last_of_instant(scored, column)
        if stay.has_died or stay.discharged_at is not None or scored.points[last] is None:
            continue  # nobody is called, or NEWS2 does not apply
        _compare(alerts, scored, last, row.one.reported_news2, row.item.received_at - row.one.taken_at)


def _compare(alerts: Alerts, scored: Scored, column: int, theirs: int, late: timedelta) -> None:
    score, most = int(scored.news2.score[column]), int(scored.news2.score_max[column])
    is_graver = of_total(theirs) > scored.severity[column] and late < CATCHING_UP
    if score <= theirs <= most and not is_graver:
        return  # the same, or what an incomplete set may well come to
    severity = of_total(theirs) if is_graver else Severity.AMBER
    ours = str(score) if score == most else f"{score} to {most}, for it is not complete"
    text = f"The readings came with a NEWS2 of {theirs}; by our chart it is {ours}"
    row = scored.rows[column]
    reason = {"rule": f"{RULE}{severity.label}", "severity": severity.label, "text": text}
    why = {"set": row.key, "taken_at": row.one.taken_at, "reported_news2": theirs, "news2": score, "news2_max": most}
    about = scored.stays[row.stay].about
    found = Finding(severity, rules=frozenset({reason["rule"]}))
    alerts.weigh(about, Kind.DATA_QUALITY, found, lambda: Evidence([reason], why, set=as_uuid(row.key)))


def _last_of_instant(scored: Scored, column: int) -> int:
    """What was measured at one instant in several sets is whole in the last."""
    row = scored.rows[column]
    while column + 1 < len(scored.rows):
        after = scored.rows[column + 1]
        if (after.stay, after.taken_us) != (row.stay, row.taken_us):
            break
        column += 1
    return column
