"""Tells engineers, without the outbox, the database or the queue: from this process straight to who they are."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.delivery.channels.attempts import NotDelivered, Outgoing, Taken
from monitoring.delivery.channels.choosing import blocking
from monitoring.delivery.channels.webhook import Webhooks
from monitoring.escalation.tables import By
from monitoring.metrics import MESSAGES
from monitoring.watching.engineers import Ways

log = structlog.get_logger()

WAITS_S: Final = (0.0, 1.0, 4.0)
"""Before each round of attempts. An attempt takes five seconds at most."""

ALARMS: Final = "docs/operations/alarms.md"


@dataclass(frozen=True, slots=True)
class Message:
    """What is told, under the id that it keeps."""

    id: UUID
    body: dict[str, Any]


def body_of(said: dict[str, object], public_url: str | None, now: datetime) -> dict[str, Any]:
    """A message as a webhook gets it."""
    where = {"do": f"{ALARMS}#{said['problem']}"} | ({"link": f"{public_url}/kit"} if public_url else {})
    return {"type": f"system.{said['state']}", "timestamp": now, "data": {**said, **where}}


def tell(settings: Settings, groups: Sequence[Sequence[Ways]], message: Message, stop: threading.Event) -> bool:
    """Tell everybody of the first group of whom anybody can be reached; the next only where nobody could."""
    return any(_tell_group(settings, group, message, stop) for group in groups)


def _tell_group(settings: Settings, group: Sequence[Ways], message: Message, stop: threading.Event) -> bool:
    """All at once, each on a thread of their own: whoever hangs keeps nobody waiting."""
    heard: list[bool] = []

    def one(ways: Ways) -> None:
        heard.append(_reach(settings, ways, message, stop))

    threads = [threading.Thread(target=one, args=(ways,), name="tell", daemon=True) for ways in group]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return any(heard)


def _reach(settings: Settings, ways: Ways, message: Message, stop: threading.Event) -> bool:
    """By the first way that works, in rounds."""
    left = list(enumerate(ways))
    for number, wait_s in enumerate(WAITS_S):
        if not left or stop.wait(wait_s):
            break
        for place, way in tuple(left):
            outgoing = Outgoing(message.id, way, len(ways) - place, message.body, number > 0, utc_now())
            try:
                _send(settings, outgoing)
            except NotDelivered as failure:
                MESSAGES.labels(way.by, "retried").inc()
                log.warning("engineer_not_told", by=way.by, reason=failure.reason)
                if failure.permanent:
                    left.remove((place, way))
                continue
            MESSAGES.labels(way.by, "delivered").inc()
            return True
    MESSAGES.labels(ways[0].by, "failed").inc()
    return False


def _send(settings: Settings, outgoing: Outgoing) -> Taken:
    if outgoing.way.by is By.WEBHOOK:
        return asyncio.run(_by_webhook(settings, outgoing))
    try:
        return blocking(settings, outgoing.way.by)(settings, outgoing)
    except (OSError, RuntimeError, ValueError, LookupError) as error:  # of a provider's library
        raise NotDelivered(f"it went wrong: {type(error).__name__}") from error


async def _by_webhook(settings: Settings, outgoing: Outgoing) -> Taken:
    webhooks = Webhooks(allow_private=settings.webhook_allow_private)
    try:
        return await webhooks.send(outgoing)
    finally:
        await webhooks.close()


def in_background(work: Callable[[], None]) -> None:
    """On a thread that keeps no process from ending."""
    threading.Thread(target=work, name="telling", daemon=True).start()
