"""The ledger comes first: only what it did not know has effects."""

from collections.abc import Sequence

import psycopg

from monitoring.bulk import as_rows
from monitoring.intake.tables import Aside
from workers.drain.items import Item, Kept

_ENTER = """
INSERT INTO ledger (source, id, content)
SELECT source, id, content FROM json_to_recordset(%s) AS new (source bigint, id text, content bytea)
ON CONFLICT DO NOTHING
RETURNING source, id
"""

_KNOWN = """
SELECT known.source, known.id, known.content
FROM json_to_recordset(%s) AS asked (source bigint, id text)
JOIN ledger AS known USING (source, id)
"""

Key = tuple[int, str]


def enter(connection: psycopg.Connection, items: Sequence[Item]) -> tuple[list[Item], list[Kept]]:
    """The items that were never seen before, and those that reuse an id for something else. Repeats vanish."""
    first: dict[Key, Item] = {}
    repeats = [item for item in items if first.setdefault((item.source, item.one.id), item) is not item]
    ordered = sorted(first)  # everybody in one order: no deadlock
    rows = [{"source": key[0], "id": key[1], "content": f"\\x{first[key].content.hex()}"} for key in ordered]
    entered: set[Key] = set(connection.execute(_ENTER, (as_rows(rows),)).fetchall())
    repeats.extend(item for key, item in first.items() if key not in entered)
    return [first[key] for key in ordered if key in entered], _conflicts(connection, repeats)


def _conflicts(connection: psycopg.Connection, repeats: Sequence[Item]) -> list[Kept]:
    if not repeats:
        return []
    asked = as_rows([{"source": item.source, "id": item.one.id} for item in repeats])
    known = {(source, own_id): bytes(content) for source, own_id, content in connection.execute(_KNOWN, (asked,))}
    return [
        Kept.of(item, Aside.CONFLICT, f"the id {item.one.id} was sent before with other content")
        for item in repeats
        if known[item.source, item.one.id] != item.content
    ]
