"""Kept aside: written once, and what was not kept before is known, so that it is told once."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import psycopg
from uuid_utils.compat import uuid7

from alert_rules.severity import Severity
from monitoring.bulk import as_rows, insert_into
from workers.drain.items import Kept

SET_ASIDE: Final = {
    "public_id": "uuid",
    "source": "bigint",
    "id": "text",
    "content": "bytea",
    "patient_id": "bigint",
    "reason": "text",
    "severity": "smallint",
    "detail": "text",
    "document": "jsonb",
    "received_at": "timestamptz",
    "kept_at": "timestamptz",
}

_KEEP: Final = f"""
{insert_into("set_aside", SET_ASIDE)}
ON CONFLICT DO NOTHING
RETURNING source, id, content
"""


def store_aside(connection: psycopg.Connection, kept: Iterable[Kept], now: datetime) -> list[Kept]:
    """Keep something for a person. Returns what was not kept before: the same thing is kept, and told, once."""
    first = {one.key: one for one in kept if one.released is None}
    if not first:
        return []
    rows = [
        {
            "public_id": uuid7(),
            "source": one.source,
            "id": one.id,
            "content": f"\\x{one.content.hex()}",
            "patient_id": one.patient_id,
            "reason": one.reason,
            "severity": 0,
            "detail": one.detail,
            "document": one.document,
            "received_at": one.received_at,
            "kept_at": now,
        }
        for _, one in sorted(first.items(), key=lambda pair: pair[0])  # everybody in one order: no deadlock
    ]
    stored = {
        (source, own_id, bytes(content)) for source, own_id, content in connection.execute(_KEEP, (as_rows(rows),))
    }
    return [one for key, one in first.items() if key in stored]


_NOTE: Final = """
UPDATE set_aside AS kept SET severity = told.severity
FROM json_to_recordset(%s) AS told (source bigint, id text, content bytea, severity smallint)
WHERE kept.source = told.source AND kept.id = told.id AND kept.content = told.content
"""


def note_told(connection: psycopg.Connection, told: Mapping[tuple[int, str, bytes], Severity]) -> None:
    """Note of what was kept aside how bad the ward was told that it would be."""
    if told:
        rows = [
            {"source": source, "id": own_id, "content": f"\\x{content.hex()}", "severity": severity}
            for (source, own_id, content), severity in told.items()
        ]
        connection.execute(_NOTE, (as_rows(rows),))
