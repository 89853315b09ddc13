"""Loading a table: all of it or nothing, in place of what was loaded for that day before."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec
from psycopg import sql
from sqlalchemy import BigInteger, ColumnElement, cast, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.database import AnyRow, AnySelect, driver
from monitoring.fields import YEARS
from monitoring.loaded.csv_rows import column_of, read
from monitoring.loaded.formats import FORMATS, Format, TableName
from monitoring.loaded.tables import Loading
from monitoring.paging import Page, before, page
from monitoring.refusals import Forbidden, unacceptable
from monitoring.wards.populations import EPOCH

BYTES_MAX: Final = 32 * 1_048_576
"""Of a file: every postcode of England fits."""


class LoadingView(msgspec.Struct, kw_only=True):
    """A version of a table."""

    id: TableName
    from_: date = msgspec.field(name="from")
    rows: int
    columns: list[str]
    loaded_by: UUID | None  # none: it came with the program
    loaded_at: datetime


def load(act: Act, name: TableName, from_on: date, body: bytes) -> LoadingView:
    """Load a table from a day on; what was loaded for that day before is replaced. Raises Forbidden, Unacceptable."""
    refuse_not_of_all(act)
    if from_on.year not in YEARS:
        raise unacceptable("from", f"year {from_on.year} is not between {YEARS[0]} and {YEARS[-1]}")
    said = {"rows": 0, "loaded_by": act.who.id, "loaded_at": act.now}
    key = {"name": name, "from_on": from_on}
    locked = insert(Loading).values(**key, **said).on_conflict_do_update(index_elements=list(key), set_=said)
    act.session.execute(locked)
    rows = _replace(act.session, FORMATS[name], from_on, body)
    act.session.execute(update(Loading).where(_version(name, from_on)).values(rows=rows))
    return _view(act.session.execute(_loaded(name).where(_version(name, from_on))).one())


def loadings(act: Act, name: TableName, limit: int, cursor: str | None) -> Page[LoadingView]:
    """The versions of a table, newest first."""
    days = cast(col(Loading.from_on) - EPOCH, BigInteger)
    query = _loaded(name).where(days < before(cursor)).order_by(col(Loading.from_on).desc())
    return page(act.session, query, limit, key=lambda row: (row[0].from_on - EPOCH).days, show=_view)


def in_force(session: Session, on: date) -> dict[TableName, date | None]:
    """The version of each table that holds on a day; None where none was loaded."""
    query = select(col(Loading.name), func.max(Loading.from_on)).where(col(Loading.from_on) <= on)
    found = {row[0]: row[1] for row in session.execute(query.group_by(col(Loading.name)))}
    return {name: found.get(name) for name in TableName}


def refuse_not_of_all(act: Act) -> None:
    """Raise Forbidden for somebody who works on certain wards only: these things are everybody's."""
    if act.who.wards is not None:
        raise Forbidden("This is for staff of every ward.")


def _replace(session: Session, table: Format, from_on: date, body: bytes) -> int:
    """Write the rows of a file in place of a version's. Returns how many. Raises Unacceptable for none."""
    name, columns = str(table.table.__tablename__), _columns(table)
    session.execute(delete(table.table).where(text("from_on = :from_on")), {"from_on": from_on})
    copying = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, ("from_on", *columns)))
    )
    rows = 0
    with driver(session).cursor() as cursor, cursor.copy(copying) as copy:
        for values in _rows(table, body):
            copy.write_row((from_on, *values))
            rows += 1
    if not rows:
        raise unacceptable("", "holds no row")
    return rows


def _rows(table: Format, body: bytes) -> Iterator[tuple[object, ...]]:
    """The values of each row. Raises Unacceptable, also where two rows are of the same."""
    seen: set[object] = set()
    key = _columns(table)[: table.key_columns]
    for line, row in read(body, table.row):
        values = msgspec.structs.astuple(row)
        of = values[: table.key_columns] if table.key_columns > 1 else values[0]
        if of in seen:
            raise unacceptable(column_of(line, ", ".join(key)), "was named on a line before")
        seen.add(of)
        yield values


def _columns(table: Format) -> tuple[str, ...]:
    return table.row.__struct_fields__


def _version(name: TableName, from_on: date) -> ColumnElement[bool]:
    return (col(Loading.name) == name) & (col(Loading.from_on) == from_on)


def _loaded(name: TableName) -> AnySelect:
    return (
        select(Loading, Staff)
        .outerjoin(Staff, col(Staff.id) == col(Loading.loaded_by))
        .where(col(Loading.name) == name)
        .execution_options(populate_existing=True)
    )


def _view(row: AnyRow) -> LoadingView:
    one, by = row
    return LoadingView(
        id=TableName(one.name),
        from_=one.from_on,
        rows=one.rows,
        columns=list(_columns(FORMATS[TableName(one.name)])),
        loaded_by=None if by is None else by.public_id,
        loaded_at=one.loaded_at,
    )
