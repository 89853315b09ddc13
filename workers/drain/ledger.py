"""The ledger comes first: only what it did not know has effects.

It has two parts. Entries come into the recent one, whose index makes sure that among all who enter at once an id is
there once. From there they are settled, many at a time (`workers/settling.py`), by nobody's leave: so who enters looks
among the settled ones afterwards, in a statement that began later. An id that was known is then found whatever
happened meanwhile: it was still recent as ours came, and kept it out, or it had left, and is settled by now.
"""

from collections.abc import Mapping, Sequence

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

_SETTLED = """
SELECT known.source, known.id
FROM json_to_recordset(%s) AS asked (source bigint, id text)
JOIN ledger AS known USING (source, id)
WHERE NOT known.recent
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
    entered = _enter(connection, first)
    repeats.extend(item for key, item in first.items() if key not in entered)
    return [first[key] for key in sorted(entered)], _conflicts(connection, repeats)


def _enter(connection: psycopg.Connection, items: Mapping[Key, Item]) -> set[Key]:
    """Enter what is in neither part. Where some were settled already, once more without them: few are sent again."""
    settled: set[Key] = set()
    while True:
        asked = sorted(items.keys() - settled)  # everybody in one order: no deadlock
        rows = [{"source": key[0], "id": key[1], "content": f"\\x{items[key].content.hex()}"} for key in asked]
        with connection.transaction() as attempt:
            entered: set[Key] = set(connection.execute(_ENTER, (as_rows(rows),)).fetchall())
            ids = as_rows([{"source": source, "id": own_id} for source, own_id in entered])
            known: set[Key] = set(connection.execute(_SETTLED, (ids,)).fetchall())
            if not known:
                return entered
            settled |= known
            raise psycopg.Rollback(attempt)


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
