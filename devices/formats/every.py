"""Every format that is read here, in one table: for `virtual-ward decode`, and for whoever tries them all."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from devices.formats.fhir.node import Refused as RefusedFhir
from devices.formats.fhir.observations import decode as fhir
from devices.formats.gatt.body import decode as gatt
from devices.formats.hl7v2.message import Refused as RefusedHl7
from devices.formats.hl7v2.message import Unreadable
from devices.formats.hl7v2.observations import decode as hl7v2
from devices.formats.native import Malformed, TooManySets
from devices.formats.native import decode as native
from devices.formats.open_mhealth.body import decode as open_mhealth
from devices.posted import Decoded

Decode = Callable[[bytes, datetime], Decoded]
"""What a document holds. The instant is now, for formats whose times may be short of what they mean."""

REFUSALS: Final = (Malformed, TooManySets, Unreadable, RefusedFhir, RefusedHl7)
"""What decoders raise where nothing of a document can be read; and nothing else."""


def _timeless(read: Callable[[bytes], Decoded]) -> Decode:
    """A decoder that needs not know what time it is."""
    return lambda body, _: read(body)


FORMATS: Final[dict[str, Decode]] = {
    "native": _timeless(native),
    "fhir": _timeless(fhir),
    "hl7v2": hl7v2,
    "gatt": _timeless(gatt),
    "open-mhealth": _timeless(open_mhealth),
}
"""By name: what decodes it."""


def decode(body: bytes, name: str, now: datetime) -> Decoded:
    """What a document holds. Raises what REFUSALS names."""
    return FORMATS[name](body, now)


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
