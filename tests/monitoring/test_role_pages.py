"""The pages of a UCR team, a coordinator and an engineer, the form for a plan, and who is shown the way to which."""

import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from monitoring.access import sessions
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import (
    LIMITS,
    PLAN,
    WARD,
    add_device,
    done,
    drain,
    elsewhere,
    employ,
    has_alert,
    made,
    open_ward,
    posts,
    refused,
    register,
)
from tests.monitoring.ucr_steps import TEAM
from tests.monitoring.visitor import Visitor
from tests.ward import VERY_SICK, WELL


def as_(api: Api, role: Role) -> Visitor:
    """Somebody of a role, of every ward and team."""
    return Visitor(api, api.ward.tokens[role])


def referred(api: Api, **changed: Any) -> dict[str, Any]:
    """A clinician asks the team for a visit."""
    done(api.put("/v1/ucr/teams/LE1", TEAM))
    asked = {"patient": str(api.ward.patient.id), "need": "falls", "reason": "fell, no injury"} | changed
    return made(api.post("/v1/ucr/referrals", asked, Role.CLINICIAN))


def buttons(said: str) -> list[str]:
    """What can be done with one tap."""
    return re.findall(r'data-post="/v1/ucr/referrals/[^/]+/(\w+)"', said)


def test_a_team_sees_each_referral_with_its_clock_and_the_next_step_as_one_tap(api: Api) -> None:
    one, crew = referred(api), as_(api, Role.UCR)
    said = crew.opens("/ucr")
    assert "<title>(1) UCR" in said
    assert re.search(r"1 h 59 min left|2 h left", said)
    assert "fell, no injury" in said
    assert "See the patient face to face within two hours" in said, "the handover"
    assert buttons(said) == ["accept", "decline"]
    steps = {
        "accept": ["dispatch", "arrive", "complete", "complete", "complete", "decline"],
        "dispatch": ["arrive", "complete", "complete", "complete", "decline"],
        "arrive": ["complete"] * 6,
    }
    for move, then in steps.items():
        version = re.search(r'"version": (\d+)', said)
        assert version is not None
        done(api.post(f"/v1/ucr/referrals/{one['id']}/{move}", {"version": int(version[1])}, Role.UCR))
        said = crew.opens("/ucr/part")
        assert buttons(said) == then, move
    assert "in time" in said
    done(api.post(f"/v1/ucr/referrals/{one['id']}/complete", {"outcome": "stayed_at_home"}, Role.UCR))
    said = crew.opens("/ucr")
    assert "stayed at home" in said
    assert buttons(said) == []


def test_a_team_sees_its_own_referrals_and_a_ward_can_call_one_off_and_not_answer(api: Api) -> None:
    referred(api)
    other = Visitor(api, api.ward.employ(Role.UCR, teams=["OTHER"])[1])
    assert "fell, no injury" not in other.opens("/ucr")
    assert buttons(as_(api, Role.CLINICIAN).opens("/ucr")) == ["cancel"]
    assert buttons(as_(api, Role.AUDITOR).opens("/ucr")) == []


def test_the_beds_are_counted_by_ward_and_pathway_with_who_waits_and_came(api: Api) -> None:
    open_ward(api, "FULL", name="Full ward", staffed=0, funded=0)
    waits = register(api, family_name="Waiting")
    one = made(api.post("/v1/referrals", {"patient": waits, "ward": "FULL", "source": "gp", "step": "up"}))
    refused(api.post(f"/v1/referrals/{one['id']}/accept"), 409)  # no bed is free: they wait
    comes = register(api, family_name="Today")
    made(api.post("/v1/episodes", {"patient": comes, "ward": "WARD1", "step": "down"}))
    chris = as_(api, Role.COORDINATOR)
    said = chris.opens("/beds")
    assert "All of general" in said
    assert re.search(r'WAITING, Ann</a> <span class="hint">FULL</span> <strong>routine', said)
    assert re.search(r'TODAY, Ann</a> <span class="hint">WARD1</span> step down', said)
    assert "10 %" in said, "two of twenty staffed beds"
    theirs = Visitor(api, employ(api, Role.COORDINATOR, "WARD1"))
    assert "Full ward" not in theirs.opens("/beds/part")
    for name, head in (
        ("sitrep", "level,"), ("alert-burden", "group,alerts"), ("delays", "group,reason"), ("occupancy", "at,group"),
    ):  # fmt: skip
        answer = theirs.asks("GET", f"/beds/{name}.csv")
        assert (answer.status_code, answer.text.startswith(head)) == (200, True), name
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
        assert "FULL" not in answer.text
    chris.opens("/beds/other.csv", 404)
    chart = re.search(r'<img src="(/v1/reports/occupancy[^"]*)"', said)
    assert chart is not None
    assert chris.asks("GET", chart[1], accept=AS_AN_IMAGE).headers["content-type"].startswith("image/")


