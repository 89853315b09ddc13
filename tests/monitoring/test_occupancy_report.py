"""Occupancy over time, as a reader asks for it: JSON, CSV, a chart, over HTTP and by command."""

import csv
import json
from datetime import datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from monitoring.access.roles import Role
from monitoring.cli import app
from monitoring.clock import utc_now
from monitoring.config import PREFIX
from tests.monitoring.api import Api
from tests.monitoring.steps import admit, done, employ, faults, open_ward, refused, register

REPORT = "/v1/reports/occupancy"
COUNTS = ["occupied", "reserved", "on_leave", "staffed", "funded"]
RED = (0xC0, 0x39, 0x2B)


def of_a_day(**params: Any) -> dict[str, Any]:
    """The day on which the ward of the tests had its first patient."""
    return {"from": "2026-03-10", "to": "2026-03-11"} | params


@pytest.fixture
def two(api: Api) -> Api:
    """A second ward of another pathway, provider and ICB, with two patients for some hours."""
    open_ward(api, "WARD2", pathway="copd", provider="RYY", icb="QYY", **{"from": "2026-03-01T00:00:00Z", "staffed": 4})
    for _ in range(2):
        admit(api, register(api), "WARD2", at="2026-03-10T12:00:00Z")
    return api


def test_times_are_said_once_and_each_ward_has_a_value_for_each(two: Api) -> None:
    report = done(two.get(REPORT, params=of_a_day()))
    assert (report["step"], report["by"], len(report["times"])) == ("hour", "ward", 24)
    assert (report["from"], report["to"]) == ("2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z")
    assert (report["times"][0], report["times"][-1]) == ("2026-03-10T00:00:00Z", "2026-03-10T23:00:00Z")
    first, second = report["series"]
    assert (first["group"], second["group"]) == ("WARD1", "WARD2")
    assert first["occupied"] == [0] * 8 + [1] * 16
    assert second["occupied"] == [0] * 12 + [2] * 12
    assert second["occupancy"] == [0.0] * 12 + [0.5] * 12
    assert first["occupancy"][:8] == [None] * 8  # nothing staffed before it was opened
    assert set(first) == {"group", *COUNTS, "occupancy"}
    assert {len(column) for name, column in first.items() if name != "group"} == {24}


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("ward", ["WARD1", "WARD2"]),
        ("pathway", ["general", "copd"]),
        ("provider", ["RXX", "RYY"]),
        ("icb", ["QXX", "QYY"]),
        ("all", ["all"]),
    ],
)
def test_wards_are_put_together_as_asked(two: Api, by: str, groups: list[str]) -> None:
    report = done(two.get(REPORT, params=of_a_day(by=by)))
    assert [one["group"] for one in report["series"]] == groups
    assert sum(one["occupied"][-1] for one in report["series"]) == 3
    assert sum(one["staffed"][-1] for one in report["series"]) == 24


@pytest.mark.parametrize("only", [{"ward": "WARD2"}, {"pathway": "copd"}, {"provider": "RYY"}, {"icb": "QYY"}])
def test_only_the_wards_asked_for_are_counted(two: Api, only: dict[str, str]) -> None:
    (one,) = done(two.get(REPORT, params=of_a_day(**only)))["series"]
    assert (one["group"], one["occupied"][-1]) == ("WARD2", 2)


def test_whoever_works_on_one_ward_sees_that_one(two: Api) -> None:
    token = employ(two, Role.CLINICIAN, "WARD2")
    assert [one["group"] for one in done(two.get(REPORT, token=token))["series"]] == ["WARD2"]
    refused(two.get(REPORT, token=token, params={"ward": "WARD1"}), 403)


def test_a_series_is_of_the_last_week_and_ends_now(api: Api) -> None:
    now = utc_now()
    later = (now + timedelta(days=30)).isoformat()
    report = done(api.get(REPORT, params={"to": later, "from": (now - timedelta(hours=5)).isoformat()}))
    assert len(report["times"]) == 5
    assert datetime.fromisoformat(report["times"][-1]) <= utc_now()
    assert 24 * 7 <= len(done(api.get(REPORT))["times"]) <= 24 * 7 + 1
    ahead = done(api.get(REPORT, params={"from": later, "to": "2099-01-01"}))
    assert (ahead["times"], ahead["series"][0]["occupied"]) == ([], [])


def test_ten_patients_to_a_bed_and_more_are_said_too(api: Api) -> None:
    for _ in range(11):
        admit(api, register(api), at="2026-11-20T00:00:00Z")
    done(api.put("/v1/wards/WARD1/capacity", {"funded": 1, "staffed": 1, "from": "2026-11-21T00:00:00Z"}))
    params = {"from": "2026-11-20T23:00:00Z", "to": "2026-11-21T02:00:00Z"}
    assert done(api.get(REPORT, params=params))["series"][0]["occupancy"] == [0.6, 12.0, 12.0]


