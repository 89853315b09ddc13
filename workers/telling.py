"""After a batch is committed: who watches live hears of readings and scores, and the metrics count."""

from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from redis import Redis
from redis.exceptions import RedisError

from alert_rules.explain import score_as_json
from alert_rules.news2 import RISKS
from monitoring.events import TRANSIENT_CHANNEL
from monitoring.metrics import ALERT_LATENCY, BATCH_SETS, SETS
from workers.drain.batch import Done
from workers.drain.scoring import Scored

log = structlog.get_logger()
TOLD_MAX: Final = 500
"""Sets told live per batch: whoever watches wants the latest of each patient, not a catch-up of a week."""


def tell(queue: Redis, done: Done, committed_at: datetime) -> None:
    """Count a committed batch, and publish its scores where anybody listens."""
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
            queue.publish(TRANSIENT_CHANNEL, msgspec.json.encode(_news(done.scored)))
    except RedisError as error:
        log.warning("live_not_told", error=type(error).__name__)


def _news(scored: Scored) -> list[dict[str, Any]]:
    """The newest set of each patient, as `reading` and `score` events."""
    newest = {row.stay: column for column, row in enumerate(scored.rows) if row.item is not None}
    news = []
    for number, column in list(newest.items())[:TOLD_MAX]:
        stay, row = scored.stays[number], scored.rows[column]
        base = {"at": row.one.taken_at, "ward": stay.ward.code, "patient": stay.patient}
        assert row.item is not None
        reading = {
            "id": row.one.id,
            "set": row.key,
            "taken_at": row.one.taken_at,
            "received_at": row.item.received_at,
        }
        news.append({"kind": "reading", **base, "reading": reading | _vitals(scored, column)})
        if scored.points[column] is not None:
            news.append({"kind": "score", **base, "score": _score(scored, column)})
    return news


def _vitals(scored: Scored, column: int) -> dict[str, Any]:
    one = scored.rows[column].one
    named = {
        "respiratory_rate": one.respiratory_rate,
        "spo2": one.spo2,
        "on_oxygen": one.on_oxygen,
        "systolic": one.systolic,
        "diastolic": one.diastolic,
        "pulse": one.pulse,
        "consciousness": one.consciousness,
        "temperature": None if one.temperature_tenths is None else one.temperature_tenths / 10,
    }
    return {name: value for name, value in named.items() if value is not None}


def _score(scored: Scored, column: int) -> dict[str, Any]:
    known = scored.facts.vitals.known[:, column].tolist()
    row = scored.rows[column]
    return {
        "at": row.one.taken_at,
        "scale": scored.plans[column].scale,
        "risk": RISKS[int(scored.news2.risk[column])],
        "risk_max": RISKS[int(scored.news2.risk_max[column])],
        "assumed": ["oxygen"] if scored.composed.oxygen_assumed[column] else [],
        "readings": [row.key, *scored.uses[column]],
        **score_as_json(scored.news2, known, column),
    }
