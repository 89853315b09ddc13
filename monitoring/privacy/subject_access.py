"""The right of access: all that is kept of one person, as a FHIR Bundle, written while it is read.

Every table of `kept.RECORDS` says how it is told here, or why not. What is somebody else's is left out: relatives, who
called and what they told in confidence, documents as they came.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import UUID

import msgspec
from sqlalchemy import Column, select, text
from sqlmodel import Session, SQLModel, col

from monitoring.audit.events import write
from monitoring.audit.listing import AuditFilter, listed
from monitoring.config import Settings
from monitoring.database import AnyRow, connected, driver, snapshot, transaction
from monitoring.flow.spells import Spell
from monitoring.paging import LIMIT_MAX
from monitoring.patients.chart import FIRST, LAST, cursor_after, sets
from monitoring.patients.tables import Patient
from monitoring.patients.views import reading_view, score_view
from monitoring.privacy import erasing, records, shapes
from monitoring.privacy.kept import RECORDS
from monitoring.privacy.records import Keys
from monitoring.refusals import unacceptable
from monitoring.sharing.coding import Resource
from monitoring.sharing.observations import observations
from monitoring.sharing.record import encounter_of, organization, patient
from monitoring.wards.tables import Episode, Ward

ROUTE: Final = "virtual-ward subject-access"
SETS_AT_ONCE: Final = 500
ROWS: Final = "rows"
FOR_ITS_OWNER_ALONE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose record it is, in the record that stays, and where it is read."""

    session: Session
    key: int
    id: UUID
    keys: Keys


def export(settings: Settings, who: str, file: Path, now: datetime, tell: Callable[[str], None]) -> int:
    """Write the Bundle into a new file. Returns how many resources. Raises Unacceptable.

    The audit has an event before anything is read.
    """
    with connected(settings.database_url) as engine:
        with transaction(engine) as session:
            connection = driver(session)
            key = records.named(connection, who)
            asked = {"asked": [key]}
            ids = session.execute(text(_PARTS), asked).scalars().all()
            write(connection, erasing.event(ROUTE, now, "export", ids, "read records"))
        with _new(file) as out, snapshot(engine) as session:
            who_ = session.get_one(Patient, key).public_id
            subject = Subject(session, key, who_, records.keys_of(driver(session), [key]))
            return _write(out.write, resources(subject), now, tell)


def resources(of: Subject) -> Iterator[Resource]:
    """One after another; never more than a page of them is held."""
    return chain(_people(of), _stays(of), _readings(of), _alerts(of), _told(of), _rest(of), _audit(of))


