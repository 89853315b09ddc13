"""SitReps as they were taken: once at each instant, and again, with a reason, where history was corrected since."""

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.database import AnyRow, AnySelect
from monitoring.fields import Instant, Reason, in_utc
from monitoring.paging import Page, before, page
from monitoring.refusals import Forbidden, unacceptable
from monitoring.reports.periods import moment
from monitoring.reports.sitrep import (
    DEFINITIONS,
    HOUR,
    SitRepReport,
    last_instant,
    next_instant,
    rows,
    weeks_from,
)
from monitoring.reports.sitrep_counts import Counted, Level, count
from monitoring.reports.tables import SitRep
from monitoring.wards.tables import Ward

CORRECTING: Final = 7_705
"""The advisory lock of whoever makes a correction: versions have no gaps."""


class CorrectionBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which SitRep is counted again, and why."""

    as_of: Instant
    reason: Reason


class SnapshotView(msgspec.Struct, kw_only=True):
    """A SitRep that was taken."""

    as_of: datetime
    version: int
    taken_at: datetime
    taken_by: UUID | None  # None: the clock
    reason: str | None


def missing(session: Session, now: datetime) -> Iterator[datetime]:
    """The instants of which no SitRep was taken, up to now: since the last one, or since the first ward."""
    taken = select(func.max(col(SitRep.as_of)))
    opened = select(func.min(col(Ward.created_at)))
    since: datetime | None = session.execute(
        select(func.coalesce(taken.scalar_subquery(), opened.scalar_subquery()))
    ).scalar_one()
    return iter(()) if since is None else takewhile(lambda as_of: as_of <= now, _instants(since))


def take(session: Session, as_of: datetime, now: datetime) -> bool:
    """Take the SitRep of an instant, unless another timekeeper has. Returns whether it was taken here."""
    made = insert(SitRep).values(as_of=as_of, version=1, taken_at=now, content=_content(session, as_of))
    result = session.execute(made.on_conflict_do_nothing().returning(col(SitRep.id)))
    return result.one_or_none() is not None


def correct(act: Act, body: CorrectionBody) -> SitRepReport:
    """Count a SitRep again from the history as it is known now. Raises Forbidden, Unacceptable where none was taken."""
    if act.who.wards is not None:
        raise Forbidden("The SitRep is of every ward: somebody who works on all of them corrects it.")
    as_of = in_utc("as_of", body.as_of)
    act.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CORRECTING})
    last = act.session.execute(select(func.max(col(SitRep.version))).where(col(SitRep.as_of) == as_of)).scalar_one()
    if last is None:
        raise unacceptable("as_of", "is an instant of which no SitRep was taken")
    made = SitRep(
        as_of=as_of, version=last + 1, taken_at=act.now, taken_by=act.who.id, reason=body.reason,
        content=_content(act.session, as_of),
    )  # fmt: skip
    act.session.add(made)
    act.session.flush()
    return sitrep(act, as_of, made.version, None)


def sitrep(act: Act, as_of: datetime, version: int | None, icb: str | None) -> SitRepReport:
    """The SitRep of an instant: the newest version where none is named; counted now where none was taken.

    Raises Unacceptable for an instant to come, and for a version that there is not.
    """
    if as_of > act.now:
        raise unacceptable("as_of", "is in the future")
    of_instant = col(SitRep.as_of) == as_of
    versions: int = act.session.execute(select(func.count()).select_from(SitRep).where(of_instant)).scalar_one()
    query: AnySelect = (
        select(SitRep, Staff)
        .outerjoin(Staff, col(Staff.id) == col(SitRep.taken_by))
        .where(of_instant, col(SitRep.version) == (version or versions))
    )
    row = act.session.execute(query).one_or_none()
    if row is None and version is not None:
        raise unacceptable("version", f"there is no such version: {versions} were taken of that instant")
    return _report(act, as_of, row, versions, icb)


def snapshots(act: Act, limit: int, cursor: str | None) -> Page[SnapshotView]:
    """The SitReps that were taken, newest first."""
    of_snapshot = (col(SitRep.as_of), col(SitRep.version), col(SitRep.taken_at), col(SitRep.reason))
    query: AnySelect = (
        select(col(SitRep.id), *of_snapshot, col(Staff.public_id).label("taken_by"))
        .outerjoin(Staff, col(Staff.id) == col(SitRep.taken_by))
        .where(col(SitRep.id) < before(cursor))
        .order_by(col(SitRep.id).desc())
    )
    return page(act.session, query, limit, key=lambda row: row.id, show=_view)


def instant_asked(value: str | None, now: datetime) -> datetime:
    """The instant of a report: a date stands for its 08:00, none for the last Thursday. Raises Unacceptable."""
    return moment("as_of", value, HOUR) or last_instant(now)


def _instants(after: datetime) -> Iterator[datetime]:
    while True:
        yield (after := next_instant(after))


def _content(session: Session, as_of: datetime) -> dict[str, object]:
    content: dict[str, object] = msgspec.to_builtins(count(session, weeks_from(as_of, -1), as_of))
    return content


def _view(row: AnyRow) -> SnapshotView:
    return SnapshotView(**{name: row._mapping[name] for name in SnapshotView.__struct_fields__})


def _report(act: Act, as_of: datetime, row: AnyRow | None, versions: int, icb: str | None) -> SitRepReport:
    one, by = (None, None) if row is None else row
    counted = msgspec.convert(one.content if one else _content(act.session, as_of), Counted)
    shown = rows(counted, icb=icb, theirs=act.who.wards)
    return SitRepReport(
        as_of=as_of,
        since=counted.since,
        version=one and one.version,
        versions=versions,
        taken_at=one and one.taken_at,
        taken_by=by and by.public_id,
        reason=one and one.reason,
        definitions=DEFINITIONS,
        populations=[one for one in counted.populations if icb in {None, one.icb}],
        total=shown[Level.TOTAL][0],
        icbs=shown[Level.ICB],
        pathways=shown[Level.PATHWAY],
        wards=shown[Level.WARD],
    )
