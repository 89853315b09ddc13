"""Beds held for patients who did not come: each hold's end against the time."""

from datetime import datetime
from functools import partial

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from monitoring.flow.holds import expire
from monitoring.tables import BedHold, Referral, Ward  # all tables: foreign keys name most of them
from monitoring.wards.occupancy_events import tell_beds
from workers.each_ward import each_ward


def expire_holds(engine: Engine, now: datetime) -> int:
    """End every hold that ran out, ward by ward. Returns how many.

    The count of beds leaves such a hold out from that instant on; this tells it, and whom the bed is offered to.
    """
    due = select(col(BedHold.ward_id)).where(col(BedHold.ended_at).is_(None), col(BedHold.held_until) <= now)
    return each_ward(engine, "holds", due.distinct().order_by(col(BedHold.ward_id)), partial(_expire, now))


def _expire(now: datetime, session: Session, ward: Ward) -> int:
    query = (
        select(Referral, BedHold)
        .join(BedHold, col(BedHold.referral_id) == col(Referral.id))
        .where(col(BedHold.ward_id) == ward.id, col(BedHold.ended_at).is_(None), col(BedHold.held_until) <= now)
        .order_by(col(BedHold.id))
    )
    due = session.execute(query).all()
    for referral, hold in due:
        expire(session, referral, hold, now)
    if due:
        tell_beds(session, now, ward)
    return len(due)
