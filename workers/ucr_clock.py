"""Referrals to UCR teams: each one's stored deadline against the time. Silence, warnings, the breach."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, text

from monitoring.database import once_more, transaction
from monitoring.events import emit
from monitoring.metrics import TICK_FAILURES
from monitoring.ucr.holding import hold
from monitoring.ucr.timing import pass_time
from workers.mishaps import CULPRITS, described, will_pass

log = structlog.get_logger()

BATCH: Final = 200
"""In one look: the timekeeper's other tasks want their turn."""
PUT_OFF: Final = timedelta(minutes=5)
"""When a referral whose clock could not be judged is tried again."""

_DUE: Final = text("SELECT id, alert_id FROM ucr_referral WHERE due_at <= :now ORDER BY due_at, id LIMIT :batch")
_PUT_OFF: Final = text("UPDATE ucr_referral SET due_at = :later WHERE id = :id AND due_at <= :now")


def watch_ucr(engine: Engine, now: datetime) -> int:
    """Do what the clocks of UCR referrals owe by now, the longest due first, each in a transaction of its own.

    Returns how many were looked at. One that somebody is at work on is passed over, and looked at again soon.
    """
    with transaction(engine) as session:
        due = session.execute(_DUE, {"now": now, "batch": BATCH}).all()
    done = 0
    for referral_id, alert_id in due:
        try:
            done += once_more(partial(_watch, engine, referral_id, alert_id, now))
        except CULPRITS as error:
            if will_pass(error):
                raise
            TICK_FAILURES.labels("ucr_referral").inc()
            log.error("ucr_not_judged", referral=referral_id, **described(error))
            with transaction(engine) as session:
                session.execute(_PUT_OFF, {"id": referral_id, "now": now, "later": now + PUT_OFF})
    return done


def _watch(engine: Engine, referral_id: int, alert_id: int | None, now: datetime) -> bool:
    with transaction(engine) as session:
        held = hold(session, referral_id, alert_id, skip_locked=True)
        if held is None or held.referral.due_at is None or held.referral.due_at > now:
            return False
        emit(session, pass_time(session, held, now))
    return True
