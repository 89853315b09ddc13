"""A plan changes while an alert climbs: from its next step on it climbs the ladder that the plan asks for now.

Looked at whenever a step is due, for a plan may say from when it holds; and as soon as a new plan is decided. When the
next step is due stays as it was.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.alarms import ENDED
from alert_rules.ladder import as_json, ladder_for, untold, version
from alert_rules.severity import Severity
from monitoring.alerts.life import About, Alerts
from monitoring.alerts.tables import Alert
from monitoring.escalation.ladders import ladders_of
from monitoring.escalation.starting import not_to_hospital
from monitoring.escalation.tables import Escalation, LadderStep, Taken
from monitoring.escalation.telling import Due
from monitoring.wards.tables import Ward

NO_HOSPITAL_NOW: Final = "ladder changed: the plan now says not to hospital"
HOSPITAL_NOW: Final = "ladder changed: the plan no longer says not to hospital"


def dues_of(session: Session, alerts: Collection[Alert], about: About) -> list[Due]:
    """How one patient's alerts, whose rows are locked, stand on their ladders."""
    by_id = {alert.id: alert for alert in alerts}
    query = select(Escalation).where(col(Escalation.alert_id).in_(by_id)).execution_options(populate_existing=True)
    found = session.execute(query).scalars() if by_id else ()
    return [Due(escalation, by_id[escalation.alert_id], about) for escalation in found]


def follow_plans(alerts: Alerts, climbing: Sequence[Due]) -> None:
    """Let those of these alerts change ladders whose patients' plans ask for another. A query or two for all of them.

    The new ladder begins at its first step whom the alert has not told yet. What is on its way to somebody stays so.
    """
    session, now = alerts.session, alerts.now
    alive = [due for due in climbing if due.alert.state not in ENDED]
    stay_home = not_to_hospital(session, [due.alert for due in alive], now)
    changing = [due for due in alive if due.escalation.no_hospital != (due.alert.id in stay_home)]
    if not changing:
        return
    query = select(Ward).where(col(Ward.id).in_({due.about.ward_id for due in changing}))
    wards = {ward.id: ward.pathway for ward in session.execute(query).scalars()}
    ladders, told = ladders_of(session, wards, now), _told(session, changing)
    for due in changing:
        stays, climbs = due.alert.id in stay_home, due.escalation
        ladder = ladder_for(ladders[due.about.ward_id], Severity(due.alert.severity), to_hospital=not stays)
        climbs.ladder, climbs.version, climbs.no_hospital = as_json(ladder), version(ladder), stays
        climbs.run, climbs.step, climbs.repeats = climbs.run + 1, untold(ladder, told[due.alert.id]).step, 0
        alerts.mention(due.alert, due.about, NO_HOSPITAL_NOW if stays else HOSPITAL_NOW)


def _told(session: Session, dues: Iterable[Due]) -> dict[int, set[str]]:
    """Whom each alert has told on the ladder that it climbs; nobody whom no message reached."""
    runs = {due.alert.id: due.escalation.run for due in dues}
    told: dict[int, set[str]] = {alert: set() for alert in runs}
    query = select(LadderStep).where(col(LadderStep.alert_id).in_(runs), col(LadderStep.step) >= 0)
    steps = [one for one in session.execute(query).scalars() if one.run == runs[one.alert_id]]
    for one in steps:
        if one.taken == Taken.TOLD:
            told[one.alert_id].add(one.tell)
    for one in steps:
        if one.taken == Taken.FAILED:
            told[one.alert_id].discard(one.tell)
    return told
