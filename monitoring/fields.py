"""Kinds of field that request bodies share: texts and codes that PostgreSQL can keep, instants that UTC can hold."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from monitoring.refusals import unacceptable

_TEXT: Final = r"^[^\x00]*$"  # PostgreSQL keeps no NUL
_SAYS_SOMETHING: Final = r"^\s*[^\s\x00][^\x00]*$"
_END: Final = r"$(?!\n)"  # in Python `$` alone lets a last line break pass
WARD_CODE: Final = rf"^[A-Za-z0-9][A-Za-z0-9_-]{{0,31}}{_END}"
ODS_CODE: Final = rf"^[A-Za-z0-9]{{3,8}}{_END}"

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=_SAYS_SOMETHING)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=400, pattern=_SAYS_SOMETHING)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=_SAYS_SOMETHING)]
Text = Annotated[str, msgspec.Meta(max_length=4000, pattern=_TEXT)]
WardCode = Annotated[str, msgspec.Meta(pattern=WARD_CODE)]
OdsCode = Annotated[str, msgspec.Meta(pattern=ODS_CODE)]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=rf"^([01][0-9]|2[0-3]):[0-5][0-9]{_END}")]
ClosingTime = Annotated[str, msgspec.Meta(pattern=rf"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00){_END}")]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]

YEARS: Final = range(2000, 2101)
"""Years that an instant of ours can lie in: the ends of the calendar overflow on their way to UTC."""


def in_utc(field: str, moment: datetime) -> datetime:
    """An instant in UTC. Raises Unacceptable where its year is none of ours."""
    if moment.year not in YEARS:
        raise unacceptable(field, f"year {moment.year} is not between {YEARS[0]} and {YEARS[-1]}")
    return moment.astimezone(UTC)
