"""What keeps the house in order: the months to come are made, what has served its time is forgotten."""

from datetime import datetime
from typing import Final

from sqlalchemy import Engine, text

from monitoring.database import driver, transaction
from monitoring.privacy.by_age import AT_ONCE, delete_some
from monitoring.privacy.kept import TABLES
from monitoring.schema import MONTHS_AHEAD, months

ROUNDS_MAX: Final = 20
"""Rounds of a table before the next one's."""


def forget_old(engine: Engine, now: datetime) -> None:
    """Delete what the table of retention leaves to the timekeeper, where its time is over."""
    for table, kept in TABLES.items():
        if not kept.policy.by_timekeeper:
            continue
        for _ in range(ROUNDS_MAX):
            with transaction(engine) as session:
                deleted = delete_some(driver(session), table, kept, now)
            if deleted < AT_ONCE:
                break


def forget_ways(engine: Engine, now: datetime) -> None:
    """Messages that a provider took, and whose time is over, go no other way any more: their secrets are forgotten."""
    query = text(
        "UPDATE message SET ways = '[]' WHERE id IN (SELECT id FROM message WHERE state = 'delivered'"
        " AND ways <> '[]'::jsonb AND give_up_at <= :now ORDER BY give_up_at LIMIT :most FOR UPDATE SKIP LOCKED)"
    )
    with transaction(engine) as session:
        session.execute(query, {"now": now, "most": AT_ONCE})


def make_coming_months(engine: Engine, now: datetime) -> None:
    """Make this month's tables of readings and of the audit, and the next ones', where they are not there yet."""
    with transaction(engine) as session:
        for month in months(now, ahead=MONTHS_AHEAD):
            session.execute(text("SELECT make_reading_month(:month), make_audit_month(:month)"), {"month": month})
