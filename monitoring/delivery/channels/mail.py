"""E-mail through the site's own mail server."""

import smtplib
import ssl
import time
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from monitoring.config import Settings
from monitoring.delivery.channels.attempts import CONNECT_S, TOTAL_S, NotDelivered, Outgoing, Taken
from monitoring.delivery.wording import subject, text

NOBODY: Final = frozenset({550, 551, 553})
"""What a mail server answers where there is no such mailbox (RFC 5321, 4.2.2)."""


def send(settings: Settings, message: Outgoing) -> Taken:
    """Hand one over to the mail server. Raises NotDelivered.

    Its Message-ID is the same at every attempt: one that came twice is shown once by most readers.
    """
    if settings.smtp_host is None or settings.smtp_from is None:
        raise NotDelivered("no mail server is set", permanent=True)
    try:
        written = _written(settings, settings.smtp_from, message)
        _hand_over(settings, settings.smtp_host, written)
    except smtplib.SMTPRecipientsRefused as error:
        raise _refused(next(iter(error.recipients.values()))[0], "recipient") from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, "server") from error
    except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError, ValueError) as error:
        raise NotDelivered(
            f"the mail server or the address does not fit: {type(error).__name__}", permanent=True
        ) from (error)
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"no answer of the mail server: {type(error).__name__}") from error
    return Taken()


def _written(settings: Settings, sender: str, message: Outgoing) -> EmailMessage:
    written = EmailMessage()
    written["From"] = sender
    written["To"] = message.way.to
    written["Subject"] = subject(message.body)
    written["Date"] = format_datetime(message.at)
    written["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2].strip('> ')}>"
    written["Auto-Submitted"] = "auto-generated"
    written.set_content(text(message.body, settings.public_url) + "\n")
    return written


def _hand_over(settings: Settings, host: str, written: EmailMessage) -> None:
    until_s = time.monotonic() + TOTAL_S
    server = smtplib.SMTP(host, settings.smtp_port, timeout=CONNECT_S)
    try:
        _limit(server, until_s)
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
            _limit(server, until_s)
        if settings.smtp_user is not None:
            server.login(settings.smtp_user, settings.smtp_password or "")
            _limit(server, until_s)
        server.send_message(written)
        with suppress(smtplib.SMTPException, OSError):  # it has the message: nothing that follows matters
            server.quit()
    finally:
        server.close()


def _limit(server: smtplib.SMTP, until_s: float) -> None:
    """No answer is waited for longer than what is left of the attempt. Raises TimeoutError where nothing is."""
    left_s = until_s - time.monotonic()
    if left_s <= 0 or server.sock is None:
        raise TimeoutError
    server.sock.settimeout(left_s)


def _refused(code: int, by: str) -> NotDelivered:
    return NotDelivered(f"the {by} was refused with {code}" if by == "recipient" else f"the mail server said {code}",
                        permanent=code >= 500, gone=by == "recipient" and code in NOBODY)  # fmt: skip
