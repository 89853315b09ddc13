"""What keeps the house in order: the months to come are made, what has served its time is forgotten."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, text

from monitoring.access.tables import KEPT_FOR as ANSWERS_KEPT_FOR
from monitoring.database import transaction
from monitoring.delivery.outbox import KEPT_FOR as MESSAGES_KEPT_FOR
from monitoring.events import KEPT_FOR as EVENTS_KEPT_FOR
from monitoring.heartbeat import FORGOTTEN_AFTER
from monitoring.schema import MONTHS_AHEAD, months

FORGOTTEN_AT_ONCE: Final = 10_000
ROUNDS_MAX: Final = 20
"""Rows deleted in one statement: no growth with history, and no long lock. Rounds of a table before the next one's."""

OLD: Final[tuple[tuple[str, str, str, timedelta], ...]] = (
    ("event", "id", "at", EVENTS_KEPT_FOR),
    ("answered", "ctid", "at", ANSWERS_KEPT_FOR),
    ("alert_trace", "alert_id", "at", EVENTS_KEPT_FOR),
    ("system_alert", "id", "at", MESSAGES_KEPT_FOR),
    ("heartbeat", "name", "at", FORGOTTEN_AFTER),
    ("oidc_attempt", "state", "expires_at", timedelta(0)),
    ("fallback_test", "ctid", "at", MESSAGES_KEPT_FOR),  # before what they name
    ("message", "id", "created_at", MESSAGES_KEPT_FOR),
)
"""(table, key, since when, how long it is kept), with an index on the third where the table grows."""


def forget_old(engine: Engine, now: datetime) -> None:
    """Delete events, answers, heartbeats, sign-ins, messages and alerts of the system, once their time is over."""
    for table, key, since, kept_for in OLD:
        query = text(
            f"DELETE FROM {table} WHERE {key} IN"  # noqa: S608 - the names are the constants above
            f" (SELECT {key} FROM {table} WHERE {since} < :before ORDER BY {since} LIMIT :most)"
        )
        for _ in range(ROUNDS_MAX):
            with transaction(engine) as session:
                asked = {"before": now - kept_for, "most": FORGOTTEN_AT_ONCE}
                deleted = session.connection().execute(query, asked).rowcount
            if deleted < FORGOTTEN_AT_ONCE:
                break


def forget_ways(engine: Engine, now: datetime) -> None:
    """Messages that a provider took, and whose time is over, go no other way any more: their secrets are forgotten."""
    query = text(
        "UPDATE message SET ways = '[]' WHERE id IN (SELECT id FROM message WHERE state = 'delivered'"
        " AND ways <> '[]'::jsonb AND give_up_at <= :now ORDER BY give_up_at LIMIT :most FOR UPDATE SKIP LOCKED)"
    )
    with transaction(engine) as session:
        session.execute(query, {"now": now, "most": FORGOTTEN_AT_ONCE})


def make_coming_months(engine: Engine, now: datetime) -> None:
    """Make this month's tables of readings and of the audit, and the next ones', where they are not there yet."""
    with transaction(engine) as session:
        for month in months(now, ahead=MONTHS_AHEAD):
            session.execute(text("SELECT make_reading_month(:month), make_audit_month(:month)"), {"month": month})
