"""Which channel sends by which way, for ways whose libraries block."""

from collections.abc import Callable

from monitoring.config import Settings
from monitoring.delivery.channels import mail, notify, others
from monitoring.delivery.channels.attempts import Outgoing, Taken
from monitoring.escalation.tables import By

Send = Callable[[Settings, Outgoing], Taken]


def blocking(settings: Settings, by: By) -> Send:
    """What sends by any way but a webhook."""
    if by is By.SMS:
        return notify.send
    if by is By.APPRISE:
        return others.send
    return mail.send if settings.smtp_host is not None else notify.send
