"""The NEWS2 chart as a picture: what was measured, what it scored, what the plan said, what happened."""

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.access.roles import Role
from monitoring.chart.drawing import MARKS_MAX, draw
from monitoring.chart.paper import Limit, Mark, Paper, Point
from monitoring.chart.svg import FILLS, LEFT, RIGHT
from monitoring.chart.timeline import ROOM_PX, Timeline, ticks
from monitoring.clock import WARD_TIME
from tests.monitoring.api import Api
from tests.monitoring.steps import PLAN, done, drain, elsewhere, faults, posts, refused, register
from tests.ward import VERY_SICK

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def paper(*points: Point, **other: Any) -> Paper:
    """A day's chart that ends at noon."""
    usual: dict[str, Any] = {
        "who": "OKAFOR, Grace", "about": "", "since": NOON - timedelta(days=1), "until": NOON, "scale": 1,
        "gap": timedelta(hours=3), "limits": [], "marks": [],
    }  # fmt: skip
    return Paper(points=points, **usual | other)


def at(hours: float) -> datetime:
    """So many hours before noon."""
    return NOON - timedelta(hours=hours)


def drawn(one: Paper) -> ET.Element:
    """The picture, which is well-formed."""
    return ET.fromstring(draw(one))


def texts(picture: ET.Element) -> list[str]:
    """Everything that is written."""
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def titles(picture: ET.Element) -> list[str]:
    """What is said when something is pointed at."""
    return [element.text or "" for element in picture.iter(f"{SVG}title")]


def test_the_wards_chart_shows_readings_scores_limits_alerts_and_contacts(api: Api) -> None:
    path = f"/v1/patients/{api.ward.patient.id}"
    decided = PLAN | {"limits": {"pulse": {"red_high": 120}}}
    done(api.put(f"{path}/plan", decided, Role.CLINICIAN))
    posts(api, **VERY_SICK | {"pulse": 125, "temperature": 37.1, "diastolic": 74})
    drain(api)
    (row,) = done(api.get("/v1/wards/WARD1/board"))["items"]
    said = {"mode": "phone", "planned": False, "outcome": "spoken_to", "note": "short of <breath> & tired"}
    done(api.post(f"/v1/episodes/{row['episode']}/contacts", said, Role.CLINICIAN))
    answer = api.get(f"{path}/chart.svg?span=stay")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    picture = ET.fromstring(answer.content)
    written = texts(picture)
    assert {"26", "90", "95", "125", "37.1", "air", "A"} <= set(written)
    assert "red limit: at or above 120" in written
    assert any(one.startswith("critical deterioration: ") for one in written)
    assert "phone, spoken to: short of <breath> & tired" in written
    assert "diastolic 74 mmHg" in titles(picture)
    pixels = api.get(f"{path}/chart.png").content
    assert pixels.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(pixels) > 20_000, "more than an empty page"


def test_a_chart_is_for_who_may_see_the_patient_and_for_a_stay(api: Api) -> None:
    path = f"/v1/patients/{api.ward.patient.id}/chart.svg"
    assert faults(api.get(f"{path}?span=week")) == ["span"]
    refused(api.get(path, Role.ENGINEER), 403)
    theirs, ours = elsewhere(api)
    refused(api.get(f"/v1/patients/{theirs}/chart.svg", token=ours), 404)
    refused(api.get(f"/v1/patients/{register(api)}/chart.svg"), 404)


def test_what_was_not_measured_is_a_gap_and_no_line_bridges_it() -> None:
    points = [Point(at(hours), pulse=80) for hours in (20, 18, 16, 4, 2)]
    lines = [element.attrib["points"] for element in drawn(paper(*points)).iter(f"{SVG}polyline")]
    assert [len({place.split(",")[0] for place in line.split()}) for line in lines] == [3, 2]


