"""Lists: newest first, a page at a time, never without a limit."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter
from sqlmodel import Session

from monitoring.database import AnySelect
from monitoring.refusals import unacceptable

T = TypeVar("T")
LIMIT: Final = 50
LIMIT_MAX: Final = 1000
_CURSOR: Final = re.compile(r"[0-9]{1,18}")

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="How many at the most")]
Cursor = Annotated[str | None, QueryParameter(max_length=64, description="`next` of the page before")]


class Page(msgspec.Struct, Generic[T]):
    """One page of a list, and where the next begins."""

    items: list[T]
    next: str | None


def before(cursor: str | None) -> int:
    """The internal key that a page begins below. Raises Unacceptable for a cursor that we never gave."""
    if cursor is None:
        return (1 << 63) - 1
    if not _CURSOR.fullmatch(cursor):
        raise unacceptable("cursor", "is not one that a list returned")
    return int(cursor)


def page(
    session: Session, query: AnySelect, limit: int, key: Callable[[Any], int], show: Callable[[Any], T]
) -> Page[T]:
    """Run an ordered query for one page; `key` gives a row's internal key."""
    rows: Sequence[Any] = session.execute(query.limit(limit + 1)).all()
    shown = [show(row) for row in rows[:limit]]
    return Page(shown, str(key(rows[limit - 1])) if len(rows) > limit else None)
