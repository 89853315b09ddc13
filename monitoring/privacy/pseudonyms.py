"""Pseudonyms and shifted times under a key that whoever exports holds, outside the database. Pure.

The same person has one pseudonym in everything that is exported under one key, and none can be gone back from without
it. All instants of a person are moved by one number of whole weeks: times of day, days of the week and what lies
between two readings stay as they were, and no date is one on which anything happened.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from hmac import digest
from typing import Final
from uuid import UUID

PSEUDONYM_BYTES: Final = 16
SHIFT_WEEKS_MAX: Final = 26
"""Either way, and never none. The design's own."""
OLDEST_BAND: Final = 90
"""From then on one band: so few are older that their age would tell. The design's own, as all the bands."""
ADULT: Final = 18


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """Who somebody is in an export, and by how much their times are moved."""

    name: str
    shift: timedelta

    def at(self, moment: datetime | None) -> datetime | None:
        """An instant of theirs, moved."""
        return None if moment is None else moment + self.shift


def pseudonyms(secret: str) -> Callable[[UUID], Pseudonym]:
    """A function from a person's id to their pseudonym, under a key: 32 bytes in base64."""
    key = base64.b64decode(secret)

    def pseudonym(person: UUID) -> Pseudonym:
        name = digest(key, b"person" + person.bytes, sha256)[:PSEUDONYM_BYTES].hex()
        drawn = int.from_bytes(digest(key, b"weeks" + person.bytes, sha256)) % (2 * SHIFT_WEEKS_MAX)
        weeks = drawn - SHIFT_WEEKS_MAX if drawn < SHIFT_WEEKS_MAX else drawn - SHIFT_WEEKS_MAX + 1
        return Pseudonym(name, timedelta(weeks=weeks))

    return pseudonym


def age_band(born: date, on: date) -> str:
    """Ten years wide; under 18 and from 90 on it is one."""
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    if age < ADULT:
        return "under 18"
    if age >= OLDEST_BAND:
        return f"{OLDEST_BAND} and over"
    low = max(age // 10 * 10, ADULT)
    return f"{low} to {age // 10 * 10 + 9}"
