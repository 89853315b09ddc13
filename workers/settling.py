"""What came lately is settled: moved, many rows of a device or a stay at once, to where the history is.

A row's place in an index of three months is a page of its own, read and written for this row alone. So rows come into
recent parts, whose indexes stay in memory, and are taken from there when each device has several: docs/decisions/0011.
"""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine, text

from monitoring.database import transaction

RECENT_MAX: Final = 200_000
"""Rows that a recent part may hold: eight of each of 25,000 devices, in an index of about 12 MB. The design's own."""

SETTLED_AT_ONCE: Final = 1_000
"""Rows moved in one transaction, once a second; 25,000 devices at four sets a day send 100,000 a day."""

BEFORE_ALL: Final = -(1 << 63)

MOVES: Final = {"ledger_recent": "settle_ledger", "reading_recent": "settle_reading"}
"""What moves the rows of each recent part. Both are made by the migration 0021."""


@dataclass(slots=True)
class Settling:
    """Up to which device and which stay rows were moved. Who begins anew begins with the first: that harms nobody."""

    after: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MOVES, BEFORE_ALL))


def settle(engine: Engine, settling: Settling, most: int = RECENT_MAX) -> None:
    """Move some rows of each recent part that holds more than `most`, by the server's own count of them.

    One device and stay after the other, round and round: when its turn comes again, it has several rows once more.
    """
    for part, move in MOVES.items():
        with transaction(engine) as session:
            rows: int = session.execute(_COUNTED, {"part": part}).scalar_one()
            if rows > most:
                asked = {"after": settling.after[part], "most": SETTLED_AT_ONCE}
                last = session.execute(text(f"SELECT {move}(:after, :most)"), asked).scalar()
                settling.after[part] = BEFORE_ALL if last is None else last


_COUNTED: Final = text("SELECT pg_stat_get_live_tuples(CAST(:part AS regclass))")
"""Counting them itself would cost a look at each, every second."""
