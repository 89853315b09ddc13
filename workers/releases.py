"""What people released and nobody has scored: put onto the stream again, as often as it takes.

Whoever released it wrote that down first. They may have been killed before it was on the stream, or the queue was away,
or lost what it held: the row is the truth, and the drain scores it once.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from redis import Redis
from sqlalchemy import Engine, select
from sqlmodel import col

from monitoring.aside.deciding import arrival_of
from monitoring.config import Settings
from monitoring.database import transaction
from monitoring.intake.stream import FIELD, ring_once, stream_name
from monitoring.intake.tables import Decision, SetAside

AFTER: Final = timedelta(seconds=30)
"""Since it was put there last. The design's own."""
AT_ONCE: Final = 100


def queue_again(engine: Engine, queue: Redis, settings: Settings, now: datetime) -> int:
    """Put what was released and is not scored onto its streams. Returns how many that were."""
    with transaction(engine) as session:
        query = (
            select(SetAside)
            .where(
                col(SetAside.decision) == Decision.RELEASED,
                col(SetAside.scored_at).is_(None),
                col(SetAside.queued_at) < now - AFTER,
            )
            .order_by(col(SetAside.queued_at))
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        rows = session.execute(query).scalars().all()
        for row in rows:
            row.queued_at = now
    for row in rows:
        number = abs(row.source) % settings.streams
        queue.xadd(stream_name(number), {FIELD: msgspec.json.encode(arrival_of(row))})
        ring_once(queue, number)
    return len(rows)
