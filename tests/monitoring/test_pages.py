"""The pages as a browser is given them: the board of a ward, an alert, a patient, and what is refused."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from monitoring.access.gate import COOKIE
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.clock import WARD_TIME, utc_now
from monitoring.database import transaction
from monitoring.pages.alert import Used, readings_used
from monitoring.pages.board import picture_of
from monitoring.pages.rendering import ASSETS, macro
from tests.monitoring.api import Api
from tests.monitoring.live_server import serving
from tests.monitoring.steps import PLAN, done, drain, elsewhere, has_alert, posts
from tests.monitoring.visitor import Visitor
from tests.ward import SICK, VERY_SICK, WELL

PATIENTS = 100
SICK_ONE_IN = 10
WEIGHT_MAX = 100_000
"""Bytes of a board and of all that it loads, as they are before anything packs them."""


@pytest.fixture
def joy(api: Api) -> Visitor:
    """A clinician of every ward."""
    return Visitor(api, api.ward.tokens[Role.CLINICIAN])


def test_the_board_says_who_is_worst_what_is_known_and_who_is_told_next(api: Api, joy: Visitor) -> None:
    alert = has_alert(api, **VERY_SICK | {"taken_at": api.now()})
    said = joy.opens("/wards/WARD1")
    assert "<title>(1) WARD1 – Virtual Ward</title>" in said
    assert f"href=/alerts/{alert['id']}" in said
    assert "Nobody has taken it" in said
    assert re.search(r"Next: \w+", said)
    assert f"data-post=/v1/alerts/{alert['id']}/acknowledge" in said
    assert 'class="score high">10</b>' in said
    assert "SpO2 <b>90</b>" in said
    assert "1 set; NEWS2 10; SpO2 90 %" in said, "the picture in words"
    done(api.post(f"/v1/alerts/{alert['id']}/acknowledge", role=Role.CLINICIAN))
    part = joy.opens("/wards/WARD1/board")
    assert "acknowledged, with" in part
    assert "<html" not in part


def test_a_board_that_has_a_picture_is_sent_the_rows_that_changed_since(api: Api, joy: Visitor) -> None:
    other = api.ward.admit()
    part = joy.opens("/wards/WARD1/board")
    assert part.count("<th scope=row>") == 2
    posts(api, **VERY_SICK)
    drain(api)
    since = f"/wards/WARD1/board?since={name_of(part)}"
    changed = joy.opens(since)
    assert re.findall(r"<a href=(/patients/\S+)>", changed) == [f"/patients/{api.ward.patient.id}"]
    assert order_of(changed) == [f"/patients/{one}" for one in (api.ward.patient.id, other.id)]
    assert "<th scope=row>" not in joy.opens(f"/wards/WARD1/board?since={name_of(changed)}")
    reader = Visitor(api, api.ward.tokens[Role.COORDINATOR])
    assert reader.opens(since).count("<th scope=row>") == 2, "who has other buttons has other pictures"


def test_a_row_says_nothing_that_is_not_in_it_but_how_long_ago_things_were(api: Api) -> None:
    has_alert(api, **VERY_SICK | {"taken_at": api.now()})
    other = api.ward.admit()
    posts(api, api.device(other), **WELL | {"taken_at": (utc_now() - timedelta(hours=2)).isoformat()})
    drain(api)
    with transaction(api.ward.engine) as session:
        shown = picture_of(Act(session, api.ward.staff[Role.CLINICIAN], utc_now()), "WARD1", {})
    row_of = macro("_board_row.html", "row_of")
    for row in shown.rows:  # what is kept of an earlier picture says the same as what would be drawn now
        drawn = [str(row_of(row, shown.at + days * timedelta(days=1), True)) for days in (-3, 0, 3)]
        assert "<time" in drawn[0]
        assert len({re.sub(r"(<time [^>]*>)[^<]*", r"\1", one) for one in drawn}) == 1


def name_of(part: str) -> str:
    """The name of the picture that a part is of."""
    found = re.search(r'data-picture="([^"]+)"', part)
    assert found is not None
    return found[1]


def order_of(part: str) -> list[str]:
    """The rows that there are, as a part says."""
    found = re.search(r'data-order="([^"]*)"', part)
    assert found is not None
    return found[1].split(" ")


def test_a_row_says_what_made_the_score_worse_and_draws_the_lines_of_the_patients_own_scale(
    api: Api, joy: Visitor
) -> None:
    api.ward.plans(spo2_scale=2)
    before = (utc_now() - timedelta(hours=2)).isoformat()
    posts(api, **WELL | {"taken_at": before, "spo2": 90})
    posts(api, **WELL | {"taken_at": (utc_now() - timedelta(minutes=90)).isoformat(), "spo2": 90, "pulse": 112})
    drain(api)
    said = joy.opens("/wards/WARD1")
    assert "↑ worse: Pulse" in said
    assert [one for one in ("<use href=#amber y=30", "<use href=#red y=34") if one not in said] == []
    assert "<p>as scored" in said, "values of another time than the score's say their own age"


def test_a_row_says_who_was_spoken_to_on_the_present_day_of_the_ward_and_not_the_day_before(
    api: Api, joy: Visitor
) -> None:
    today = utc_now().astimezone(WARD_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    spell = f"/v1/episodes/{api.get('/v1/wards/WARD1/board').json()['items'][0]['episode']}"
    spoken = {"mode": "phone", "planned": True, "outcome": "spoken"}
    for at, said in ((today - timedelta(seconds=1), "not spoken to"), (today, "spoken to 00:00")):
        done(api.post(f"{spell}/contacts", spoken | {"at": at.isoformat()}, Role.CLINICIAN))
        assert f">{said}<" in joy.opens("/wards/WARD1")


def test_a_board_whose_workers_are_gone_says_so(api: Api, joy: Visitor) -> None:
    alert = has_alert(api, **SICK)["id"]  # and its own page does
    for path in ("/wards/WARD1", "/wards/WARD1/board", f"/alerts/{alert}", f"/alerts/{alert}/part"):
        said = joy.opens(path)
        assert "Part of the system is unwell" in said, path
        assert "none heard in the last 10 s" in said, path


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
    assert re.search(r"SpO2</th><td><b>90</b></td><td><time [^>]+>0 min</time> ago</td><td>3</td>", said)
    assert "By the rules of the pathway general, version" in said
    stay = joy.opens(f"/alerts/{alert['id']}/part?span=stay")
    assert "chart.svg?span=stay" in stay
    assert 'aria-current="true">Whole stay' in stay
    support = Visitor(api, api.ward.tokens[Role.SUPPORT])
    assert "/resolve" not in support.opens(f"/alerts/{alert['id']}"), "support does not end a deterioration"


def test_a_reading_that_was_carried_into_a_set_is_as_old_as_it_is() -> None:
    taken_at = utc_now()
    why = {"taken_at": taken_at.isoformat(), "inputs": {"spo2": 90, "temperature": 384}, "ages_min": {"spo2": 40}}
    assert readings_used(why) == {
        "spo2": Used("90", taken_at - timedelta(minutes=40)), "temperature": Used("38.4", taken_at),
    }  # fmt: skip
    assert readings_used({"device": "H-1"}) == {}, "not every alert rests on readings"


def test_everything_that_happened_stands_in_one_list_newest_first(api: Api, joy: Visitor) -> None:
    alert = has_alert(api, **VERY_SICK)
    done(api.post(f"/v1/alerts/{alert['id']}/acknowledge", {"note": "rang her"}, Role.CLINICIAN))
    done(api.put(f"/v1/patients/{api.ward.patient.id}/plan", PLAN | {"reason": "retains CO2"}, Role.CLINICIAN))
    said = joy.opens(f"/patients/{api.ward.patient.id}")
    told = said[said.index("Everything that happened") :]
    places = [
        told.index(one)
        for one in (
            "plan decided by The clinician: retains CO2",
            "Critical alert</a> acknowledged by The clinician: rang her",
            "Critical alert</a> raised",
            "admitted by The clinician",
        )
    ]
    assert places == sorted(places)
    assert "kit given: hub H-" in told


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
    assert "may not see this" in on_first_ward.opens("/wards/OTHER/board", 403)
    assert "no such page" in on_first_ward.opens(f"/patients/{theirs}", 404)
    engineer = Visitor(api, api.ward.tokens[Role.ENGINEER])
    assert "may not see this" in engineer.opens("/wards/WARD1", 403)
    api.client.cookies.clear()
    answer = api.client.get("/wards/WARD1", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/wards/WARD1")
    assert "Wards" in joy.opens("/")


def test_many_who_look_at_once_share_a_picture_and_nobody_gets_anothers_buttons(api: Api) -> None:
    has_alert(api, **VERY_SICK)
    tokens = api.ward.tokens
    looks = [(Role.CLINICIAN, "WARD1"), (Role.AUDITOR, "WARD1"), (Role.ENGINEER, "WARD1"), (Role.CLINICIAN, "NONE")] * 8
    with serving(api.ward.settings) as url, ThreadPoolExecutor(len(looks)) as pool:

        def looked(look: tuple[Role, str]) -> tuple[int, bool]:
            role, ward = look
            headers = {"Authorization": f"Bearer {tokens[role]}"}
            answer = httpx.get(f"{url}/wards/{ward}/board", headers=headers)
            return answer.status_code, "Take it" in answer.text

        told = list(zip(looks, pool.map(looked, looks), strict=True))
    assert dict(told) == {
        (Role.CLINICIAN, "WARD1"): (200, True), (Role.AUDITOR, "WARD1"): (200, False),
        (Role.ENGINEER, "WARD1"): (403, False), (Role.CLINICIAN, "NONE"): (404, False),
    }  # fmt: skip
    assert len(set(told)) == 4


def test_scripts_and_styles_are_small_and_from_here(api: Api) -> None:
    served = {path.name: api.client.get(f"/assets/{path.name}") for path in ASSETS.iterdir()}
    assert {answer.status_code for answer in served.values()} == {200}
    assert sum(len(answer.content) for answer in served.values()) < 60_000
    assert not any(re.search(rb"https?://(?!www\.w3\.org)", answer.content) for answer in served.values())


def test_a_board_of_a_hundred_patients_weighs_no_more_than_a_hundred_kilobytes(api: Api, joy: Visitor) -> None:
    done(
        api.put("/v1/wards/WARD1/capacity", {"funded": PATIENTS, "staffed": PATIENTS, "from": api.ward.now.isoformat()})
    )
    patients = [api.ward.patient, *(api.ward.admit() for _ in range(PATIENTS - 1))]
    for place, patient in enumerate(patients):
        newest = WELL if place % SICK_ONE_IN else SICK
        sets = [
            (newest if hours == 2 else WELL)
            | {"id": f"{hours} h", "taken_at": (utc_now() - timedelta(hours=hours)).isoformat()}
            for hours in (2, 8, 14, 20)
        ]
        assert api.post("/v1/readings", sets, token=api.device(patient)).status_code == 202
    drain(api)
    page = joy.asks("GET", "/wards/WARD1").text
    assert page.count("<th scope=row>") == PATIENTS
    assert page.count("Take it</button>") == PATIENTS / SICK_ONE_IN
    loads = re.findall(r'(?:src|href)="/assets/([^"]+)"', page)
    assert {"style.css", "live.js", "idle.js"} <= set(loads)
    weight = len(page.encode()) + sum((ASSETS / name).stat().st_size for name in loads)
    assert weight <= WEIGHT_MAX, f"{weight:,} bytes"


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
