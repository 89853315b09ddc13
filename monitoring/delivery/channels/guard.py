"""What may be called from inside: no address of a private network, however it is spelt, unless that is allowed.

Webhooks: the name is resolved once, every address it has is judged, and one that was judged is called, so that a name
that leads elsewhere a moment later leads nowhere. What a library calls for us is judged when its socket connects.
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpx

from monitoring.delivery.channels.attempts import NotDelivered

PRIVATE: Final = "private networks are not called"

# Public by registry, and still the inside of somebody's cloud.
_INSIDE: Final = frozenset({ip_address("168.63.129.16")})  # Azure's wire server
# IPv6 networks that carry an IPv4 address in their last 32 bits.
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet. A zone (`fe80::1%eth0`) never is."""
    try:
        return all(_is_public(one) for one in _meant(ip_address(address)))
    except ValueError:
        return False


def _meant(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """An address, and every address that it stands for."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            yield address.ipv4_mapped
            return
        yield from address.teredo or ()
        if address.sixtofour is not None:
            yield address.sixtofour
        if any(address in network for network in _NAT64):
            yield IPv4Address(int(address) & 0xFFFF_FFFF)
    yield address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and address not in _INSIDE


def fit_url(target: str, *, allow_private: bool) -> httpx.URL:
    """A webhook's address, as far as it can be judged without asking. Raises NotDelivered.

    Plain http only inside: what goes out is encrypted.
    """
    try:
        url = httpx.URL(target)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise NotDelivered("its address is none", permanent=True) from error
    if url.scheme not in ({"https", "http"} if allow_private else {"https"}):
        raise NotDelivered("its address is not https", permanent=True)
    if not url.host or url.userinfo:
        raise NotDelivered("its address names no host, or a user", permanent=True)
    if not allow_private and _is_literal(url.host) and not is_public(url.host):
        raise NotDelivered(PRIVATE, permanent=True)
    return url


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def addresses(url: httpx.URL, *, allow_private: bool) -> list[str]:
    """The addresses behind a name, each of them judged. Raises NotDelivered."""
    host = url.raw_host.decode("ascii").strip("[]")
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotDelivered("its name is not known") from error
    those = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private and not all(is_public(address) for address in those):
        raise NotDelivered(PRIVATE, permanent=True)
    return those


class Refused(PermissionError):
    """A library of ours wanted to connect to a private network."""


_watched: Final = threading.local()


@contextmanager
def public_only(*, allow_private: bool) -> Iterator[None]:
    """In this thread nothing connects to a private network meanwhile. Raises NotDelivered where something wanted to."""
    if allow_private:
        yield
        return
    _install()
    _watched.is_on, _watched.refused = True, False
    try:
        yield
    finally:
        _watched.is_on = False
    if _watched.refused:
        raise NotDelivered(PRIVATE, permanent=True)


@cache
def _install() -> None:
    """Once in a process, for an audit hook stays. It judges the address that is really called, after every look-up."""
    sys.addaudithook(_judge)


def _judge(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"} and getattr(_watched, "is_on", False):
        address = arguments[1]
        if not (isinstance(address, tuple) and is_public(str(address[0]))):
            _watched.refused = True
            raise Refused(PRIVATE)
