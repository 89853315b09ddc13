"""A trace goes on from a reading to the alert that it raised, and from there to whoever is told."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import psycopg
from sqlalchemy import ARRAY, BigInteger, Engine, bindparam, text

from monitoring.bulk import as_rows, insert_into, row_of
from monitoring.database import snapshot

_COLUMNS: Final = {"alert_id": "bigint", "traceparent": "text", "at": "timestamptz"}
_Row: Final = row_of("Row", _COLUMNS)
_NOTE: Final = f"""{insert_into("alert_trace", _COLUMNS)}
ON CONFLICT (alert_id) DO UPDATE SET traceparent = excluded.traceparent, at = excluded.at
"""
_OF: Final = text("SELECT traceparent FROM alert_trace WHERE alert_id = ANY(:alerts) ORDER BY alert_id").bindparams(
    bindparam("alerts", type_=ARRAY(BigInteger))
)


def note(connection: psycopg.Connection, traces: Mapping[int, str], now: datetime) -> None:
    """In which traces these alerts, whose rows are locked, were raised or changed."""
    if traces:
        connection.execute(_NOTE, (as_rows([_Row(alert, traces[alert], now) for alert in sorted(traces)]),))


def traces_of(engine: Engine, alerts: Collection[int]) -> list[str]:
    """In which traces these alerts were raised, as far as they are known."""
    with snapshot(engine) as session:
        return list(session.execute(_OF, {"alerts": list(alerts)}).scalars())
