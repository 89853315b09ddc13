"""What a clinician says of sepsis reaches whoever goes to the patient, and whoever thought that UCR would do.

The alert's row is locked, then those of the patient's referrals.
"""

from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import select
from sqlmodel import Session, col

from alert_rules.alarms import HELD
from alert_rules.sepsis import Answer
from monitoring.alerts.tables import Alert
from monitoring.escalation.climbing import resume
from monitoring.events import NewEvent
from monitoring.sepsis.asking import known_of
from monitoring.ucr.handover import handover_of
from monitoring.ucr.marking import mark
from monitoring.ucr.states import LIVE, State
from monitoring.ucr.tables import Format, UcrReferral, UcrTeam
from monitoring.ucr.telling import event, tell_team, tell_ward

NOT_UCR_ALONE: Final = "sepsis is suspected: UCR alone is not the answer"


def hear(session: Session, alert: Alert, status: str, now: datetime, by: int) -> list[NewEvent]:
    """The teams asked to see this patient hear what is now said of sepsis. Returns what to emit at the end.

    An alert that only a team had taken is open again where sepsis is suspected.
    """
    known = known_of(session, alert.patient_id, now) or status
    query = (
        select(UcrReferral)
        .where(col(UcrReferral.patient_id) == alert.patient_id, col(UcrReferral.state).in_(LIVE))
        .order_by(col(UcrReferral.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    live = list(session.execute(query).scalars())
    events = [_say(session, one, known, now, by) for one in live if one.sepsis != known]
    teams = {one.accepted_by for one in live}
    if known == Answer.SUSPECTED and alert.state in HELD and alert.acknowledged_by in teams:
        events += resume(session, alert, NOT_UCR_ALONE, now)
    return events


def _say(session: Session, one: UcrReferral, known: str, now: datetime, by: int) -> NewEvent:
    """Where no message can say it to the team, somebody of the ward has to ring: they are told instead."""
    one.sepsis, what = known, f"sepsis_{known}"
    one.version += 1
    one.handover = msgspec.to_builtins(handover_of(session, one, now))
    session.add(one)
    mark(session, one, what, State(one.state), now, by=by)
    team = None if one.team_id is None else session.get_one(UcrTeam, one.team_id)
    if team is not None:
        tell_team(session, one, team, what, now)
    if known == Answer.SUSPECTED or team is None or team.webhook is None or team.webhook_format == Format.BARS:
        tell_ward(session, one, what, now)
    return event(session, one, what, None, now)
