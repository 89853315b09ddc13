"""Retention: what would go now, table by table; and letting it go, a little at a time.

Whole months of readings first, then record by record, then what goes by age. Each step is a transaction of its own,
with its event in the audit: a run can be interrupted anywhere, and the next one goes on.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import msgspec
import psycopg

from monitoring.audit.events import write
from monitoring.clock import local_day
from monitoring.config import Settings
from monitoring.privacy import by_age, erasing, months, records
from monitoring.privacy.kept import TABLES, Kept
from monitoring.privacy.months import Month

ROUTE: Final = "virtual-ward retention --apply"
BECAUSE: Final = "retention"
COUNTED_AT_ONCE: Final = 200
"""Records whose rows are counted in one statement a table."""

Tell = Callable[[str], None]


class Line(msgspec.Struct, kw_only=True):
    """One table."""

    table: str
    policy: str
    kept: str
    rows: int  # that go, or went
    stays: bool  # of these the rows stay, without names, words and readings
    oldest_kept: datetime | date | None


class Report(msgspec.Struct, kw_only=True):
    """What goes, or went."""

    as_of: datetime
    applied: bool
    records: int
    kept_though_over: dict[str, int]  # records by why
    months: list[date]
    left: int = 0  # records and months that somebody had locked, for the next run
    tables: list[Line]


@dataclass(slots=True)
class Due:
    """Whose time is over, and what of it is kept all the same."""

    patients: list[int] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)


def look(settings: Settings, now: datetime, tell: Tell) -> Report:
    """What would go now. Nothing is changed."""
    with erasing.as_owner(settings) as connection:
        due = find_due(connection, now, tell)
        going = months.old_months(connection, due.patients, now)
        rows: Counter[str] = Counter()
        for some in _parts(due.patients, COUNTED_AT_ONCE):
            rows += erasing.count(connection, some)
            tell("counting")
        for table, kept in _by_age(now):
            if not kept.whose or kept.policy.years:
                rows[table] += by_age.count(connection, table, kept, now)
        return _report(connection, due, going, rows, now, applied=False)


def apply(settings: Settings, now: datetime, tell: Tell) -> Report:
    """Let it go. Safe to interrupt, and to run again."""
    with erasing.as_owner(settings) as connection:
        due = find_due(connection, now, tell)
        dropped, left = _drop_months(connection, due, now, tell)
        rows = sum(dropped.values(), Counter[str]())
        gone = 0
        for number, patient in enumerate(due.patients, 1):
            went = erasing.erase(connection, patient, ROUTE, BECAUSE, now)
            gone, left = gone + (went is not None), left + (went is None)
            rows += went or Counter()
            tell(f"{number:,} of {len(due.patients):,} records")
        for table, kept in _by_age(now):
            if not kept.policy.by_timekeeper:
                rows[table] += _sweep(connection, table, kept, now)
        with connection.transaction():
            said = f"records {gone} months {len(dropped)} rows {rows.total()}"
            write(connection, erasing.event(ROUTE, now, said, ()))
        report = _report(connection, Due([], due.kept), [], rows, now, applied=True)
        return msgspec.structs.replace(report, records=gone, months=list(dropped), left=left)


def find_due(connection: psycopg.Connection, now: datetime, tell: Tell) -> Due:
    """Every record whose time is over; what is kept all the same is counted by why."""
    found, today = Due(), local_day(now)
    for number, record in enumerate(records.every(connection), 1):
        if record.over_on <= today:
            if record.kept_because is None:
                found.patients.append(record.patient)
            else:
                found.kept[record.kept_because] += 1
        if number % records.RECORDS_AT_ONCE == 0:
            tell(f"{number:,} records looked at")
    return found


def _drop_months(
    connection: psycopg.Connection, due: Due, now: datetime, tell: Tell
) -> tuple[dict[date, Counter[str]], int]:
    """The rows that went with each month; and how many months are left."""
    going = months.old_months(connection, due.patients, now)
    tried = {month.first: months.drop(connection, month, due.patients, ROUTE, now, tell) for month in going}
    dropped = {first: went for first, went in tried.items() if went is not None}
    return dropped, len(going) - len(dropped)


def _sweep(connection: psycopg.Connection, table: str, kept: Kept, now: datetime) -> int:
    went, some = 0, by_age.AT_ONCE
    while some == by_age.AT_ONCE:
        some = by_age.delete_some(connection, table, kept, now)
        went += some
    return went


def _by_age(now: datetime) -> Iterator[tuple[str, Kept]]:
    return ((table, kept) for table, kept in TABLES.items() if by_age.goes_by_age(kept, now))


def _report(
    connection: psycopg.Connection,
    due: Due,
    going: Sequence[Month],
    rows: Counter[str],
    now: datetime,
    *,
    applied: bool,
) -> Report:
    asked = records.keys_of(connection, due.patients, with_sets=False).asked()
    lines = [
        Line(
            table=table, policy=kept.policy.name, kept=kept.policy.kept, rows=rows[table], stays=kept.stays,
            oldest_kept=_oldest(connection, table, kept, asked | {"before": kept.policy.before(now)}, going),
        )
        for table, kept in sorted(TABLES.items())
    ]  # fmt: skip
    return Report(
        as_of=now, applied=applied, records=len(due.patients), kept_though_over=dict(due.kept),
        months=[month.first for month in going], tables=lines,
    )  # fmt: skip


def _oldest(
    connection: psycopg.Connection, table: str, kept: Kept, asked: dict[str, object], going: Sequence[Month]
) -> datetime | date | None:
    """Since when there are rows that stay; of readings by the month, for no index goes by their time alone."""
    if table == "reading":
        return months.oldest(connection, going)
    if not kept.at:
        return None
    goes = [condition for condition in (kept.whose * (not kept.stays), kept.alone) if condition]
    stays = "".join(f" AND ({condition}) IS NOT TRUE" for condition in goes)
    query = f"SELECT min({kept.at}) FROM {table} WHERE true{stays}"  # noqa: S608 - our own names
    row = connection.execute(query, asked).fetchone()
    return None if row is None else row[0]


def _parts(many: Sequence[int], at_once: int) -> Iterator[Sequence[int]]:
    return (many[place : place + at_once] for place in range(0, len(many), at_once))
