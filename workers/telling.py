"""After a batch is committed: who watches live hears of readings and scores, and the metrics count."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from monitoring.database import DATABASE_ERRORS
from monitoring.events import NEWS_CHANNEL, TRANSIENT_CHANNEL
from monitoring.metrics import ALERT_LATENCY, BATCH_SETS, SETS
from monitoring.patients.latest import latest_of
from workers.drain.batch import Done
from workers.drain.scoring import Scored
from workers.drain.stays import Stay

log = structlog.get_logger()


def tell(engine: Engine, queue: Redis, done: Done, committed_at: datetime) -> None:
    """Count a committed batch, and publish what is newest since, where anybody listens.

    Read as everybody else reads it, some hundred patients with one query: so it is what they would see. Pages are told
    of which wards there is something, and ask for it by themselves.
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
        (_, watchers), (_, screens) = queue.pubsub_numsub(TRANSIENT_CHANNEL, NEWS_CHANNEL)
        changed = _changed(done.scored, set(done.rescored)) if watchers or screens else []
        if screens and changed:
            wards = sorted({stay.ward.code for stay in changed})
            _publish(queue, NEWS_CHANNEL, [{"kind": "score", "ward": ward, "patient": ""} for ward in wards])
        if watchers:
            for some in latest_of(engine, [stay.episode_id for stay in changed]):
                _publish(queue, TRANSIENT_CHANNEL, [{"kind": one.kind, **one.data} for one in some])
    except (RedisError, *DATABASE_ERRORS) as error:
        log.warning("live_not_told", error=type(error).__name__)


def _publish(queue: Redis, channel: str, news: list[dict[str, Any]]) -> None:
    queue.publish(channel, msgspec.json.encode(news))


def _changed(scored: Scored, rescored: Collection[int]) -> list[Stay]:
    """The stays whose newest set came with this batch, or is worth something else since a late one came."""
    return [
        stay
        for column, row in enumerate(scored.rows)
        if row.key == (stay := scored.stays[row.stay]).newest_set and (row.item is not None or column in rescored)
    ]
