"""Texts that try to be SQL, markup, a template, a header, a line of the log, a formula: in every text that is taken."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import cycle, islice
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from monitoring.access.roles import Role
from tests.contract.served import INJECTED, ROUNDS, Case, Effort, Served
from tests.monitoring.api import Api
from tests.monitoring.test_access import page_doors
from tests.monitoring.test_audit_routes import every_thing, path_to
from tests.monitoring.visitor import INLINE, Visitor
from tests.ward import Ward
from tests.workers.records import change, rows

MARKUP: Final = "<script>alert(7)</script>\"><img src=x onerror='alert(7)'>{{7*7}}${7*7}{%7%}"
HOSTILE: Final = (
    "'; DROP TABLE patient; --",
    "x' OR '1'='1' UNION SELECT sha256 FROM token --",
    "%(name)s :name $1 {0} %n",
    f"a\r\n{INJECTED}: 1\r\n\r\n<html>",
    'a\n{"event": "forged", "level": "info"}',
    "\x1b[2J\u202e\u2028\x08\x7f",
    '=HYPERLINK("http://x.example")',
    "../../../etc/passwd",
    MARKUP,
)
TEXTS_VARIED_MAX: Final = 40 if ROUNDS else 2
"""Of one body."""
ONCE: Final = Effort(requests=1, callers=1)

_turns = cycle(HOSTILE)


def with_one_text_hostile(case: Case) -> Iterator[Case]:
    """A request as often as it holds texts, each time with another of them hostile."""
    body, query, path = case.body, case.query or {}, case.path_parameters or {}
    for place in islice(_texts(body), TEXTS_VARIED_MAX):
        case.body = _with(body, place, next(_turns))
        yield case
    case.body = body
    for name in query:
        case.query = {**query, name: next(_turns)}
        yield case
    case.query = query
    for name in path:
        case.path_parameters = {**path, name: quote(next(_turns), safe="")}
        yield case


def _texts(part: object, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a body texts stand."""
    if isinstance(part, str):
        yield place
    elif isinstance(part, dict | list):
        for key, inner in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _texts(inner, (*place, key))


def _with(part: Any, place: tuple[Any, ...], text: str) -> Any:
    """The same body with a text in that place."""
    if not place:
        return text
    first, *rest = place
    changed = part.copy()
    changed[first] = _with(part[first], tuple(rest), text)
    return changed


def is_told(line: Any) -> bool:
    """Whether a line of the log holds any of what was sent."""
    said = json.dumps(line, default=str)
    return any(text in said for text in ("alert(7)", "DROP TABLE", "UNION", "forged", "passwd", "HYPERLINK"))


def test_hostile_texts_in_every_parameter_are_texts_or_refused(served: Served, ward: Ward) -> None:
    tables = rows(ward.engine, "SELECT count(*) FROM pg_tables")
    who_may = {door: [one for one in callers if one.name in {"admin", "device"}][:1]
               for door, callers in served.callers.items()}  # fmt: skip
    allowed = replace(served, callers=who_may)
    with capture_logs() as logged:
        wrong = [one for each in served.operations() for one in allowed.faults(each, ONCE, 1, with_one_text_hostile)]
    assert not wrong, "\n\n".join(wrong)
    assert [line for line in logged if is_told(line)] == []
    assert rows(ward.engine, "SELECT count(*) FROM pg_tables") == tables


SAID: Final = (
    "given_name", "family_name", "name", "address", "staying_at", "postcode", "access_notes", "scene_safety", "carer",
    "key_safe", "allergies", "note", "text", "reason", "detail", "serial", "need", "callback", "caller_name", "what",
    "organisation", "seen_by", "decided_by", "condition", "destination", "treatment_name", "language", "telephone",
)  # fmt: skip
"""Columns that hold what people typed."""


def fill_with(ward: Ward, hostile: str) -> set[str]:
    """Every such column holds it, where the schema lets it. Returns which do."""
    query = "SELECT table_name, column_name FROM information_schema.columns WHERE column_name = ANY(:said)"
    filled = set()
    for table, column in rows(ward.engine, f"{query} AND data_type IN ('text', 'character varying')", said=[*SAID]):
        with suppress(DBAPIError):  # a view, or a code
            change(ward.engine, f'UPDATE {table} SET "{column}" = :hostile', hostile=hostile)
            filled.add(f"{table}.{column}")
    return filled


def test_hostile_texts_are_shown_on_pages_and_never_run(ward: Ward) -> None:
    with Api(ward) as api:
        things = every_thing(api) | {"code": ward.code}
        filled = fill_with(ward, MARKUP)
        assert {"patient.given_name", "patient.access_notes", "ward.name", "staff.name", "device.serial"} <= filled
        visitor, shown = Visitor(api, ward.tokens[Role.ADMIN]), 0
        for door in page_doors(api):
            if door.method == "GET":
                answer = visitor.asks("GET", path_to(door, things))
                said = answer.text
                assert answer.status_code < 500, door
                assert not [mark for mark in ("<script>alert", "<img src=x", "onerror='alert(7)'") if mark in said], (
                    door
                )
                assert "{{7*7}}" in said or "alert(7)" not in said, door
                assert INLINE.findall(said) == [], door
                shown += "&lt;script&gt;alert(7)" in said
    assert shown >= 6
