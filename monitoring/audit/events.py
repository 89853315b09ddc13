"""One event: made of a request and what it was answered, and written with what else a transaction does."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, cast
from urllib.parse import parse_qs
from uuid import UUID

import psycopg
import structlog
from litestar.types import HTTPScope, Scope

from monitoring.access.tokens import Caller
from monitoring.audit.subjects import PATIENT, Named, key_of, shown
from monitoring.audit.tables import By
from monitoring.audit.what import OF_OBJECT, is_audited

LEFT: Final = "virtual_ward_audited"
"""Where a request's scope has the status of the event that it has left."""
REFUSED_FROM: Final = 400
NOT_DONE_FROM: Final = 500
"""Answers from this status on show nothing and changed nothing."""
OBJECT_LENGTH_MAX: Final = 64


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
    about: Sequence[Named]  # patients, and what is theirs; some more than once


def is_to_be_audited(scope: Scope) -> bool:
    """Whether a request leaves an event: its caller is known, and its route is audited."""
    handler = scope.get("route_handler")
    return handler is not None and scope.get("user") is not None and is_audited(handler.opt)


def has_left(scope: Scope, status: int) -> None:
    """Note that a request has left its event."""
    cast(dict[str, Any], scope)[LEFT] = status


def is_owed(scope: Scope, status: int) -> bool:
    """Whether an event is owed for an answer: none was left yet, or it is refused after all."""
    left: int | None = cast(dict[str, Any], scope).get(LEFT)
    is_new = left is None or (status >= REFUSED_FROM and status != left)
    return is_new and status < NOT_DONE_FROM and is_to_be_audited(scope)


def event_of(scope: Scope, status: int, at: datetime, shows: object = None) -> Event:
    """The event of a request that is answered with that status, and with what it `shows` or changed."""
    caller: Caller = scope["user"]
    path: Mapping[str, object] = scope["path_params"]
    query = parse_qs(scope["query_string"].decode("latin-1"))
    name, value = next(iter(path.items()), ("", None))
    asked = _asked(value if name == PATIENT else None, *query.get("patient", ()), *query.get("subject", ()))
    about = [*shown(shows), *asked]
    if not about and name in OF_OBJECT and isinstance(value, UUID):
        about = [(name, value)]
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
        about=about,
    )


def _asked(*ids: object) -> list[Named]:
    """Patients by their ids, as they stand in an address: also those who are not there, or not the caller's."""
    found: list[Named] = []
    for one in ids:
        with suppress(ValueError):
            found.append((PATIENT, one if isinstance(one, UUID) else UUID(str(one).removeprefix("Patient/"))))
    return found


def _object(value: object, status: int) -> str | None:
    """An id, or a code that was accepted: what else somebody types may be anything, a name too."""
    if value is None or (status >= REFUSED_FROM and not isinstance(value, UUID)):
        return None
    return str(value)[:OBJECT_LENGTH_MAX]


def write(connection: psycopg.Connection, *events: Event) -> None:
    """Write events in the transaction that the connection is in, the last thing that it does. It waits for the disk."""
    _write(connection.cursor(), events, known=(), waits=True)


def write_looks(cursor: psycopg.Cursor, events: Sequence[Event], known: Container[bytes]) -> set[bytes]:
    """Write events of looks, in one round trip; their transaction does not wait for the disk.

    It does where a list of patients is new, which takes another round trip: later events name it too, so that nothing
    may forget it. Returns the hashes of the lists that they name; one that is `known` is not looked for again.
    """
    return _write(cursor, events, known=known, waits=False)


def _write(cursor: psycopg.Cursor, events: Sequence[Event], *, known: Container[bytes], waits: bool) -> set[bytes]:
    keys: set[bytes] = set()
    rows = []
    for event in events:
        patients = _patients(cursor, event)
        key = key_of(patients) if patients else None
        if key is not None and key not in keys and key not in known:
            waits |= cursor.execute(NAME, {"key": key, "patients": patients}).rowcount > 0
        keys |= {key} if key else set()
        rows.append((
            event.at, event.by, event.who, event.role, event.browser, event.method, event.route, event.allows,
            event.object, key, event.status, event.request_id,
        ))  # fmt: skip
    statement = WRITE if waits else WRITE_LOOK
    cursor.execute(statement, rows[0]) if len(rows) == 1 else cursor.executemany(statement, rows)
    return keys


def _patients(cursor: psycopg.Cursor, event: Event) -> list[UUID]:
    """Whom an event is about, each once, in order (by numbers: these are quick). Whose a thing is, is asked."""
    things = defaultdict(list)
    for name, one in event.about:
        things[name].append(one)
    found = things.pop(PATIENT, [])
    for name, ids in things.items():
        found += [one for (one,) in cursor.execute(OF_OBJECT[name], {"ids": ids, "at": event.at})]
    numbered = {one.int: one for one in found}
    return [numbered[number] for number in sorted(numbered)]


# Nobody waits for anybody here: there is no unique index but on what the database counts.
NAME: Final = """
INSERT INTO audit_subjects (sha256, patients) SELECT %(key)s, %(patients)s::uuid[]
WHERE NOT EXISTS (SELECT FROM audit_subjects WHERE sha256 = %(key)s)
"""
WRITE: Final[LiteralString] = """
INSERT INTO audit_event (at, by, who, role, browser, method, route, allows, object, subjects, status, request_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
WRITE_LOOK: Final[LiteralString] = f"{WRITE} RETURNING set_config('synchronous_commit', 'off', true)"
