"""Beds that were planned: when they begin to count, who watches hears of it, and who waits is offered a free one."""

from datetime import datetime
from functools import partial

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from monitoring.tables import Ward  # all tables: foreign keys name most of them
from monitoring.wards.capacity import next_change
from monitoring.wards.occupancy_events import tell_beds
from workers.each_ward import each_ward


def tell_planned_beds(engine: Engine, now: datetime) -> int:
    """Tell the beds of every ward where a planned change has begun. Returns how many wards.

    The count has them from that instant on, whether or not anybody tells it; several that began are told at once.
    """
    at = col(Ward.beds_change_at)
    return each_ward(engine, "planned_beds", select(col(Ward.id)).where(at <= now).order_by(at), partial(_tell, now))


def _tell(now: datetime, session: Session, ward: Ward) -> int:
    if ward.beds_change_at is None or ward.beds_change_at > now:
        return 0
    ward.beds_change_at = next_change(session, ward, now)
    tell_beds(session, now, ward)
    return 1
