"""What ends, or goes along, when the patient leaves: care that was asked for or given, and a charity's support.

Whoever comes here has locked the ward and the patient.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col

from monitoring.acts import Act
from monitoring.recovery.care import care_pathways
from monitoring.recovery.tables import Prevention, ServiceLine
from monitoring.wards.tables import Episode, Ward


def end_care(session: Session, episode: Episode, at: datetime, reason: str) -> None:
    """No care is given or awaited any more in this spell; what began later, told late, lasted no time."""
    _end(session, col(ServiceLine.episode_id) == episode.id, at, reason)


def move_care(session: Session, episode: Episode, to: Ward, at: datetime) -> None:
    """Care goes along to another service; on a ward that gives none it is over."""
    if to.pathway not in care_pathways():
        end_care(session, episode, at, "transferred")
        return
    open_ones = (col(ServiceLine.episode_id) == episode.id) & col(ServiceLine.ended_at).is_(None)
    session.execute(update(ServiceLine).where(open_ones).values(ward_id=to.id))


def end_for_the_dead(act: Act, patient_id: int, at: datetime) -> None:
    """Nobody comes to that home any more: neither care of an earlier spell, nor a charity."""
    _end(act.session, col(ServiceLine.patient_id) == patient_id, at, "died")
    supported = update(Prevention).where(col(Prevention.patient_id) == patient_id, col(Prevention.closed_at).is_(None))
    closed = supported.values(
        closed_at=func.greatest(col(Prevention.opened_at), at), closed_by=act.who.id, close_reason="died"
    )
    act.session.execute(closed.execution_options(synchronize_session=False))


def _end(session: Session, whose: ColumnElement[bool], at: datetime, reason: str) -> None:
    began_at = func.coalesce(col(ServiceLine.begun_at), col(ServiceLine.requested_at))
    still = update(ServiceLine).where(whose, col(ServiceLine.ended_at).is_(None))
    ended = still.values(ended_at=func.greatest(began_at, at), end_reason=reason)
    session.execute(ended.execution_options(synchronize_session=False))