def test_a_value_stands_in_the_band_that_it_scores() -> None:
    picture = drawn(paper(Point(at(5), spo2=91), Point(at(3), spo2=96)))
    (low, high) = [float(dot.attrib["cy"]) for dot in picture.iter(f"{SVG}circle")]
    bands = [
        (float(one.attrib["y"]), float(one.attrib["y"]) + float(one.attrib["height"]), one.attrib["fill"])
        for one in picture.iter(f"{SVG}rect")
        if one.attrib.get("x") == str(LEFT) and one.attrib["fill"] in FILLS
    ]
    assert next(fill for upper, lower, fill in bands if upper <= low <= lower) == FILLS[3]
    assert next(fill for upper, lower, fill in bands if upper <= high <= lower) == FILLS[0]


def test_what_lies_beyond_the_chart_is_written_out() -> None:
    picture = drawn(paper(Point(at(5), pulse=210), Point(at(4), temperature_tenths=331)))
    assert {"210", "33.1"} <= set(texts(picture))
    assert len(list(picture.iter(f"{SVG}path"))) == 2


def test_an_incomplete_score_is_shown_as_at_least() -> None:
    points = [Point(at(5), score=5, complete=True), Point(at(3), score=3, single_red=True)]
    written = texts(drawn(paper(*points)))
    assert "5" in written
    assert "≥3" in written


def test_the_worst_score_keeps_its_place_in_a_crowd() -> None:
    crowd = [
        Point(at(minutes / 60), score=17 if minutes == 300 else 16, complete=True) for minutes in range(0, 1440, 4)
    ]
    written = texts(drawn(paper(*reversed(crowd))))
    assert written.count("17") == 1
    assert 10 < written.count("16") <= (RIGHT - LEFT) / ROOM_PX


def test_a_limit_is_drawn_while_it_held() -> None:
    (line,) = [
        one
        for one in drawn(paper(limits=[Limit("pulse", "amber_low", 50, at(12), at(0))])).iter(f"{SVG}line")
        if any("amber limit" in (title.text or "") for title in one)
    ]
    assert float(line.attrib["x1"]) == pytest.approx((LEFT + RIGHT) / 2)
    assert float(line.attrib["x2"]) == RIGHT


def test_more_happenings_than_there_are_lines_for_are_counted() -> None:
    marks = [Mark(at(20 - hour / 2), f"phone {hour}") for hour in range(MARKS_MAX + 3)]
    written = texts(drawn(paper(marks=marks)))
    assert "and 3 earlier" in written
    assert f"phone {MARKS_MAX + 2}" in written
    assert "phone 0" not in written


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_hours_are_the_wards_on_the_days_when_clocks_change(day: datetime) -> None:
    said = list(ticks(day - timedelta(hours=6), day + timedelta(hours=20)))
    assert all(f"{one.astimezone(WARD_TIME):%H:%M}" == words for one, words, is_day in said if not is_day)
    assert [one.astimezone(WARD_TIME).hour for one, _, is_day in said if is_day] == [0]


INSTANTS = st.integers(0, 2 * 24 * 60).map(lambda minutes: NOON - timedelta(minutes=minutes - 600))


@given(
    st.lists(
        st.builds(
            Point,
            at=INSTANTS,
            pulse=st.none() | st.integers(0, 350),
            spo2=st.none() | st.integers(0, 100),
            systolic=st.none() | st.integers(0, 350),
            diastolic=st.none() | st.integers(0, 350),
            temperature_tenths=st.none() | st.integers(200, 460),
            consciousness=st.none() | st.sampled_from("ACVPU"),
            on_oxygen=st.none() | st.booleans(),
            score=st.none() | st.integers(0, 20),
            complete=st.booleans(),
        ),
        max_size=30,
    ),
    st.sampled_from([1, 2]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20),
)
def test_any_stay_is_drawn_within_its_frame(points: list[Point], scale: Any, who: str) -> None:
    picture = drawn(paper(*sorted(points, key=lambda one: one.at), scale=scale, who=who))
    height = float(picture.attrib["height"])
    for dot in picture.iter(f"{SVG}circle"):
        assert LEFT <= float(dot.attrib["cx"]) <= RIGHT
        assert 0 <= float(dot.attrib["cy"]) <= height


def test_a_place_in_time_keeps_its_order() -> None:
    time = Timeline(at(24), at(0), LEFT, RIGHT)
    places = [time.x(at(hours)) for hours in (30, 24, 12, 1, 0, -5)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (LEFT, RIGHT)
