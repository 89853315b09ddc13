"""Teams, Slack, pagers and what else Apprise knows (the extra `apprise`): https://github.com/caronc/apprise.

Apprise says whether it worked, and not why: what failed is tried again.
"""

import logging

from monitoring.config import Settings
from monitoring.delivery.channels.attempts import CONNECT_S, TOTAL_S, NotDelivered, Outgoing, Taken
from monitoring.delivery.channels.guard import public_only
from monitoring.delivery.wording import subject, text


def send(settings: Settings, message: Outgoing) -> Taken:
    """Send one. Raises NotDelivered."""
    try:
        from apprise import Apprise  # noqa: PLC0415 - 17 MB, loaded with the first message
    except ImportError as error:
        raise NotDelivered("the extra `apprise` is not installed", permanent=True) from error
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it logs addresses
    service = Apprise.instantiate(message.way.to)
    if service is None:
        raise NotDelivered("its address is none that Apprise knows", permanent=True)
    service.socket_connect_timeout, service.socket_read_timeout = CONNECT_S, TOTAL_S - CONNECT_S
    with public_only(allow_private=settings.webhook_allow_private):
        arrived = service.notify(body=text(message.body, settings.public_url), title=subject(message.body))
    if not arrived:
        raise NotDelivered("Apprise could not deliver it")
    return Taken()
