"""The chain: what a seal hashes, and how it is signed. Pure: rows in, bytes out.

The form is fixed: what was sealed yesterday is verified with it in ten years.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BEGINNING: Final = bytes(32)
"""What the first seal has in place of a hash before it."""
FORM: Final = b"virtual-ward audit seal 1\n"
COLUMNS: Final = (
    "id", "at", "by", "who", "role", "browser", "method", "route", "allows", "object", "subjects", "status",
    "request_id",
)  # fmt: skip
"""Of an event, in the order in which they are hashed: all of it."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seal:
    """What a seal says of what it covers."""

    number: int
    sealed_at: datetime
    after_id: int
    to_id: int
    gaps: Sequence[tuple[int, int]]  # [from, to)
    late: Sequence[int]
    events: int
    previous: bytes
    public_key: bytes | None


def hash_of(seal: Seal, events: Iterable[Sequence[Any]]) -> bytes:
    """The seal's hash over itself, the seal before, and its events in the order of their ids, late ones first."""
    said = [
        seal.number, _us(seal.sealed_at), seal.after_id, seal.to_id, seal.gaps, seal.late, seal.events,
        seal.previous.hex(), None if seal.public_key is None else seal.public_key.hex(),
    ]  # fmt: skip
    hashed = sha256(FORM + msgspec.json.encode(said))
    for event in events:
        hashed.update(b"\n" + _bytes(event))
    return hashed.digest()


def _bytes(event: Sequence[Any]) -> bytes:
    """An event as it is hashed, from its `COLUMNS`. JSON has no line break of its own, so that none can be moved."""
    return msgspec.json.encode([_plain(value) for value in event])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _us(value)
    return value.hex() if isinstance(value, bytes | memoryview) else value


def _us(at: datetime) -> int:
    """Microseconds since 1970: what PostgreSQL keeps of an instant."""
    return (at - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: an Ed25519 key."""

    key: "Ed25519PrivateKey"

    @property
    def public(self) -> bytes:
        """What everybody may know of the key, 32 bytes."""
        return self.key.public_key().public_bytes_raw()

    def sign(self, hash_: bytes) -> bytes:
        """The signature of a seal's hash."""
        return self.key.sign(FORM + hash_)


def signer(secret: str | None) -> Signer | None:
    """The signer of the setting's key: 32 bytes in base64. None where none is set."""
    if secret is None:
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - 11 MB, for who has a key alone
        Ed25519PrivateKey,
    )

    return Signer(Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret)))


def new_key() -> tuple[str, str]:
    """A new key: its secret and its public part, in base64."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - likewise

    key = Ed25519PrivateKey.generate()
    parts = key.private_bytes_raw(), key.public_key().public_bytes_raw()
    secret, public = (base64.b64encode(part).decode() for part in parts)
    return secret, public


def public_keys(listed: str | None) -> frozenset[bytes]:
    """The public keys of the setting: base64, with commas between."""
    return frozenset(base64.b64decode(one) for one in (listed or "").split(",") if one)


def is_signed(hash_: bytes, public_key: bytes, signature: bytes) -> bool:
    """Whether the signature of a hash is that key's."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - likewise
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - likewise

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, FORM + hash_)
    except (InvalidSignature, ValueError):
        return False
    return True