def test_a_ward_that_closed_before_is_left_out_and_one_that_closed_since_is_not(api: Api) -> None:
    open_ward(api, "GONE")
    done(api.post("/v1/wards/GONE/close", {"reason": "summer"}))
    before = (utc_now() - timedelta(hours=2)).isoformat()
    assert [one["group"] for one in done(api.get(REPORT, params={"from": before}))["series"]] == ["GONE", "WARD1"]
    after = {"from": utc_now().isoformat(), "to": (utc_now() + timedelta(days=1)).isoformat()}
    assert [one["group"] for one in done(api.get(REPORT, params=after))["series"]] == ["WARD1"]


def test_more_points_than_can_be_counted_are_refused_with_the_way_out(api: Api) -> None:
    for number in range(22):
        open_ward(api, f"W{number}")
    problem = refused(api.get(REPORT, params={"from": "2000-01-01"}), 422)
    assert problem["errors"][0]["field"] == "step"
    assert "longer steps" in problem["errors"][0]["reason"]
    done(api.get(REPORT, params={"from": "2000-01-01", "step": "month"}))


def test_what_cannot_be_a_report_is_refused_by_name(api: Api) -> None:
    for params, field in (
        ({"step": "minute"}, "step"),
        ({"by": "consultant"}, "by"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-03-11", "to": "2026-03-10"}, "to"),
    ):
        assert faults(api.get(REPORT, params=params)) == [field], params


def test_csv_says_what_the_json_says(two: Api) -> None:
    report = done(two.get(REPORT, params=of_a_day()))
    answer = two.get(REPORT, params=of_a_day(), headers={"Accept": "text/csv"})
    header, *rows = csv.reader(StringIO(answer.text, newline=""))
    assert header == ["at", "group", *COUNTS, "occupancy"]
    expected = [
        [at, one["group"], *(str(one[name][place]) for name in COUNTS), _cell(one["occupancy"][place])]
        for one in report["series"]
        for place, at in enumerate(report["times"])
    ]
    assert rows == expected
    assert answer.text.endswith("\r\n")


def _cell(value: float | None) -> str:
    return "" if value is None else str(value)


def test_the_chart_is_a_picture_that_shows_over_capacity_in_red(two: Api) -> None:
    def red_pixels() -> int:
        answer = two.get(REPORT, params=of_a_day(ward="WARD2"), headers={"Accept": "image/png"})
        assert answer.status_code == 200, answer.text
        with Image.open(BytesIO(answer.content)) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) >= 400
            pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
        return int((np.abs(pixels - RED).sum(axis=1) < 90).sum())

    legend_only = red_pixels()
    done(two.put("/v1/wards/WARD2/capacity", {"funded": 4, "staffed": 1, "from": "2026-03-10T18:00:00Z"}))
    assert red_pixels() > legend_only + 1_000


def test_the_chart_says_in_words_what_it_shows(two: Api) -> None:
    answer = two.get(REPORT, params=of_a_day(), headers={"Accept": "image/svg+xml"})
    drawn = ET.fromstring(answer.content)
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    words = ["".join(text.itertext()).strip() for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"WARD1", "WARD2", "time, Europe/London", "patients, beds"} <= set(words)
    assert {"occupied", "staffed beds", "funded beds", "over capacity", "80 % of the staffed"} <= set(words)
    assert "at the end 2 patients in 4 staffed beds (50 %)" in words
    assert words.count("occupied") == 1  # one legend, however many panels
    assert answer.content == two.get(REPORT, params=of_a_day(), headers={"Accept": "image/svg+xml"}).content


def test_a_chart_of_nothing_says_so(api: Api) -> None:
    answer = api.get(REPORT, params={"icb": "QZZ"}, headers={"Accept": "image/svg+xml"})
    assert "nothing to show" in answer.text


def test_more_panels_than_can_be_looked_at_are_refused_with_the_way_out(api: Api) -> None:
    for number in range(12):
        open_ward(api, f"W{number}")
    refusal = refused(api.get(REPORT, headers={"Accept": "image/png"}), 422)
    assert refusal["errors"][0]["field"] == "by"
    assert api.get(REPORT, params={"by": "all"}, headers={"Accept": "image/png"}).status_code == 200


def test_the_command_shows_the_report_and_draws_it(two: Api, tmp_path: Path) -> None:
    env = {f"{PREFIX}DATABASE_URL": two.ward.settings.database_url, "COLUMNS": "200"}

    def run(*words: str) -> Any:
        return CliRunner().invoke(
            app, ["report", "occupancy", "--from", "2026-03-10", "--to", "2026-03-11", *words], env=env
        )

    shown = run("--by", "ward")
    assert shown.exit_code == 0, shown.output
    assert "2 in 4 beds" in shown.output
    told = json.loads(run("--by", "ward", "--json").stdout)
    assert told == done(two.get(REPORT, params=of_a_day()))
    for name, first in (("out.png", b"\x89PNG"), ("out.svg", b"<?xml")):
        assert run("--plot", str(tmp_path / name)).exit_code == 0
        assert (tmp_path / name).read_bytes().startswith(first)
    assert ".png or .svg" in str(run("--plot", str(tmp_path / "out.gif")).exception)
