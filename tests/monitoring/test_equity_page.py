"""Equity as a coordinator looks at it: a cut at a time, nobody to be known by it, and the same as a file."""

import csv
import re
from datetime import timedelta
from io import StringIO

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.spells_made import Made, insert
from tests.monitoring.visitor import Visitor
from tests.workers.records import change


def come(api: Api, number: int, sex: str) -> None:
    """So many people with a spell that began a month ago."""
    made = [Made([(utc_now() - timedelta(days=30), "WARD1")]) for _ in range(number)]
    insert(api.ward, *made)
    people = [one.patient for one in made]
    change(api.ward.engine, "UPDATE patient SET sex = :sex WHERE id = ANY(:people)", sex=sex, people=people)


def as_(api: Api, role: Role) -> Visitor:
    """Somebody of a role, of every ward."""
    return Visitor(api, api.ward.tokens[role])


def cells(said: str, group: str) -> list[str]:
    """What stands in a group's row, tags aside."""
    row = re.search(rf'<th scope="row">{group}</th>(.*?)</tr>', said)
    assert row is not None
    return [re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", row[1])]


def test_groups_are_shown_with_bars_and_small_numbers_are_hidden_here_and_in_the_file(api: Api) -> None:
    come(api, 21, "female")
    come(api, 10, "male")
    come(api, 3, "other")
    chris = as_(api, Role.COORDINATOR)
    said = chris.opens("/equity?by=sex")
    assert cells(said, "Female")[3] == "20", "rounded to 5"
    assert cells(said, "Other")[3] == "under 5 or hidden"
    assert cells(said, "Female")[0] == "not loaded"
    assert re.findall(r'<rect width="(\d+)"', said)[:2] == ["100", "50"], "the bars of women and men"
    assert 'href="?by=sex" aria-current="true">Sex</a>' in said
    answer = chris.asks("GET", "/equity.csv?by=sex")
    assert answer.headers["content-disposition"] == 'attachment; filename="equity-by-sex.csv"'
    rows = {row["group"]: row["admissions"] for row in csv.DictReader(StringIO(answer.text))}
    assert (rows["female"], rows["other"]) == ("20", "")


@pytest.mark.parametrize("by", ["deprivation", "ethnicity", "age", "language", "interpreter", "kit"])
def test_each_cut_has_its_page_also_where_nobody_came_and_no_table_was_loaded(api: Api, by: str) -> None:
    said = as_(api, Role.AUDITOR).opens(f"/equity?by={by}")
    assert "Not stated" in said
    assert "No population was loaded for this cut" in said


def test_equity_is_for_who_may_read_it_and_only_they_are_shown_the_way(api: Api) -> None:
    joy = as_(api, Role.CLINICIAN)
    assert "may not see this" in joy.opens("/equity", 403)
    assert joy.asks("GET", "/equity.csv").status_code == 403
    assert 'href="/equity"' not in joy.opens("/beds")
    assert 'href="/equity"' in as_(api, Role.COORDINATOR).opens("/beds")
    as_(api, Role.COORDINATOR).opens("/equity?by=shoe_size", 422)
