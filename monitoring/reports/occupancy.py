"""Occupancy over time, from the periods of stays, holds and leave themselves: read once, then counted in arrays.

What holds at an instant is what began at or before it and did not end at or before it, so a series is a running sum of
what began less what ended since the instant before. Never a query per instant.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import Cursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from sqlalchemy import select
from sqlmodel import Session, col

from monitoring.database import driver
from monitoring.refusals import unacceptable
from monitoring.reports.choices import By, Every
from monitoring.reports.periods import Instants, Span, instants
from monitoring.wards.tables import Ward

OCCUPANCY_SPAN: Final = timedelta(days=7)
"""What a series covers where nothing is said. The design's own."""

POINTS_MAX: Final = 5_000_000
"""Instants times groups. A year of hours of 500 wards is 4.4 million; the design's own."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which series: of what span, in what steps, of which wards, put together how."""

    span: Span
    every: Every = Every.HOUR
    by: By = By.WARD
    ward: str | None = None
    pathway: str | None = None
    provider: str | None = None
    icb: str | None = None


@dataclass(frozen=True, slots=True)
class Periods:
    """When something began and when it ended, in no order."""

    began: Instants
    ended: Instants


@dataclass(frozen=True, slots=True)
class Changes:
    """By how much something changed, and when, in no order."""

    at: Instants
    by: Counts


@dataclass(frozen=True, slots=True)
class Series:
    """The beds of a group of wards at each instant."""

    group: str
    occupied: Counts
    reserved: Counts
    on_leave: Counts
    staffed: Counts
    funded: Counts

    @property
    def occupancy(self) -> npt.NDArray[np.float64]:
        """The share of staffed beds that is occupied, to three decimals; NaN where nothing is staffed."""
        staffed = np.where(self.staffed > 0, self.staffed, np.nan)
        return np.round(self.occupied / staffed, 3)


@dataclass(frozen=True, slots=True)
class Record:
    """All that a series is counted from, by ward, and the groups that the wards are counted in."""

    every: Every
    by: By
    span: Span  # that of the series: what was asked for, up to now
    times: Instants
    groups: Mapping[str, Sequence[int]]
    stays: Mapping[int, Periods]
    holds: Mapping[int, Periods]
    leave: Mapping[int, Periods]
    staffed: Mapping[int, Changes]
    funded: Mapping[int, Changes]

    def series(self) -> Iterator[Series]:
        """The series of each group, counted when it is asked for."""
        for group, wards in self.groups.items():
            yield Series(
                group=group,
                occupied=counted(self.times, _periods(self.stays, wards)),
                reserved=counted(self.times, _periods(self.holds, wards)),
                on_leave=counted(self.times, _periods(self.leave, wards)),
                staffed=stepped(self.times, _changes(self.staffed, wards)),
                funded=stepped(self.times, _changes(self.funded, wards)),
            )


def counted(times: Instants, periods: Periods) -> Counts:
    """How many periods hold at each instant: begun at or before it, not ended at or before it."""
    return np.cumsum(_since_the_last(times, periods.began) - _since_the_last(times, periods.ended))


def stepped(times: Instants, changes: Changes) -> Counts:
    """What changes add up to at each instant, those at it counted."""
    return np.cumsum(_since_the_last(times, changes.at, changes.by)).astype(np.int64)


def _since_the_last(times: Instants, at: Instants, by: Counts | None = None) -> Any:
    """What happened at each instant or since the one before; what happens after the last has a place beyond it."""
    return np.bincount(np.searchsorted(times, at), weights=by, minlength=times.size + 1)[: times.size]


def read(session: Session, wanted: Wanted, theirs: frozenset[str] | None, now: datetime) -> Record:
    """Read what a series is counted from: five queries, whatever its length. A series ends now.

    `theirs` are the wards of whoever asks, None for every ward. Raises Unacceptable.
    """
    known = Span(wanted.span.from_at, min(wanted.span.until_at, now))
    times = instants(known, wanted.every)
    wards = _wards(session, wanted, theirs)
    groups: dict[str, list[int]] = defaultdict(list)
    for ward in wards:
        groups[_group(ward, wanted)].append(ward.id)
    if (points := times.size * len(groups)) > POINTS_MAX:
        reason = f"makes {points:,} points, and at most {POINTS_MAX:,} are counted: take longer steps, or fewer wards"
        raise unacceptable("step", reason)
    about = {"wards": [ward.id for ward in wards], "from": known.from_at, "to": known.until_at}
    with driver(session).cursor(binary=True) as cursor:
        cursor.adapters.register_loader(psycopg.adapters.types["timestamptz"].array_oid, _InstantsLoader)
        stays, holds, leave = (_read_periods(cursor, query, about) for query in (_STAYS, _HOLDS, _LEAVE))
        staffed, funded = _read_capacity(cursor, about)
    return Record(wanted.every, wanted.by, known, times, groups, stays, holds, leave, staffed, funded)


