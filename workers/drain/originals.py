"""The documents that sets came in, of formats that say more than the sets do: kept once, with whose they are."""

from collections.abc import Sequence
from typing import Final

import psycopg

from devices.reading import Arrival
from monitoring.bulk import as_rows, insert_into
from workers.drain.stays import Placed

ORIGINAL: Final = {
    "id": "uuid",
    "source": "bigint",
    "format": "text",
    "received_at": "timestamptz",
    "packed": "bytea",
    "patients": "bigint[]",
}
_KEEP: Final = f"{insert_into('original', ORIGINAL)} ON CONFLICT DO NOTHING"


def keep_originals(connection: psycopg.Connection, arrivals: Sequence[Arrival], placed: Placed) -> None:
    """Keep those that a new set came in, with whose they are or may be: also of what of them is kept aside.

    A document all of which is kept aside is not kept: its own part stands beside each.
    """
    whose: dict[str, set[int]] = {}
    for item, stay in placed.items:
        if item.original is not None:
            whose.setdefault(item.original, set()).add(stay.patient_id)
    if not whose:
        return
    for one in placed.kept:
        if one.original in whose:
            whose[one.original] |= {*one.patients}
    came = {one.original.id: (one, one.original) for one in arrivals if one.original is not None}
    rows = [
        {
            "id": key,
            "source": arrival.source,
            "format": original.format,
            "received_at": arrival.received_at,
            "packed": f"\\x{original.packed.hex()}",
            "patients": sorted(whose[key]),
        }
        for key, (arrival, original) in sorted(came.items())  # everybody in one order: no deadlock
        if key in whose
    ]
    connection.execute(_KEEP, (as_rows(rows),))
