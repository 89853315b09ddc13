"""Every format that is read here, in one table: for `virtual-ward decode`, and for whoever tries them all."""

import re
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from devices.formats.fhir.node import Refused as RefusedFhir
from devices.formats.gatt.body import decode as gatt
from devices.formats.hl7v2.message import Refused as RefusedHl7
from devices.formats.hl7v2.message import Unreadable
from devices.formats.native import Malformed, TooManySets
from devices.formats.native import decode as native
from devices.formats.open_mhealth.body import decode as open_mhealth
from devices.posted import Decoded

Decode = Callable[[bytes, datetime], Decoded]
"""What a document holds. The instant is now, for formats whose times may be short of what they mean."""

REFUSALS: Final = (Malformed, TooManySets, Unreadable, RefusedFhir, RefusedHl7)
"""What decoders raise where nothing of a document can be read; and nothing else."""


class NotReadYet(Exception):
    """This version does not read that format."""


def _of(module: str) -> Callable[..., Decoded] | None:
    """The decoder of a format that is read where its module is there."""
    name = f"devices.formats.{module}.observations"
    found: Callable[..., Decoded] | None = import_module(name).decode if find_spec(name) else None
    return found


def _timeless(read: Callable[..., Decoded] | None) -> Decode | None:
    """A decoder that needs not know what time it is."""
    return None if read is None else lambda body, _: read(body)


FORMATS: Final[dict[str, Decode | None]] = {
    "native": _timeless(native),
    "fhir": _timeless(_of("fhir")),
    "hl7v2": _of("hl7v2"),
    "gatt": _timeless(gatt),
    "open-mhealth": _timeless(open_mhealth),
}
"""By name: what decodes it; None where this version does not."""


def decode(body: bytes, name: str, now: datetime) -> Decoded:
    """What a document holds. Raises NotReadYet, and what REFUSALS names."""
    if (read := FORMATS[name]) is None:
        raise NotReadYet(f"{name} is not read by this version yet")
    return read(body, now)


_SAYS: Final = (
    (re.compile(rb"\s*\x0b?(?:[FB]HS|MSH)"), "hl7v2"),
    (re.compile(rb'"resourceType"\s*:'), "fhir"),
    (re.compile(rb'"frames"\s*:'), "gatt"),
    (re.compile(rb'"taken_at"\s*:'), "native"),
)


def guess(body: bytes) -> str:
    """The format that a document seems to be of."""
    (hl7, name), *members = _SAYS
    if hl7.match(body):
        return name
    return next((name for member, name in members if member.search(body)), "open-mhealth")
