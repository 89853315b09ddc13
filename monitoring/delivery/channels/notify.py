"""SMS and e-mail by GOV.UK Notify, through its own client (the extra `notify`).

Sending has no idempotency key. So each attempt carries a reference, and before another one Notify is asked for it: an
answer that was lost does not make a second SMS.
"""

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from monitoring.config import Settings
from monitoring.delivery.channels.attempts import CONNECT_S, TOTAL_S, NotDelivered, Outgoing, Taken
from monitoring.delivery.wording import subject, text
from monitoring.escalation.tables import By

if TYPE_CHECKING:
    from notifications_python_client.notifications import NotificationsAPIClient

NOBODY: Final = "permanent-failure"
UNDELIVERED: Final = frozenset({NOBODY, "temporary-failure", "technical-failure"})
"""Statuses of a message that did not arrive, and will not (it has tried for long: hours with an SMS)."""

KINDS: Final = {By.SMS: "sms", By.EMAIL: "email"}
_own: Final = threading.local()  # the client is not thread-safe


def reference(message_id: UUID, place: int) -> str:
    """By what a message and its way are found again."""
    return f"{message_id}/{place}"


def send(settings: Settings, message: Outgoing) -> Taken:
    """Hand one over to Notify, or find that it has it. Raises NotDelivered."""
    client, until_s = _client(settings), time.monotonic() + TOTAL_S
    if message.again and (known := _ask(client, message, until_s)):
        return known
    values = {"message": text(message.body, settings.public_url), "subject": subject(message.body)}
    ours = reference(message.id, message.place)

    def hand_over() -> Any:
        if message.way.by is By.SMS:
            return client.send_sms_notification(
                message.way.to, settings.notify_sms_template, {"message": values["message"]}, ours
            )
        return client.send_email_notification(message.way.to, settings.notify_email_template, values, ours)

    return Taken(str(_answered(client, until_s, hand_over)["id"]))


def _ask(client: "NotificationsAPIClient", message: Outgoing, until_s: float) -> Taken | None:
    """What became of an earlier attempt; None where Notify never had it."""
    kind, ours = KINDS[message.way.by], reference(message.id, message.place)
    found = _answered(client, until_s, lambda: client.get_all_notifications(template_type=kind, reference=ours))
    for one in found["notifications"]:
        if one["status"] in UNDELIVERED:
            raise undelivered(one["status"])
        return Taken(str(one["id"]))
    return None


def undelivered(status: str) -> NotDelivered:
    """What a status means that says it did not arrive."""
    return NotDelivered(f"Notify says {status}", permanent=True, gone=status == NOBODY)


def _answered(client: "NotificationsAPIClient", until_s: float, call: Any) -> Any:
    from notifications_python_client.errors import APIError  # noqa: PLC0415 - loaded with the first message

    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise NotDelivered("no answer of Notify in time")
    client.timeout = (min(CONNECT_S, left_s), left_s)
    try:
        return call()
    except APIError as error:
        status = error.status_code
        permanent = 400 <= status < 500 and status not in {408, 425, 429}
        raise NotDelivered(f"Notify answered {status}", permanent=permanent) from error


def _client(settings: Settings) -> "NotificationsAPIClient":
    """This thread's own. Raises NotDelivered where Notify is not set up."""
    if settings.notify_api_key is None:
        raise NotDelivered("Notify is not set up", permanent=True)
    try:
        from notifications_python_client.notifications import (  # noqa: PLC0415 - 4 MB, loaded with the first message
            NotificationsAPIClient,
        )
    except ImportError as error:
        raise NotDelivered("the extra `notify` is not installed", permanent=True) from error
    made_for = (settings.notify_api_key, settings.notify_url)
    if getattr(_own, "made_for", None) != made_for:
        logging.getLogger("notifications_python_client").setLevel(logging.CRITICAL)  # it logs what Notify says
        _own.client, _own.made_for = NotificationsAPIClient(made_for[0], base_url=made_for[1]), made_for
    client: NotificationsAPIClient = _own.client
    return client
