"""A report comes in the form that its reader accepts, and says the same in each."""

import csv
from datetime import UTC, date, datetime
from io import StringIO

import msgspec
import pytest

from monitoring.access.roles import Role
from monitoring.reports.answers import csv_of
from tests.monitoring.api import Api
from tests.monitoring.steps import done, refused

REPORT = "/v1/reports/occupancy"


class Row(msgspec.Struct):
    """Of every kind of value that a report may hold."""

    from_: date = msgspec.field(name="from")
    at: datetime
    name: str
    count: int
    share: float | None
    known: bool
    reasons: list[str]


ROW = Row(date(2026, 2, 28), datetime(2026, 11, 21, 10, tzinfo=UTC), 'Ward "A", north\nwing', 3, None, True, ["a", "b"])


def test_csv_has_the_names_and_values_of_the_json() -> None:
    text = "".join(csv_of([ROW, ROW], Row))
    assert text.count("\r\n") == 3
    header, first, second = csv.reader(StringIO(text, newline=""))
    assert header == ["from", "at", "name", "count", "share", "known", "reasons"]
    assert first == second == ["2026-02-28", "2026-11-21T10:00:00Z", ROW.name, "3", "", "true", '["a","b"]']


def test_csv_of_nothing_is_its_header() -> None:
    assert "".join(csv_of([], Row)) == "from,at,name,count,share,known,reasons\r\n"


@pytest.mark.parametrize("name", ["=1+1", "+44", "-1", "@SUM(A1)", "\t=1"])
def test_a_text_is_never_a_formula(name: str) -> None:
    (_, row) = csv.reader(StringIO("".join(csv_of([msgspec.structs.replace(ROW, name=name)], Row)), newline=""))
    assert row[2] == f"'{name}"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("TEXT/CSV; header=present", "text/csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("application/json;q=0, */*;q=0.1", "text/csv"),
        ("image/*", "image/png"),
        ("image/svg+xml", "image/svg+xml"),
        ("text/csv;q=1e400", "text/csv"),
        ("text/csv;q=nan, ;;,/", "text/csv"),
    ],
)
def test_the_form_is_the_one_that_is_liked_best(api: Api, accept: str, media_type: str) -> None:
    answer = api.get(REPORT, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert "Accept" in answer.headers["vary"]


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/jpeg, text/plain", "q=1", "\xe9"])
def test_what_nobody_offers_is_refused_naming_what_is(api: Api, accept: str) -> None:
    problem = refused(api.get(REPORT, headers={"Accept": accept.encode("latin-1")}), 406)
    assert "text/csv" in problem["detail"]


def test_who_may_not_read_reports_is_told_so_before_anything_else(api: Api) -> None:
    for role in (Role.UCR, Role.ENGINEER):
        refused(api.get(REPORT, role, headers={"Accept": "text/html"}), 403)
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.COORDINATOR, Role.AUDITOR):
        done(api.get(REPORT, role))
