"""The pages as a browser is given them: the board of a ward, an alert, a patient, and what is refused."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitoring.access.gate import COOKIE
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.pages.rendering import ASSETS
from tests.monitoring.api import Api
from tests.monitoring.steps import PLAN, done, drain, elsewhere, has_alert, posts
from tests.monitoring.visitor import Visitor
from tests.ward import SICK, VERY_SICK, WELL


@pytest.fixture
def joy(api: Api) -> Visitor:
    """A clinician of every ward."""
    return Visitor(api, api.ward.tokens[Role.CLINICIAN])


def test_the_board_says_who_is_worst_what_is_known_and_who_is_told_next(api: Api, joy: Visitor) -> None:
    alert = has_alert(api, **VERY_SICK | {"taken_at": api.now()})
    said = joy.opens("/wards/WARD1")
    assert "<title>(1) WARD1 – Virtual Ward</title>" in said
    assert f'href="/alerts/{alert["id"]}"' in said
    assert "Nobody has taken it" in said
    assert re.search(r"Next: \w+", said)
    assert f'data-post="/v1/alerts/{alert["id"]}/acknowledge"' in said
    assert 'class="score high">10</span>' in said
    assert "SpO2 <b>90</b>" in said
    assert "NEWS2 10 to 10, now 10" in said, "the picture in words"
    done(api.post(f"/v1/alerts/{alert['id']}/acknowledge", role=Role.CLINICIAN))
    part = joy.opens("/wards/WARD1/board")
    assert "acknowledged, with" in part
    assert "<html" not in part


def test_a_board_whose_workers_are_gone_says_so(api: Api, joy: Visitor) -> None:
    said = joy.opens("/wards/WARD1")
    assert "Part of the system is unwell" in said
    assert "none heard in the last 10 s" in said


def test_an_alert_shows_why_it_fired_and_what_can_be_done(api: Api, joy: Visitor) -> None:
    decided = PLAN | {"escalation": {"hospital": "discuss", "cpr": "not for CPR"}}
    done(api.put(f"/v1/patients/{api.ward.patient.id}/plan", decided, Role.CLINICIAN))
    alert = has_alert(api, **VERY_SICK)
    said = joy.opens(f"/alerts/{alert['id']}")
    assert alert["reasons"][0]["text"] in said
    assert "<strong>discuss</strong>" in said
    assert "not for CPR" in said
    for what in ("acknowledge", "action", "escalate", "resolve"):
        assert f'data-post="/v1/alerts/{alert["id"]}/{what}"' in said
    assert "/snooze" not in said, "only an amber can wait"
    assert f"/v1/patients/{api.ward.patient.id}/chart.svg" in said
    support = Visitor(api, api.ward.tokens[Role.SUPPORT])
    assert "/resolve" not in support.opens(f"/alerts/{alert['id']}"), "support does not end a deterioration"


def test_a_patients_page_has_the_plan_the_readings_and_what_happened(api: Api, joy: Visitor) -> None:
    posts(api, **WELL | {"temperature": 37.4, "weight": 70.2})
    drain(api)
    said = joy.opens(f"/patients/{api.ward.patient.id}?span=stay")
    assert "Whole stay" in said
    assert "<td>37.4</td><td>70.2</td>" in said
    assert "admitted by" in said
    assert "span=stay" in said
    joy.opens(f"/patients/{api.ward.patient.id}?span=week", 422)


def test_what_somebody_typed_is_shown_and_never_run(api: Api, joy: Visitor) -> None:
    hostile = "<script>alert(1)</script>"
    body: dict[str, Any] = {
        "given_name": hostile, "family_name": "Doe", "birth_date": "1950-02-28", "sex": "female",
        "no_nhs_number_reason": "test", "access_notes": '" onmouseover="alert(1)',
    }  # fmt: skip
    path = f"/v1/patients/{api.ward.patient.id}"
    done(api.put(path, body))
    raw = api.client.get(f"/patients/{api.ward.patient.id}", headers={"Cookie": f"{COOKIE}={joy.session}"}).text
    assert hostile not in raw
    assert "&lt;script&gt;" in raw
    assert 'onmouseover="' not in raw


def test_pages_are_for_who_may_and_the_others_are_told(api: Api, joy: Visitor) -> None:
    theirs, ours = elsewhere(api)
    on_first_ward = Visitor(api, ours)
    assert "RESP" not in on_first_ward.opens("/", 303)
    assert "may not see this" in on_first_ward.opens("/wards/OTHER", 403)
    assert "no such page" in on_first_ward.opens(f"/patients/{theirs}", 404)
    engineer = Visitor(api, api.ward.tokens[Role.ENGINEER])
    assert "may not see this" in engineer.opens("/wards/WARD1", 403)
    api.client.cookies.clear()
    answer = api.client.get("/wards/WARD1", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/wards/WARD1")
    assert "Wards" in joy.opens("/")


def test_scripts_and_styles_are_small_and_from_here(api: Api) -> None:
    served = {path.name: api.client.get(f"/assets/{path.name}") for path in ASSETS.iterdir()}
    assert {answer.status_code for answer in served.values()} == {200}
    assert sum(len(answer.content) for answer in served.values()) < 60_000
    assert not any(re.search(rb"https?://(?!www\.w3\.org)", answer.content) for answer in served.values())


def test_a_board_of_a_hundred_patients_stays_light(api: Api, joy: Visitor) -> None:
    few = len(joy.opens("/wards/WARD1").encode())
    sets = [
        WELL | {"id": f"a-{hours}", "taken_at": (utc_now() - timedelta(hours=hours)).isoformat()}
        for hours in (0, 6, 12, 18)
    ]
    assert api.post("/v1/readings", sets, token=api.device()).status_code == 202
    drain(api)
    api.ward.admit()
    raw = joy.asks("GET", "/wards/WARD1").text
    row = max(len(one.encode()) for one in re.findall(r"<tr data-key.*?</tr>", raw, re.DOTALL))
    assets = sum(path.stat().st_size for path in ASSETS.iterdir() if path.suffix in {".css", ".js"})
    assert few + assets + 100 * row < 150_000


def test_an_alert_asks_whether_it_is_sepsis_with_its_clock_and_says_what_was_answered(api: Api, joy: Visitor) -> None:
    alert = has_alert(api, **SICK)
    page, path = f"/alerts/{alert['id']}", f"/v1/alerts/{alert['id']}/sepsis"
    said = joy.opens(page)
    assert "Could this be sepsis?" in said
    assert "Not answered:" in said
    assert f'data-until="{datetime.fromisoformat(alert["sepsis"]["act_by"]).isoformat()}"' in said
    assert f'data-post="{path}"' in said
    assert 'value="not_suspected"' in said
    assert path not in Visitor(api, api.ward.tokens[Role.SUPPORT]).opens(page), "support does not answer it"
    body = {"answer": "suspected", "tool": "nice_community", "criteria": ["mottled_or_ashen"], "note": "grey hands"}
    done(api.post(path, body, Role.CLINICIAN))
    answered = joy.opens(page)
    assert "Sepsis is suspected. UCR alone is not the answer." in answered
    assert "by the NICE table for the community: mottled or ashen. grey hands" in answered
    assert "Not answered:" not in answered
    done(api.post(path, {"answer": "not_suspected", "tool": "news2"}, Role.CLINICIAN))
    assert "treatment by" not in joy.opens(page), "no clock where it is not suspected"
