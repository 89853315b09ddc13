"""After a batch is committed: who watches live hears of readings and scores, and the metrics count."""

from collections.abc import Collection
from datetime import datetime

import msgspec
import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from monitoring.database import DATABASE_ERRORS
from monitoring.events import TRANSIENT_CHANNEL
from monitoring.metrics import ALERT_LATENCY, BATCH_SETS, SETS
from monitoring.patients.latest import latest_of
from workers.drain.batch import Done
from workers.drain.scoring import Scored

log = structlog.get_logger()


def tell(engine: Engine, queue: Redis, done: Done, committed_at: datetime) -> None:
    """Count a committed batch, and publish what is newest since, where anybody listens.

    Read as everybody else reads it, some hundred patients with one query: so it is what they would see.
    """
    SETS.labels("scored").inc(done.sets)
    SETS.labels("repeated").inc(done.repeats)
    SETS.labels("kept_aside").inc(done.kept)
    BATCH_SETS.observe(done.sets)
    for received_at in done.alerted_from:
        ALERT_LATENCY.observe((committed_at - received_at).total_seconds())
    if done.scored is None:
        return
    try:
        if any(count for _, count in queue.pubsub_numsub(TRANSIENT_CHANNEL)):
            for some in latest_of(engine, _changed(done.scored, set(done.rescored))):
                news = [{"kind": one.kind, **one.data} for one in some]
                queue.publish(TRANSIENT_CHANNEL, msgspec.json.encode(news))
    except (RedisError, *DATABASE_ERRORS) as error:
        log.warning("live_not_told", error=type(error).__name__)


def _changed(scored: Scored, rescored: Collection[int]) -> list[int]:
    """The stays whose newest set came with this batch, or is worth something else since a late one came."""
    return [
        stay.episode_id
        for column, row in enumerate(scored.rows)
        if row.key == (stay := scored.stays[row.stay]).newest_set and (row.item is not None or column in rescored)
    ]
