"""How fast PostgreSQL itself takes rows: COPY of stored readings into an identical table."""

import time
from collections.abc import Iterator
from typing import Final

from tests.benchmarks.up import Up

CHUNK_BYTES: Final = 65_536


def copy_rate(up: Up, rows: int) -> float:
    """Rows a second of one COPY, ready-made text in one transaction, into a table like `reading` with its key."""
    with up.owner() as connection:
        connection.execute("CREATE TABLE copied (LIKE reading INCLUDING ALL)")
        try:
            with connection.cursor().copy(f"COPY (SELECT * FROM reading LIMIT {int(rows)}) TO STDOUT") as copy:
                text = b"".join(bytes(data) for data in copy)
            started_s = time.monotonic()
            with connection.cursor() as cursor:
                with cursor.copy("COPY copied FROM STDIN") as copy:
                    for chunk in _chunks(text):
                        copy.write(chunk)
                return cursor.rowcount / (time.monotonic() - started_s)
        finally:
            connection.execute("DROP TABLE copied")


def _chunks(text: bytes) -> Iterator[bytes]:
    return (text[start : start + CHUNK_BYTES] for start in range(0, len(text), CHUNK_BYTES))
