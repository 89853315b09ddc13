"""The table of retention: every table of the schema is in it, its times are as decided, its rows found by indexes."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import SQLModel

from monitoring import tables
from monitoring.clock import utc_now
from monitoring.privacy import by_age
from monitoring.privacy.kept import RECORDS, TABLES
from monitoring.privacy.policies import over_on, years_after
from tests.monitoring.audited import owner_of
from tests.monitoring.lives import NUMBER
from tests.ward import Ward
from tests.workers.records import rows


@pytest.fixture
def owner(ward: Ward) -> Iterator[Engine]:
    """Whoever owns the database."""
    with owner_of(ward.settings) as engine:
        yield engine


def test_every_table_of_the_schema_has_its_time(owner: Engine) -> None:
    there = rows(
        owner,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace",
    )
    assert {row.relname for row in there} - {"alembic_version"} == set(TABLES)
    assert tables.Patient.metadata is SQLModel.metadata


def test_every_table_that_leads_to_a_patient_is_of_a_record() -> None:
    """By its foreign keys; those of staff, wards, devices lead to nobody."""
    leads, grown = {"patient"}, True
    others = {"ward", "staff", "device", "ucr_team", "cases_sent", "rule_proposal"}
    while grown:
        more = {
            table.name
            for table in SQLModel.metadata.tables.values()
            for key in table.foreign_keys
            if key.column.table.name in leads and table.name not in leads | others
        }
        grown, leads = bool(more), leads | more
    assert leads - {"fallback_test"} <= set(RECORDS)  # of no alert: a test of who is always there


@given(seen=st.dates(date(2000, 1, 1), date(2100, 1, 1)), age_days=st.integers(0, 36_000))
def test_no_record_goes_before_eight_years_nor_a_childs_before_the_25th_birthday(seen: date, age_days: int) -> None:
    born = seen - timedelta(days=age_days)
    over = over_on(seen, born)
    assert over >= years_after(seen, 8)
    if years_after(born, 18) > seen:
        assert over >= years_after(born, 25)
        assert over >= years_after(born, 26) or years_after(born, 17) > seen
    else:
        assert over == years_after(seen, 8)
    assert over_on(seen + timedelta(days=1), born) >= over - timedelta(days=366)


@pytest.mark.parametrize(
    ("born", "over"),
    [
        (date(1950, 2, 28), date(2034, 3, 10)), (date(2008, 3, 10), date(2034, 3, 10)),
        (date(2008, 3, 11), date(2034, 3, 11)), (date(2009, 3, 11), date(2034, 3, 11)),
        (date(2020, 1, 1), date(2045, 1, 1)),
    ],
)  # fmt: skip
def test_the_last_day_of_a_record(born: date, over: date) -> None:
    assert over_on(date(2026, 3, 10), born) == over


def test_what_points_to_a_row_that_goes_is_found_by_an_index(owner: Engine) -> None:
    """Else each deletion would read the whole of what points to its table, to see that nothing is left."""
    lacking = """
        SELECT conrelid::regclass::text AS of, confrelid::regclass::text AS to FROM pg_constraint
        WHERE contype = 'f' AND confrelid::regclass::text = ANY(:going) AND conparentid = 0
        AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])
    """
    going = [name for name, kept in RECORDS.items() if not kept.stays]
    assert [tuple(row) for row in rows(owner, lacking, going=going)] == []


def plan_of(owner: Engine, statement: str, asked: dict[str, Any]) -> list[str]:
    """Tables that the plan reads from end to end, where the planner would rather not."""
    with owner.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", asked).one()
    scanned: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        if node["Node Type"] == "Seq Scan":
            scanned.append(node["Relation Name"])
        for one in node.get("Plans", ()):
            walk(one)

    walk(plan[0]["Plan"])
    return scanned


@pytest.mark.parametrize("table", RECORDS)
def test_the_rows_of_a_record_are_found_by_an_index(owner: Engine, table: str) -> None:
    asked: dict[str, Any] = {
        **{name: [1] for name in ("patients", "episodes", "alerts", "referrals", "visits", "asides", "sources")},
        **{name: ["00000000-0000-0000-0000-000000000000"] for name in ("spells", "sets", "originals")},
        "numbers": [NUMBER], "ids": ["a"],
    }  # fmt: skip
    whose = RECORDS[table].whose
    for name in ("spells", "sets", "originals"):
        whose = whose.replace(f"%({name})s", f"%({name})s::uuid[]")
    assert plan_of(owner, f"SELECT FROM {table} WHERE {whose}", asked) == []


SMALL = {"heartbeat", "fallback_test"}
"""A row for each part that is alive, and for each ward and day."""


@pytest.mark.parametrize(
    "table", [name for name, kept in TABLES.items() if kept.alone and kept.at and name not in SMALL]
)
def test_what_is_old_is_found_by_an_index(owner: Engine, table: str) -> None:
    kept = TABLES[table]
    query = f"SELECT ctid FROM {table} WHERE {kept.alone} ORDER BY {kept.at} LIMIT {by_age.AT_ONCE}"
    assert plan_of(owner, query, {"before": utc_now()}) == []
