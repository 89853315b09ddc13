"""What is due on wards, ward by ward: one that somebody is at work on is passed over, one that fails keeps no other."""

from collections.abc import Callable
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from monitoring.database import AnySelect, once_more, transaction
from monitoring.metrics import TICK_FAILURES
from monitoring.tables import Ward  # all tables: foreign keys name most of them
from workers.mishaps import CULPRITS, described, will_pass

log = structlog.get_logger()

WARDS_MAX: Final = 200
"""In one look: the timekeeper's other tasks want their turn."""


def each_ward(engine: Engine, task: str, due: AnySelect, do: Callable[[Session, Ward], int]) -> int:
    """Do it for every ward whose key `due` finds, each in a transaction that holds the ward's row. Returns how much.

    `do` looks again at what is due, for another machine may have done it since, and says how much it did.
    """
    with transaction(engine) as session:
        wards = list(session.execute(due.limit(WARDS_MAX)).scalars())
    total = 0
    for ward_id in wards:
        try:
            total += once_more(partial(_locked, engine, ward_id, do))
        except CULPRITS as error:
            if will_pass(error):
                raise
            TICK_FAILURES.labels(f"{task}_of_ward").inc()
            log.error("ward_failed", task=task, ward=ward_id, **described(error))
    return total


def _locked(engine: Engine, ward_id: int, do: Callable[[Session, Ward], int]) -> int:
    """One ward, unless somebody is at work on it: it is looked at again soon."""
    with transaction(engine) as session:
        lock = select(Ward).where(col(Ward.id) == ward_id).with_for_update(key_share=True, skip_locked=True)
        ward = session.execute(lock).scalar_one_or_none()
        return 0 if ward is None else do(session, ward)
