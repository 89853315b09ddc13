"""Pseudonyms: the same for one person within an installation, another in the next, and no way back without its key."""

from collections.abc import Callable
from hashlib import sha256
from hmac import digest
from typing import Final
from uuid import UUID

from sqlmodel import Session

from monitoring.reports.tables import PseudonymKey

BYTES: Final = 16


def pseudonyms(session: Session) -> Callable[[UUID], str]:
    """A function from an id to its pseudonym: HMAC-SHA-256 under this installation's key."""
    key = session.get_one(PseudonymKey, 1).key

    def pseudonym(one: UUID) -> str:
        return digest(key, one.bytes, sha256)[:BYTES].hex()

    return pseudonym
