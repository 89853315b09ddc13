"""Beds held for patients who did not come: each hold's end against the time."""

from datetime import datetime
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, select
from sqlmodel import col

from monitoring.database import once_more, transaction
from monitoring.flow.holds import expire
from monitoring.metrics import TICK_FAILURES
from monitoring.tables import BedHold, Referral, Ward  # all tables: foreign keys name most of them
from monitoring.wards.occupancy_events import tell_beds
from workers.mishaps import CULPRITS, described, will_pass

log = structlog.get_logger()

WARDS_MAX: Final = 200
"""In one look: the timekeeper's other tasks want their turn."""


def expire_holds(engine: Engine, now: datetime) -> int:
    """End every hold that ran out, ward by ward. Returns how many.

    The count of beds leaves such a hold out from that instant on; this tells it, and whom the bed is offered to.
    """
    due = select(col(BedHold.ward_id)).where(col(BedHold.ended_at).is_(None), col(BedHold.held_until) <= now)
    with transaction(engine) as session:
        wards = list(session.execute(due.distinct().order_by(col(BedHold.ward_id)).limit(WARDS_MAX)).scalars())
    total = 0
    for ward_id in wards:
        try:
            total += once_more(partial(_expire, engine, ward_id, now))
        except CULPRITS as error:
            if will_pass(error):
                raise
            TICK_FAILURES.labels("holds_of_ward").inc()
            log.error("holds_not_expired", ward=ward_id, **described(error))
    return total


def _expire(engine: Engine, ward_id: int, now: datetime) -> int:
    """Those of one ward; one that somebody is at work on is passed over, and looked at again soon."""
    with transaction(engine) as session:
        lock = select(Ward).where(col(Ward.id) == ward_id).with_for_update(key_share=True, skip_locked=True)
        ward = session.execute(lock).scalar_one_or_none()
        if ward is None:
            return 0
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
