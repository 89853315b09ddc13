"""Where somebody can be told: whether an address has the shape of one, and is no way into our own network."""

import re
import secrets
import socket
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from monitoring.delivery.channels.guard import is_public
from monitoring.escalation.tables import By

ADDRESS_LENGTH_MAX: Final = 2_000
SECRET: Final = "whsec_"  # noqa: S105 - the prefix of one
SECRET_BYTES: Final = range(24, 65)
"""Standard Webhooks: a secret is `whsec_` and the base64 of 24 to 64 bytes."""
NO_SECRET: Final = f"must be {SECRET} and the base64 of 24 to 64 bytes"

_EMAIL: Final = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[^\s@<>\"(),:;\\\[\]]+\.[^\s@<>\"(),:;\\\[\]]{2,}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{7,14}|0[1-9][0-9]{8,9}")
_GROUPED: Final = re.compile(r"[\s().-]")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_OURS: Final = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")


class WrongTarget(Exception):
    """Nobody can be told there. `reason` says why, without the address."""


def address(by: By, to: str, *, allow_private: bool) -> str:
    """The address as it is kept. Raises WrongTarget."""
    match by:
        case By.EMAIL:
            return _shaped(_EMAIL, to, "is not an e-mail address", length=254)
        case By.SMS:
            return _shaped(_PHONE, _GROUPED.sub("", to), "is not a phone number such as +447700900123 or 07700900123")
        case By.APPRISE:
            _shaped(_SCHEME, to, "is not an address such as msteams://…")
            refuse_private(to, allow_private=allow_private)
            return to
        case By.WEBHOOK:
            parts = _split(to)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise WrongTarget("is not an address that begins with https:// or http://")
            if parts.username or parts.password:
                raise WrongTarget("must not carry a password")
            refuse_private(to, allow_private=allow_private)
            return to


def refuse_private(to: str, *, allow_private: bool) -> None:
    """Raise WrongTarget for an address that names a private network or this machine. Names are not looked up here.

    What a name leads to is known when something is sent, and judged then.
    """
    if allow_private:
        return
    host = (_split(to).hostname or "").rstrip(".")
    number = _as_number(host)
    if host in _OURS or host.endswith(_OURS[1:]) or (number is not None and not is_public(str(number))):
        raise WrongTarget("is in a private network; VIRTUAL_WARD_WEBHOOK_ALLOW_PRIVATE=true would allow it")


def is_secret(text: str) -> bool:
    """Whether this is a secret as Standard Webhooks has them."""
    try:
        return text.startswith(SECRET) and len(b64decode(text.removeprefix(SECRET), validate=True)) in SECRET_BYTES
    except (NotBase64, ValueError):
        return False


def new_secret() -> str:
    """One of our own making, of 32 bytes."""
    return SECRET + b64encode(secrets.token_bytes(32)).decode()


def _shaped(shape: re.Pattern[str], to: str, otherwise: str, length: int = ADDRESS_LENGTH_MAX) -> str:
    if len(to) > length or not shape.fullmatch(to):
        raise WrongTarget(otherwise)
    return to


def _split(to: str) -> SplitResult:
    try:
        parts = urlsplit(to)
        _ = parts.port  # judged only when it is asked for
    except ValueError:
        raise WrongTarget("is not an address") from None
    return parts


def _as_number(host: str) -> IPv4Address | IPv6Address | None:
    """The number that a host is, in any way that sockets read it: 127.1 and 0x7f000001 are this machine too."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