@contextmanager
def _new(file: Path) -> Iterator[BinaryIO]:
    """A file that only its owner reads; half of one is not left behind."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FOR_ITS_OWNER_ALONE)
    except OSError as error:
        raise unacceptable("FILE", f"cannot be made: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
    except BaseException:
        file.unlink()
        raise


def _write(put: Callable[[bytes], object], made: Iterator[Resource], now: datetime, tell: Callable[[str], None]) -> int:
    put(b'{"resourceType":"Bundle","type":"collection","timestamp":' + msgspec.json.encode(now) + b',"entry":[')
    number = 0
    for number, one in enumerate(made, 1):
        entry = {"fullUrl": f"{one['resourceType']}/{one['id']}", "resource": one}
        put((b",\n" if number > 1 else b"\n") + msgspec.json.encode(entry))
        if number % 1_000 == 0:
            tell(f"{number:,} resources")
    put(b"\n]}\n")
    return number


def _people(of: Subject) -> Iterator[Resource]:
    """The record that stays, and what was merged into it."""
    query = select(Patient).where(col(Patient.id).in_(of.keys.patients)).order_by(col(Patient.id))
    for one in of.session.execute(query).scalars():
        link = {"other": {"reference": f"Patient/{of.id}"}, "type": "replaced-by"}
        yield patient(one) | ({} if one.id == of.key else {"link": [link]})


def _stays(of: Subject) -> Iterator[Resource]:
    query = (
        select(Episode, Patient, Ward)
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.id).in_(of.keys.episodes))
        .order_by(col(Episode.admitted_at))
    )
    providers: set[str] = set()
    for row in of.session.execute(query).all():
        spell = Spell(*row)
        if spell.ward.provider not in providers:
            providers.add(spell.ward.provider)
            yield organization(spell)
        yield encounter_of(spell)


def _readings(of: Subject) -> Iterator[Resource]:
    """Newest first, with the scores as they are now."""
    cursor: str | None = None
    while rows := sets(of.session, of.key, FIRST, LAST, SETS_AT_ONCE, cursor):
        for row in rows:
            yield from observations(reading_view(row, of.id), score_view(row))
        cursor = cursor_after(rows[-1])


def _alerts(of: Subject) -> Iterator[Resource]:
    for row in _found(of, _ALERTS):
        yield shapes.flag(row, of.id)
    for row in _found(of, _HISTORY):
        yield shapes.provenance(row)


def _told(of: Subject) -> Iterator[Resource]:
    for row in _found(of, _CONCERNS):
        yield shapes.concern(row, of.id)
    for row in _found(of, _CONTACTS):
        yield shapes.contact(row, of.id)


def _rest(of: Subject) -> Iterator[Resource]:
    """Every other table that holds something: its rows, without our own keys."""
    names: dict[int, str] = dict(driver(of.session).execute("SELECT id, name FROM staff").fetchall())
    for table, kept in RECORDS.items():
        if kept.told == ROWS:
            only = _BUT.get(table, "")
            query = f"SELECT * FROM {table} WHERE ({kept.whose}) {only}"  # noqa: S608 - our own names
            cursor = driver(of.session).execute(query, of.keys.asked())
            assert cursor.description is not None
            columns = [column.name for column in cursor.description]
            hidden = kept.others
            rows = [_plain(table, dict(zip(columns, row, strict=True)), names, hidden) for row in cursor]
            if rows:
                yield shapes.rows_of(table, rows, of.id)


def _plain(table: str, row: Mapping[str, Any], names: Mapping[int, str], hidden: frozenset[str]) -> dict[str, Any]:
    """A row without our own keys, without what is somebody else's, and with colleagues by their names."""
    shown: dict[str, Any] = {}
    for name, column in SQLModel.metadata.tables[table].columns.items():
        if name in hidden or row[name] is None:
            continue
        to = _leads_to(column)
        if to == "staff":
            shown[name] = names[row[name]]
        elif to is None and not _is_ours(column):
            value = row[name]
            shown[name] = str(value) if not _is_json(value) else value
    return shown


def _leads_to(column: Column[Any]) -> str | None:
    return next((key.column.table.name for key in column.foreign_keys), None)


def _is_ours(column: Column[Any]) -> bool:
    """A key inside, that says nothing to anybody."""
    return column.primary_key and column.name in {"id", "key"}


def _is_json(value: object) -> bool:
    return isinstance(value, str | int | float | bool | list | dict)


def _audit(of: Subject) -> Iterator[Resource]:
    """Who looked, newest first. Others whom an event shows are not named."""
    wanted, cursor = AuditFilter(of.id, None, None, None), None
    while True:
        page = listed(of.session, wanted, LIMIT_MAX, cursor)
        for one in page.items:
            yield shapes.audit_event(one, of.id)
        cursor = page.next
        if cursor is None:
            return


def _found(of: Subject, query: str) -> list[AnyRow]:
    return list(of.session.execute(text(query), {"patients": of.keys.patients, "alerts": of.keys.alerts,
                                                 "episodes": of.keys.episodes}))  # fmt: skip


_PARTS: Final = "SELECT public_id FROM patient WHERE id = ANY(:asked) OR merged_into = ANY(:asked) ORDER BY id"

_BUT: Final[Mapping[str, str]] = {"spell_entry": "AND kind <> 'contact'"}
"""Rows that are resources of their own."""

_ALERTS: Final = """
SELECT alert.*, episode.public_id AS spell FROM alert LEFT JOIN episode ON episode.id = alert.episode_id
WHERE alert.id = ANY(:alerts) ORDER BY alert.id
"""

_HISTORY: Final = """
SELECT entry.*, alert.public_id AS alert, alert.kind, staff.name
FROM alert_history AS entry JOIN alert ON alert.id = entry.alert_id LEFT JOIN staff ON staff.id = entry.by
WHERE alert_id = ANY(:alerts) ORDER BY entry.id
"""

_CONCERNS: Final = "SELECT * FROM concern WHERE patient_id = ANY(:patients) ORDER BY id"

_CONTACTS: Final = """
SELECT entry.*, episode.public_id AS spell, staff.name
FROM spell_entry AS entry JOIN episode ON episode.id = entry.episode_id JOIN staff ON staff.id = entry.by
WHERE episode_id = ANY(:episodes) AND kind = 'contact' ORDER BY entry.at
"""
