"""The SitRep at its instant: 08:00 on Thursday in London, and whichever instants passed while nobody kept time."""

from datetime import datetime
from itertools import islice
from typing import Final

import structlog
from sqlalchemy import Engine

from monitoring.database import transaction
from monitoring.reports.sitrep_snapshots import missing, take

log = structlog.get_logger()

TAKEN_MAX: Final = 10
"""In one look: the timekeeper's other tasks want their turn."""


def take_sitreps(engine: Engine, now: datetime) -> int:
    """Take every SitRep that is due, the oldest first, each in a transaction. Returns how many were taken here."""
    with transaction(engine) as session:
        due = list(islice(missing(session, now), TAKEN_MAX))
    taken = 0
    for as_of in due:
        with transaction(engine) as session:
            if take(session, as_of, now):
                log.info("sitrep_taken", as_of=as_of)
                taken += 1
    return taken
