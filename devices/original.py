"""A document as it came, packed for the way through the queue and for keeping. Knows no I/O."""

import zlib
from enum import StrEnum
from hashlib import sha256

import msgspec


class Format(StrEnum):
    """Formats whose documents say more than the sets that they are decoded to. Our own JSON is what is stored."""

    FHIR = "fhir"
    HL7V2 = "hl7v2"
    GATT = "gatt"
    OPEN_MHEALTH = "open-mhealth"


class Original(msgspec.Struct, frozen=True):
    """One document. `id`: a UUID of version 8, made from its source and its bytes, so that it is kept once."""

    id: str
    format: Format
    packed: bytes


def pack(source: int, form: Format, body: bytes) -> Original:
    """A document of a source."""
    return Original(derived_id(b"%d/%b" % (source, body)), form, zlib.compress(body, level=1))


def derived_id(of: bytes) -> str:
    """A UUID of version 8 that is the same for the same bytes."""
    digits = sha256(of).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def unpack(packed: bytes) -> bytes:
    """Its bytes."""
    return zlib.decompress(packed)
