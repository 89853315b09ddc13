"""Tables that a site loads: whole or not at all, and what is wrong is named by line and column."""

from datetime import date
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.database import snapshot
from monitoring.loaded.formats import TableName
from monitoring.loaded.loading import in_force
from tests.monitoring.api import Api
from tests.monitoring.loading import load, send_csv
from tests.monitoring.steps import done, employ, faults, refused
from tests.workers.records import count, rows

DEPRIVATION = "/v1/tables/deprivation?from=2025-10-30"
GOOD = "area,quintile\r\nLE1 1AA,1\r\nle2,2\r\nE01012345,5\r\n"


def areas(api: Api) -> dict[str, int]:
    """What is loaded."""
    return {one.area: one.quintile for one in rows(api.ward.engine, "SELECT area, quintile FROM deprivation")}


def test_a_table_is_loaded_whole_and_says_who_loaded_it(api: Api) -> None:
    made = done(send_csv(api, "PUT", DEPRIVATION, GOOD))
    assert {name: made[name] for name in ("id", "from", "rows", "columns")} == {
        "id": "deprivation", "from": "2025-10-30", "rows": 3, "columns": ["area", "quintile"],
    }  # fmt: skip
    assert made["loaded_by"] == str(api.ward.staff[Role.COORDINATOR].public_id)
    assert areas(api) == {"LE11AA": 1, "LE2": 2, "E01012345": 5}


def test_loaded_again_for_the_same_day_it_is_replaced_and_for_another_day_it_is_kept(api: Api) -> None:
    load(api, "deprivation", GOOD, "2019-09-26")
    load(api, "deprivation", GOOD, "2025-10-30")
    assert load(api, "deprivation", "quintile,area\n4,LE1\n", "2025-10-30")["rows"] == 1
    versions = done(api.get("/v1/tables/deprivation"))["items"]
    assert [(one["from"], one["rows"]) for one in versions] == [("2025-10-30", 1), ("2019-09-26", 3)]
    assert count(api.ward.engine, "deprivation") == 4


def test_the_newest_version_that_is_not_after_a_day_holds_on_it(api: Api) -> None:
    for since in ("2019-09-26", "2025-10-30"):
        load(api, "deprivation", GOOD, since)
    with snapshot(api.ward.engine) as session:
        held = [in_force(session, date(*day))[TableName.DEPRIVATION] for day in ((2019, 9, 25), (2025, 10, 29))]
        assert held == [None, date(2019, 9, 26)]
        assert in_force(session, date(2025, 10, 30))[TableName.DEPRIVATION] == date(2025, 10, 30)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("area,quintile\nLE1,6\n", ["line 2, quintile"]),
        ("area,quintile\nLE1,1\nLE2,one\nnowhere,3\n", ["line 3, quintile", "line 4, area"]),
        ("area,quintile\nLE1,\n", ["line 2, quintile"]),
        ("area,quintile\nLE1\n", ["line 2"]),
        ("area,quintile\n\nLE1,1\nLE1 ,2\n", ["line 4, area"]),
        ("area,quintile\nLE1 1AA,1\nle11aa,2\n", ["line 3, area"]),
        ("area,decile\nLE1,1\n", ["line 1, decile", "line 1, quintile"]),
        ("area,quintile,area\nLE1,1,LE1\n", ["line 1, area"]),
        ('area,quintile\n"LE1,1\n', ["line 2"]),
        ("area,quintile\nLE1,9\nLE2,1\nLE2,1\n", ["line 2, quintile"]),  # what follows a fault is read, not kept
        ("area,quintile\n", [""]),
        ("", ["line 1, area", "line 1, quintile"]),
        (b"area,quintile\nLE1,\xff\n", [""]),
        ("area,quintile\n" + "LE1,9\n" * 30, [f"line {line}, quintile" for line in range(2, 22)]),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column_and_nothing_is_loaded(
    api: Api, text: str | bytes, named: list[str]
) -> None:
    load(api, "deprivation", "area,quintile\nSE1,3\n", "2025-10-30")
    assert faults(send_csv(api, "PUT", DEPRIVATION, text)) == named
    assert areas(api) == {"SE1": 3}
    assert done(api.get("/v1/tables/deprivation"))["items"][0]["rows"] == 1


def test_a_spreadsheets_file_is_read_with_its_mark_and_spaces(api: Api) -> None:
    text = "\ufeff area , quintile\r\n LE1 1AA , 1 \r\n"
    assert done(send_csv(api, "PUT", DEPRIVATION, text.encode()))["rows"] == 1
    assert areas(api) == {"LE11AA": 1}


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("ethnicity", "code,group\nA,white\nB,purple\n", ["line 3"]),
        ("population", "icb,by,group,people\nQXX,sex,female,10\nQXX,sex,women,10\n", ["line 3"]),
        ("population", "icb,by,group,people\nQXX,age,0-15,10\nQXX,age,0-15,11\n", ["line 3, icb, by, group"]),
        ("population", "icb,by,group,people\nQXX,height,tall,10\n", ["line 2, by"]),
        ("postcodes", "postcode,lsoa\nLE1,E01012345\n", ["line 2, postcode"]),
        ("practices", "gp_practice,network\nC81001,\n", ["line 2, network"]),
    ],
)
def test_each_table_knows_what_its_columns_may_hold(api: Api, name: str, text: str, named: list[str]) -> None:
    assert faults(send_csv(api, "PUT", f"/v1/tables/{name}?from=2026-01-01", text)) == named


def test_the_ethnic_categories_of_the_nhs_are_there_from_the_beginning(api: Api) -> None:
    (version,) = done(api.get("/v1/tables/ethnicity"))["items"]
    assert (version["rows"], version["loaded_by"]) == (16, None)
    found = {row.code: row.group for row in rows(api.ward.engine, 'SELECT code, "group" FROM ethnic_group')}
    assert (found["A"], found["R"], found.get("Z")) == ("white", "asian", None)


def test_the_same_request_again_is_answered_and_not_done_again(api: Api) -> None:
    key = {"Content-Type": "text/csv", "Idempotency-Key": "k"}

    def put(text: str) -> Any:
        return api.call("PUT", DEPRIVATION, Role.COORDINATOR, content=text.encode(), headers=key)

    first = done(put(GOOD))
    assert done(put(GOOD)) == first
    assert faults(put("area,quintile\nLE1,1\n")) == ["Idempotency-Key"]


def test_who_may_load_and_where_it_is_refused(api: Api) -> None:
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.AUDITOR, Role.ENGINEER, Role.UCR):
        refused(send_csv(api, "PUT", DEPRIVATION, "nonsense", role), 403)
    theirs = employ(api, Role.COORDINATOR, "WARD1")
    refused(send_csv(api, "PUT", DEPRIVATION, GOOD, token=theirs), 403)
    refused(api.put(DEPRIVATION, {"area": "LE1"}), 415)
    assert faults(send_csv(api, "PUT", "/v1/tables/deprivation", GOOD)) == ["from"]
    assert faults(send_csv(api, "PUT", "/v1/tables/deprivation?from=0001-01-01", GOOD)) == ["from"]
    assert faults(send_csv(api, "PUT", "/v1/tables/nothing?from=2026-01-01", GOOD)) == ["name"]
    assert count(api.ward.engine, "deprivation") == 0
