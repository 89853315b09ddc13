"""One event: made of a request and what it was answered, and written with what else a transaction does."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
import psycopg
import structlog
from litestar.types import HTTPScope, Scope

from monitoring.access.tokens import Caller
from monitoring.audit.subjects import PATIENT, Named, key_of
from monitoring.audit.tables import By
from monitoring.audit.what import OF_OBJECT, is_audited

NOTED: Final = "virtual_ward_audit"
"""Where, in a request's scope, is noted what the audit has to know."""
REFUSED_FROM: Final = 400
OBJECT_LENGTH_MAX: Final = 64


@dataclass(slots=True)
class Noted:
    """What is known of a request so far."""

    shown: set[Named] = field(default_factory=set)  # or changed
    written: bool = False  # in the transaction of the change itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of `audit_event` to be, with whom it is about."""

    at: datetime
    by: By
    who: UUID | None
    role: str | None
    browser: bool
    method: str
    route: str
    allows: str
    object: str | None
    status: int
    request_id: str
    about: frozenset[Named]  # patients, and what is theirs


def noted(scope: Scope) -> Noted:
    """What is known of a request."""
    found: Noted = cast(dict[str, Any], scope).setdefault(NOTED, Noted())
    return found


def is_to_be_audited(scope: Scope) -> bool:
    """Whether a request leaves an event: its caller is known, and its route is audited."""
    handler = scope.get("route_handler")
    return handler is not None and scope.get("user") is not None and is_audited(handler.opt)


def event_of(scope: Scope, status: int, at: datetime) -> Event:
    """The event of a request that is answered with that status."""
    caller: Caller = scope["user"]
    path: Mapping[str, object] = scope["path_params"]
    query = parse_qs(scope["query_string"].decode("latin-1"))
    name, value = next(iter(path.items()), ("", None))
    about = noted(scope).shown | _asked(
        value if name == PATIENT else None, *query.get("patient", ()), *query.get("subject", ())
    )
    if not about and name in OF_OBJECT and isinstance(value, UUID):
        about = {(name, value)}
    return Event(
        at=at,
        by=By.DEVICE if caller.role is None else By.STAFF,
        who=caller.public_id,
        role=caller.role,
        browser=caller.expires_at is not None,
        method=cast(HTTPScope, scope)["method"],
        route=scope.get("path_template") or "",
        allows=scope["route_handler"].opt.get("allows", ""),
        object=_object(value or next(iter(query.get("ward", ())), None), status),
        status=status,
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        about=frozenset(about),
    )


def _asked(*ids: object) -> set[Named]:
    """Patients by their ids, as they stand in an address: also those who are not there, or not the caller's."""
    found = set()
    for one in ids:
        with suppress(ValueError):
            found.add((PATIENT, one if isinstance(one, UUID) else UUID(str(one).removeprefix("Patient/"))))
    return found


def _object(value: object, status: int) -> str | None:
    """An id, or a code that was accepted: what else somebody types may be anything, a name too."""
    if value is None or (status >= REFUSED_FROM and not isinstance(value, UUID)):
        return None
    return str(value)[:OBJECT_LENGTH_MAX]


def write(connection: psycopg.Connection, events: Sequence[Event]) -> None:
    """Write events within the transaction that the connection is in, the last thing that it does."""
    connection.execute(_WRITE, (msgspec.json.encode([_row(connection, one) for one in events]).decode(),))


def _row(connection: psycopg.Connection, event: Event) -> dict[str, Any]:
    row = {name: getattr(event, name) for name in _COLUMNS}
    if patients := _patients(connection, event):
        row["subjects"] = key_of(patients).hex()
        row["patients"] = f"{{{','.join(map(str, patients))}}}"
    return row


def _patients(connection: psycopg.Connection, event: Event) -> list[UUID]:
    """Whom an event is about, sorted. Whose a thing is, is asked here: mostly there is nothing to ask."""
    things = defaultdict(list)
    for name, one in event.about:
        things[name].append(one)
    patients = set(things.pop(PATIENT, ()))
    for name, ids in things.items():
        patients.update(one for (one,) in connection.execute(OF_OBJECT[name], {"ids": ids, "at": event.at}))
    return sorted(patients)


_COLUMNS: Final = (
    "at", "by", "who", "role", "browser", "method", "route", "allows", "object", "status", "request_id",
)  # fmt: skip

_WRITE: Final = """
WITH come AS MATERIALIZED (
    SELECT *, decode(subjects, 'hex') AS key FROM jsonb_to_recordset(%s::jsonb) AS (
        at timestamptz, by text, who uuid, role text, browser bool, method text, route text, allows text,
        object text, status smallint, request_id text, subjects text, patients uuid[]
    )
), named AS (
    INSERT INTO audit_subjects (sha256, patients)
    SELECT DISTINCT ON (key) key, patients FROM come
    WHERE key IS NOT NULL AND NOT EXISTS (SELECT FROM audit_subjects WHERE sha256 = key)
)
INSERT INTO audit_event (at, by, who, role, browser, method, route, allows, object, subjects, status, request_id)
SELECT at, by, who, role, browser, method, route, allows, object, key, status, request_id FROM come
"""
"""Nobody waits for anybody here: there is no unique index but on what the database counts."""
