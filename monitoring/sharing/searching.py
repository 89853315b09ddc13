"""Searching Observations as FHIR does: by patient, code, category and date, newest first, a page at a time."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from monitoring.acts import Act
from monitoring.clock import WARD_TIME
from monitoring.database import AnyRow
from monitoring.moments import instant
from monitoring.patients.chart import FIRST, LAST, cursor_after, sets
from monitoring.patients.register import find
from monitoring.patients.views import reading_view, score_view
from monitoring.refusals import unacceptable
from monitoring.sharing.coding import Resource
from monitoring.sharing.observations import observations

COUNT: Final = 50
COUNT_MAX: Final = 1000
SETS_READ: Final = 200
"""Sets read at once, until a page is full."""
SETS_READ_MAX: Final = 5000
"""Looked through for one page; a code that is never measured ends there, with a next page."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search asks for. Nothing in `codes` or `categories`: all."""

    codes: frozenset[tuple[str | None, str]]  # (system, or None for any; code)
    categories: frozenset[str]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, and where the next begins."""

    observations: list[Resource]
    next: str | None


_DATE: Final = re.compile(r"(?P<prefix>eq|ge|le|gt|lt)?(?P<when>.+)")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def asked_for(code: str | None, category: str | None, dates: Sequence[str]) -> Asked:
    """A search from its parameters. Raises Unacceptable naming the one that cannot be read."""
    since, until = FIRST, LAST
    for said in dates:
        low, high = _between(said)
        since, until = max(since, low), min(until, high)
    codes = {_token(one) for one in code.split(",") if one} if code else set()
    categories = {one.rpartition("|")[2] for one in category.split(",") if one} if category else set()
    return Asked(frozenset(codes), frozenset(categories), since, until)


def search(act: Act, patient_id: UUID, asking: Callable[[], Asked], count: int, cursor: str | None) -> Found:
    """One page. Raises NotFound, and then whatever `asking` refuses: whose it is is judged first."""
    patient, asked = find(act, patient_id), asking()
    after, skip = _place(cursor)
    found: list[Resource] = []
    looked = 0
    while looked < SETS_READ_MAX:
        rows = sets(act.session, patient.id, asked.since, asked.until, SETS_READ, after)
        for row in rows:
            made = [one for one in _of(row, patient.public_id) if _matches(one, asked)]
            room = count - len(found)
            if len(made) - skip > room:
                return Found(found + made[skip : skip + room], _cursor(after, skip + room))
            found += made[skip:]
            after, skip = cursor_after(row), 0
        looked += len(rows)
        if len(rows) < SETS_READ:
            return Found(found, None)
    return Found(found, _cursor(after, 0))


def _of(row: AnyRow, patient: UUID) -> Iterator[Resource]:
    return observations(reading_view(row, patient), score_view(row))


def _matches(made: Resource, asked: Asked) -> bool:
    if asked.categories and made["category"][0]["coding"][0]["code"] not in asked.categories:
        return False
    if not asked.codes:
        return True
    codings = made["code"].get("coding", ())
    return any(not asked.codes.isdisjoint({(one["system"], one["code"]), (None, one["code"])}) for one in codings)


def _token(said: str) -> tuple[str | None, str]:
    system, bar, code = said.rpartition("|")
    if bar and not code:
        raise unacceptable("code", "names a system without a code")
    return (system or None, code) if bar else (None, said)


def _between(said: str) -> tuple[datetime, datetime]:
    """The instants that a date parameter lets in: a whole day is the ward's."""
    match = _DATE.fullmatch(said)
    assert match is not None
    prefix, when = match["prefix"] or "eq", match["when"]
    low, high = _reach(when)
    return {
        "eq": (low, high),
        "ge": (low, LAST),
        "gt": (high + timedelta(microseconds=1), LAST),
        "le": (FIRST, high),
        "lt": (FIRST, low - timedelta(microseconds=1)),
    }[prefix]


def _reach(when: str) -> tuple[datetime, datetime]:
    """The first and the last instant of a day, or an instant twice."""
    if not _DAY.fullmatch(when):
        at = instant("date", when)
        assert at is not None
        return at, at
    try:
        day = date.fromisoformat(when)
        begins = datetime(day.year, day.month, day.day, tzinfo=WARD_TIME)
        ends = (begins + timedelta(days=1)).astimezone(UTC) - timedelta(microseconds=1)
        return begins.astimezone(UTC), ends
    except (ValueError, OverflowError):
        raise unacceptable("date", "is no day that exists") from None


_CURSOR: Final = re.compile(r"(?P<after>[0-9]{1,17}_[0-9a-f]{32})?-(?P<skip>[0-9]{1,2})")


def _place(cursor: str | None) -> tuple[str | None, int]:
    """After which set a page begins, and how many Observations of the next were on the page before."""
    if cursor is None:
        return None, 0
    if not (match := _CURSOR.fullmatch(cursor)):
        raise unacceptable("cursor", "is not one that a search returned")
    return match["after"], int(match["skip"])


def _cursor(after: str | None, skip: int) -> str:
    return f"{after or ''}-{skip}"
