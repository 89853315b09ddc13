"""Kept aside: written once, and what was not kept before is known, so that it is told once."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import psycopg
from uuid_utils.compat import uuid7

from monitoring.bulk import as_rows, insert_into
from workers.drain.items import Kept

SET_ASIDE: Final = {
    "public_id": "uuid",
    "source": "bigint",
    "id": "text",
    "content": "bytea",
    "patient_id": "bigint",
    "reason": "text",
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
    first = {(one.source, one.id, one.content): one for one in kept}
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