def test_an_engineer_sees_what_is_silent_and_the_original_beside_what_was_understood(api: Api) -> None:
    add_device(api, serial="NOBODYS")
    posts(api, **WELL | {"battery": 9})
    drain(api)
    posts(api, **WELL | {"taken_at": (utc_now() + timedelta(hours=2)).isoformat()})
    drain(api)
    robin = as_(api, Role.ENGINEER)
    said = robin.opens("/kit")
    assert "none heard in the last 10 s" in said, "no worker runs"
    assert "NOBODYS" not in said, "a device in a cupboard is not silent"
    assert "<dt>Low battery</dt><dd>1</dd>" in said
    assert "<dt>Silent</dt><dd>0</dd>" in said
    assert re.search(r'<th scope="row">hub H-[0-9a-f-]+</th><td>WARD1</td>', said)
    found = re.search(r'href="(/set-aside/[^"]+)">Taken in the future', said)
    assert found is not None
    shown = robin.opens(found[1])
    assert '"respiratory_rate": 16' in shown
    assert "<dt>Respiratory rate</dt><dd>16</dd>" in shown
    assert 'name="taken_at" type="datetime-local" required' in shown
    assert "OTHER, Ann" not in shown, "an engineer reads no names"
    joy = as_(api, Role.CLINICIAN)
    assert "OTHER, Ann" in joy.opens(found[1])
    assert found[1] in joy.opens(f"/patients/{api.ward.patient.id}")
    done(api.post(f"/v1{found[1]}/discard", {"reason": "a wrong clock"}, Role.ENGINEER))
    shown = robin.opens(found[1])
    assert "discarded by" in shown
    assert "data-post" not in shown
    assert found[1] not in robin.opens("/kit")


AS_AN_IMAGE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"  # what browsers say for an <img>

FORM = {
    "spo2_scale": "2", "home_oxygen_l_min": "1.5", "readings_per_day": "4", "monitoring": "full", "hospital": "discuss",
    "reason": "retains CO2", "review_on": "2027-01-01", "spo2.red_low": "85", "temperature.red_high": "38.5",
}  # fmt: skip


def test_a_plan_is_looked_at_twice_and_keeps_what_the_form_does_not_show(api: Api) -> None:
    patient = api.ward.patient.id
    escalation = {"hospital": "yes", "cpr": "for CPR", "review_on": "2027-02-01"}
    before = PLAN | {"limits": LIMITS, "baselines": {"weight": 70.0}, "expects": ["spo2"], "escalation": escalation}
    held = done(api.put(f"/v1/patients/{patient}/plan", before, Role.CLINICIAN))
    joy = as_(api, Role.CLINICIAN)
    form = joy.opens(f"/patients/{patient}/plan")
    assert 'name="pulse.red_high" inputmode="decimal" value="300"' in form
    said = joy.sends(f"/patients/{patient}/plan", FORM | {"plan": held["id"]})
    assert "<td>34</td><td>the usual</td><td>changed</td>" in said, "the line of temperature that was taken out"
    assert "<td>1</td><td>2 (target 88 to 92 %)</td><td>changed</td>" in said
    assert "Somebody else changed the plan" not in said
    assert done(api.get(f"/v1/patients/{patient}/plan"))["id"] == held["id"], "nothing was decided by looking"
    body = re.search(r'data-body="({.*?})" data-then', said)
    assert body is not None
    new = done(api.put(f"/v1/patients/{patient}/plan", msgspec.json.decode(body[1]), Role.CLINICIAN))
    assert new["limits"] == {"spo2": {"red_low": 85}, "temperature": {"red_high": 38.5}}
    assert (new["baselines"], new["expects"]) == ({"weight": 70.0}, ["spo2"])
    assert new["escalation"] == {"hospital": "discuss", "review_on": "2027-02-01"}
    assert "Somebody else changed the plan" in joy.sends(f"/patients/{patient}/plan", FORM | {"plan": held["id"]})
    as_(api, Role.SUPPORT).opens(f"/patients/{patient}/plan", 403)