def _group(ward: Ward, wanted: Wanted) -> str:
    only = (wanted.ward, wanted.pathway, wanted.provider, wanted.icb)
    names = {By.WARD: ward.code, By.PATHWAY: ward.pathway, By.PROVIDER: ward.provider, By.ICB: ward.icb}
    return names.get(wanted.by) or ", ".join(filter(None, only)) or "all"


def _wards(session: Session, wanted: Wanted, theirs: frozenset[str] | None) -> Sequence[Ward]:
    """The wards asked for that were not closed before, in order of their codes."""
    asked = {"code": wanted.ward, "pathway": wanted.pathway, "provider": wanted.provider, "icb": wanted.icb}
    query = select(Ward).filter_by(**{name: value for name, value in asked.items() if value is not None})
    query = query.where(col(Ward.closed_at).is_(None) | (col(Ward.closed_at) > wanted.span.from_at))
    if theirs is not None:
        query = query.where(col(Ward.code).in_(theirs))
    return session.execute(query.order_by(col(Ward.code))).scalars().all()


# `bigint[]`: psycopg sends small numbers as smallint, which PostgreSQL compares one by one instead of by a hash, and
# then thinks a scan of the table dearer than a million looks into it by an index: 6 s instead of 0.3.
_STAYS: Final = """
SELECT ward_id, array_agg(from_at), array_agg(coalesce(until_at, 'infinity')) FROM ward_stay
WHERE ward_id = ANY(%(wards)s::bigint[]) AND from_at < %(to)s AND (until_at IS NULL OR until_at > %(from)s)
GROUP BY ward_id
"""

_HOLDS: Final = """
SELECT ward_id, array_agg(from_at), array_agg(greatest(from_at, least(held_until, ended_at))) FROM bed_hold
WHERE ward_id = ANY(%(wards)s::bigint[]) AND from_at < %(to)s AND held_until > %(from)s
  AND (ended_at IS NULL OR ended_at > %(from)s)
GROUP BY ward_id
"""

_LEAVE: Final = """
SELECT ward_id, array_agg(from_at), array_agg(coalesce(until_at, 'infinity')) FROM leave
WHERE ward_id = ANY(%(wards)s::bigint[]) AND from_at < %(to)s AND (until_at IS NULL OR until_at > %(from)s)
GROUP BY ward_id
"""

# Of what was decided for one instant, the row written last counts.
_CAPACITY: Final = """
SELECT ward_id, array_agg(from_at), array_agg(staffed_by), array_agg(funded_by) FROM (
    SELECT ward_id, from_at, staffed - lag(staffed, 1, 0) OVER earlier AS staffed_by,
           funded - lag(funded, 1, 0) OVER earlier AS funded_by
    FROM (SELECT DISTINCT ON (ward_id, from_at) ward_id, from_at, staffed, funded FROM ward_capacity
          WHERE ward_id = ANY(%(wards)s::bigint[]) AND from_at < %(to)s ORDER BY ward_id, from_at, id DESC) AS decided
    WINDOW earlier AS (PARTITION BY ward_id ORDER BY from_at)
) AS changed
GROUP BY ward_id
"""

# PostgreSQL's binary array of one dimension: a header, then each element's length and value.
_HEADER_BYTES: Final = 20
_ELEMENT: Final = np.dtype([("bytes", ">i4"), ("value", ">i8")])


class _InstantsLoader(Loader):
    """An array of instants as PostgreSQL sends it, never a Python object for each."""

    format = Format.BINARY

    def load(self, data: Buffer) -> Instants:
        return np.frombuffer(data, dtype=_ELEMENT, offset=_HEADER_BYTES)["value"].astype(np.int64)


def _read_periods(cursor: Cursor[Any], query: LiteralString, about: dict[str, Any]) -> dict[int, Periods]:
    return {ward: Periods(began, ended) for ward, began, ended in cursor.execute(query, about)}


def _read_capacity(cursor: Cursor[Any], about: dict[str, Any]) -> tuple[dict[int, Changes], dict[int, Changes]]:
    rows = cursor.execute(_CAPACITY, about).fetchall()
    staffed = {ward: Changes(at, np.array(by, dtype=np.int64)) for ward, at, by, _ in rows}
    funded = {ward: Changes(at, np.array(by, dtype=np.int64)) for ward, at, _, by in rows}
    return staffed, funded


_NONE: Final = np.array([], dtype=np.int64)


def _periods(of: Mapping[int, Periods], wards: Sequence[int]) -> Periods:
    """The periods of several wards as one."""
    found = [of[ward] for ward in wards if ward in of]
    return Periods(
        np.concatenate([_NONE, *(one.began for one in found)]), np.concatenate([_NONE, *(one.ended for one in found)])
    )


def _changes(of: Mapping[int, Changes], wards: Sequence[int]) -> Changes:
    """The changes of several wards as one."""
    found = [of[ward] for ward in wards if ward in of]
    return Changes(
        np.concatenate([_NONE, *(one.at for one in found)]), np.concatenate([_NONE, *(one.by for one in found)])
    )
