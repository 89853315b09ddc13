"""Where a page of a list ended that goes by more than one key: whole numbers, and never a name.

An address is logged by whoever carries it. Where names decide the order, the cursor says whose, by an internal key.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from monitoring.fields import YEARS
from monitoring.refusals import unacceptable

BEGINNING: Final = datetime(YEARS[0], 1, 1, tzinfo=UTC)
NEVER: Final = datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)
"""Before, and after, every instant of ours."""

_NUMBERS: Final = re.compile(r"[0-9]{1,17}(?:_[0-9]{1,17})*")
_MICROSECOND: Final = timedelta(microseconds=1)


def cursor_at(*numbers: int) -> str:
    """The cursor of a page that ended there; none of the numbers is below zero."""
    return "_".join(map(str, numbers))


def place_of(cursor: str, count: int) -> list[int]:
    """The numbers of a cursor. Raises Unacceptable for one that we never gave."""
    numbers = cursor.split("_")
    if not _NUMBERS.fullmatch(cursor) or len(numbers) != count:
        raise unacceptable("cursor", "is not one that a list returned")
    return [int(number) for number in numbers]


def as_number(at: datetime) -> int:
    """An instant in a cursor."""
    return (at - BEGINNING) // _MICROSECOND


def as_instant(number: int) -> datetime:
    """The instant of a cursor's number."""
    return BEGINNING + number * _MICROSECOND