@pytest.mark.parametrize(
    ("typed", "field", "reason"),
    [
        ({"spo2.red_low": "990"}, "limits.spo2.red_low", "cannot be measured"),
        ({"temperature.red_high": "warm"}, "limits", "Expected"),
        ({"readings_per_day": "4", "times": "08:00"}, "times", "1 times for 4 readings"),
        ({"reason": " "}, "reason", "required"),
    ],
)
def test_a_plan_that_cannot_be_comes_back_with_what_was_typed(
    api: Api, typed: dict[str, str], field: str, reason: str
) -> None:
    said = as_(api, Role.CLINICIAN).sends(f"/patients/{api.ward.patient.id}/plan", FORM | typed, 422)
    assert "There is a problem" in said
    assert field.rpartition(".")[0].replace("limits.", "") in said
    assert reason in said
    assert 'value="1.5"' in said
    assert "data-put" not in said


def test_each_role_begins_where_it_works_and_is_shown_the_way_to_what_it_may_see(api: Api) -> None:
    homes = {Role.UCR: "/ucr", Role.COORDINATOR: "/beds", Role.ENGINEER: "/kit", Role.SUPPORT: "/wards/WARD1"}
    ways = {
        Role.UCR: ["/ucr", "/break-glass"], Role.ENGINEER: ["/kit", "/rules"],
        Role.SUPPORT: ["/wards", "/ucr", "/beds", "/rules"],
        Role.COORDINATOR: ["/wards", "/ucr", "/beds", "/rules", "/break-glass"],
        Role.ADMIN: ["/wards", "/ucr", "/beds", "/kit", "/rules", "/break-glass"],
    }  # fmt: skip
    for role, home in homes.items():
        assert as_(api, role).asks("GET", "/").headers["location"] == home
    for role, shown in ways.items():
        page = as_(api, role).opens(homes.get(role, "/beds"))
        nav = re.search(r'<nav aria-label="Pages">(.*?)</nav>', page)
        assert nav is not None
        assert re.findall(r'href="([^"]+)"', nav[1]) == shown, role
    alert = has_alert(api, **VERY_SICK)
    for path in ("/wards/WARD1", f"/alerts/{alert['id']}", f"/patients/{api.ward.patient.id}"):
        assert '<a class="ward" href="/wards/WARD1">WARD1</a>' in as_(api, Role.CLINICIAN).opens(path)


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in_and_a_touched_one_does(api: Api) -> None:
    joy = as_(api, Role.CLINICIAN)
    tokens = api.app.state.service.tokens

    def left() -> timedelta:
        tokens.refresh(utc_now())
        expires: timedelta = tokens.ask(joy.session, utc_now()).expires_at - utc_now()
        return expires

    with api.ward.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE token SET expires_at = %(at)s, changed_at = %(now)s WHERE expires_at IS NOT NULL",
            {"at": utc_now() + timedelta(minutes=5), "now": utc_now()},
        )
    left()
    for part in ("/wards/WARD1/board", "/ucr/part", "/beds/part"):
        joy.opens(part)
    assert left() < timedelta(minutes=5)
    assert joy.asks("POST", "/here").status_code == 204
    assert left() > sessions.IDLE - timedelta(minutes=1)
    assert 'data-idle-s="1800"' in joy.opens("/ucr")


@pytest.mark.parametrize(("path", "role"), [("/ucr", Role.UCR), ("/beds", Role.COORDINATOR), ("/kit", Role.ENGINEER)])
def test_each_of_them_says_that_the_workers_are_gone(api: Api, path: str, role: Role) -> None:
    said = as_(api, role).opens(path)
    assert "Part of the system is unwell" in said
    assert "none heard in the last 10 s" in said


def test_wards_of_a_pathway_are_added_up_only_where_there_are_several(api: Api) -> None:
    assert "All of general" not in as_(api, Role.COORDINATOR).opens("/beds")
    made(api.post("/v1/wards", WARD | {"code": "SECOND"}))
    assert "All of general" in as_(api, Role.COORDINATOR).opens("/beds")


def test_a_patient_of_another_ward_has_no_form_for_a_plan(api: Api) -> None:
    theirs, ours = elsewhere(api)
    Visitor(api, ours).opens(f"/patients/{theirs}/plan", 404)
