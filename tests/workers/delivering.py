"""Messages, who is told, and a deliverer at work, for the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import AnyRow, transaction
from monitoring.delivery.outbox import NewMessage, Way, put
from monitoring.escalation.tables import By
from tests.monitoring.embedded.processes import eventually
from tests.receivers import Notify
from tests.ward import Ward
from tests.workers.records import change, rows
from workers.deliver import Deliverer

DONE = ("delivered", "failed", "cancelled")


def hook(to: str, *secrets: str) -> Way:
    """A webhook."""
    return Way(By.WEBHOOK, to, secrets)


def tells(ward: Ward, *ways: Way, times: int = 1, **changed: Any) -> list[int]:
    """So many messages are put into the outbox, in one transaction. Returns their keys, in order."""
    now = utc_now()
    body = {"type": "escalation.step", "timestamp": now.isoformat(), "data": {"ward": ward.code, "severity": "red"}}
    fields: dict[str, Any] = {"severity": 3, "give_up_at": now + timedelta(minutes=15)} | changed
    with transaction(ward.engine) as session:
        put(session, [NewMessage(ways, body, **fields)] * times, now)
    newest = rows(ward.engine, "SELECT id FROM message ORDER BY id DESC LIMIT :times", times=times)
    return sorted(row.id for row in newest)


def message(ward: Ward, key: int) -> AnyRow:
    """A message as it is now."""
    (row,) = rows(ward.engine, "SELECT * FROM message WHERE id = :key", key=key)
    return row


def states(ward: Ward) -> list[str]:
    """Where all messages stand, in order."""
    return [row.state for row in rows(ward.engine, "SELECT state FROM message ORDER BY id")]


def settled(ward: Ward) -> list[str]:
    """The same, once nothing is left to be done."""
    eventually(lambda: set(states(ward)) <= set(DONE))
    return states(ward)


def sooner(ward: Ward, what: str = "next_at = :now WHERE state = 'pending'") -> None:
    """What waits for another attempt has waited long enough."""
    change(ward.engine, f"UPDATE message SET {what}", now=utc_now())
    with ward.engine.begin() as connection:
        connection.exec_driver_sql("NOTIFY message")


def leases_end(ward: Ward) -> None:
    """Whoever was sending is taken to be dead."""
    sooner(ward, "lease_until = :now WHERE state = 'sending'")


def notifies(gov: Notify) -> dict[str, str]:
    """Settings of a deliverer that reaches Notify."""
    return {
        "notify_api_key": "ward-11111111-1111-1111-1111-111111111111-22222222-2222-2222-2222-222222222222",
        "notify_url": gov.url,
        "notify_sms_template": "t",
    }


@contextmanager
def delivering(ward: Ward, **changed: Any) -> Iterator[Deliverer]:
    """A deliverer, while it runs; it may call this machine."""
    settings: Settings = ward.settings.model_copy(update={"webhook_allow_private": True} | changed)
    deliverer = Deliverer(settings, ward.engine)
    deliverer.start()
    try:
        yield deliverer
    finally:
        deliverer.stop()
