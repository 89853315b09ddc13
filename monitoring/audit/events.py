"""One event: made of a request and what it was answered, and written with what else a transaction does."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, LiteralString, cast
from urllib.parse import parse_qs
from uuid import UUID

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

    shown: list[Named] = field(default_factory=list)  # or changed; some more than once
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
    about: Sequence[Named]  # patients, and what is theirs; some more than once


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
    asked = _asked(value if name == PATIENT else None, *query.get("patient", ()), *query.get("subject", ()))
    about = [*noted(scope).shown, *asked]
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


def questions(event: Event) -> list[tuple[LiteralString, dict[str, object]]]:
    """What to ask the database to know whom an event is about: mostly nothing."""
    things = defaultdict(list)
    for name, one in event.about:
        if name != PATIENT:
            things[name].append(one)
    return [(OF_OBJECT[name], {"ids": ids, "at": event.at}) for name, ids in things.items()]


def patients_of(event: Event, found: Iterable[Sequence[UUID]]) -> list[UUID]:
    """Whom an event is about, with those whom the database named: each once, in order. By numbers: these are quick."""
    numbered = {one.int: one for name, one in event.about if name == PATIENT}
    numbered |= {one.int: one for (one,) in found}
    return [numbered[number] for number in sorted(numbered)]


def row_of(event: Event, subjects: bytes | None) -> tuple[object, ...]:
    """The parameters of `WRITE`."""
    return (
        event.at, event.by, event.who, event.role, event.browser, event.method, event.route, event.allows, event.object,
        subjects, event.status, event.request_id,
    )  # fmt: skip


def write(connection: psycopg.Connection, event: Event) -> None:
    """Write an event in the transaction that the connection is in, the last thing that it does."""
    found = [row for asked in questions(event) for row in connection.execute(*asked)]
    patients = patients_of(event, found)
    key = key_of(patients) if patients else None
    if key is not None:
        connection.execute(NAME, {"key": key, "patients": patients})
    connection.execute(WRITE, row_of(event, key))


# Nobody waits for anybody here: there is no unique index but on what the database counts.
NAME: Final = """
INSERT INTO audit_subjects (sha256, patients) SELECT %(key)s, %(patients)s::uuid[]
WHERE NOT EXISTS (SELECT FROM audit_subjects WHERE sha256 = %(key)s)
"""
WRITE: Final = """
INSERT INTO audit_event (at, by, who, role, browser, method, route, allows, object, subjects, status, request_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
