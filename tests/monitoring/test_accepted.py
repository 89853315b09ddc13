"""Accepted values over HTTP: who may, what is refused, and where what holds is shown."""

from datetime import timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import LIMITS, done, elsewhere, faults, has_alert, made, refused
from tests.test_commands import run
from tests.ward import WELL, Ward
from tests.workers.records import change

LOW = WELL | {"systolic": 88}


def path(api: Api, rest: str = "") -> str:
    return f"/v1/patients/{api.ward.patient.id}/accepted-values{rest}"


def body(**changed: Any) -> dict[str, Any]:
    until = (utc_now() + timedelta(days=6)).isoformat()
    return {"vital": "systolic", "down_to": 88, "until": until, "reason": "heart failure, lives there"} | changed


@pytest.fixture
def senior(api: Api) -> str:
    """A senior clinician's token."""
    return api.ward.employ(Role.CLINICIAN, name="Dr Osei", senior=True)[1]


def accepts(api: Api, senior: str, **changed: Any) -> dict[str, Any]:
    return made(api.post(path(api), body(**changed), token=senior))


def test_a_senior_accepts_a_value_which_shows_in_plan_list_alert_and_page(api: Api, senior: str) -> None:
    answer = api.post(path(api), body(), token=senior)
    one = made(answer)
    assert answer.headers["Location"] == path(api, f"/{one['id']}")
    assert (one["vital"], one["down_to"], one["up_to"], one["state"], one["by_name"]) == (
        "systolic", 88, None, "in_force", "Dr Osei",
    )  # fmt: skip
    assert done(api.get(answer.headers["Location"], Role.SUPPORT)) == one
    assert done(api.get(path(api), Role.AUDITOR)) == {"items": [one], "next": None}
    plan = f"/v1/patients/{api.ward.patient.id}/plan"
    assert done(api.get(plan))["accepted_value"] == one
    page = api.get(f"/patients/{api.ward.patient.id}", token=senior)
    assert "down to 88, by Dr Osei until" in page.text
    alert = has_alert(api, **LOW)
    assert alert["severity"] == "amber"
    said = {reason["rule"]: reason for reason in alert["reasons"]}
    assert said["systolic_low"]["severity"] == "amber"
    assert ": accepted down to 88 by Dr Osei until" in said["systolic_low"]["text"]
    why = done(api.get(f"/v1/alerts/{alert['id']}"))["why"]
    assert (why["accepted"]["vital"], why["accepted"]["bound"]) == ("systolic", "down to 88")


def test_the_page_offers_it_to_a_senior_alone_and_its_end_to_who_decides_plans(api: Api, senior: str) -> None:
    page, offer, end = f"/patients/{api.ward.patient.id}", "Accept a value for some days", "Withdraw what is accepted"
    assert offer in api.get(page, token=senior).text
    assert offer not in api.get(page, Role.CLINICIAN).text
    accepts(api, senior)
    assert offer not in api.get(page, token=senior).text
    assert end in api.get(page, Role.CLINICIAN).text
    assert end not in api.get(page, Role.SUPPORT).text


def test_the_page_keeps_what_was_accepted_and_its_end_in_what_happened(api: Api, senior: str) -> None:
    one = accepts(api, senior)
    done(api.post(path(api, f"/{one['id']}/withdraw"), {"reason": "fell twice"}, Role.CLINICIAN))
    page = api.get(f"/patients/{api.ward.patient.id}", Role.SUPPORT).text
    told = page[page.index("Everything that happened") :]
    ended = told.index("accepted value withdrawn by The clinician: systolic down to 88; fell twice")
    assert ended < told.index("value accepted by Dr Osei: systolic down to 88; heart failure, lives there")


def test_only_a_senior_may_and_who_may_is_judged_first(api: Api, senior: str) -> None:
    assert "senior" in refused(api.post(path(api), {"vital": "x"}, Role.CLINICIAN), 403)["detail"]
    refused(api.post(path(api), body(), Role.COORDINATOR), 403)
    refused(api.post(path(api), body(senior=True), Role.CLINICIAN), 403)  # it is never a request's
    patient, outsider = elsewhere(api)
    refused(api.post(f"/v1/patients/{patient}/accepted-values", body(), token=outsider), 404)
    refused(api.get(f"/v1/patients/{patient}/accepted-values", token=outsider), 404)
    one = accepts(api, senior)
    refused(api.post(path(api, f"/{one['id']}/withdraw"), {"reason": "x"}, Role.SUPPORT), 403)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"vital": "consciousness"}, "vital"),
        ({"vital": "oxygen"}, "vital"),
        ({"reason": " "}, "reason"),
        ({"reason": None}, "reason"),
        ({"up_to": 230}, "down_to"),
        ({"down_to": None}, "down_to"),
        ({"down_to": 88.5}, "down_to"),
        ({"down_to": "88"}, "down_to"),
        ({"down_to": 91}, "down_to"),  # nothing is red there
        ({"down_to": None, "up_to": 200}, "up_to"),
        ({"vital": "diastolic", "down_to": 50}, "down_to"),
        ({"vital": "glucose", "down_to": 3.5}, "down_to"),
        ({"vital": "spo2", "down_to": 88}, "down_to"),
        ({"vital": "respiratory_rate", "down_to": 8}, "down_to"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": (utc_now() + timedelta(days=7, minutes=5)).isoformat()}, "until"),
        ({"until": "2026-03-10T12:00:00"}, "until"),
        ({"senior": True}, "senior"),
    ],
)
def test_what_cannot_be_accepted_is_named(api: Api, senior: str, changed: dict[str, Any], field: str) -> None:
    sent = {name: value for name, value in body(**changed).items() if value is not None}
    assert faults(api.post(path(api), sent, token=senior)) == [field]


@pytest.mark.parametrize(
    "changed",
    [
        {"vital": "spo2", "down_to": 89},
        {"vital": "pulse", "down_to": None, "up_to": 135},
        {"vital": "temperature", "down_to": 34.5},
        {"vital": "systolic", "down_to": None, "up_to": 225},
        {"vital": "respiratory_rate", "down_to": None, "up_to": 26},
    ],
)
def test_what_is_red_by_itself_can_be_accepted(api: Api, senior: str, changed: dict[str, Any]) -> None:
    sent = {name: value for name, value in body(**changed).items() if value is not None}
    made(api.post(path(api), sent, token=senior))


def test_limits_of_the_plan_count_and_scale_2_is_critical_further_down(api: Api, senior: str) -> None:
    api.ward.plans(spo2_scale=2, limits={"weight": {"red_high": 90}, "spo2": {"red_low": 86}})
    assert faults(api.post(path(api), body(vital="spo2", down_to=83), token=senior)) == ["down_to"]
    assert faults(api.post(path(api), body(vital="spo2", down_to=87), token=senior)) == ["down_to"]
    sent = body(vital="weight", up_to=91.25)
    del sent["down_to"]
    made(api.post(path(api), sent, token=senior))


def test_of_who_is_not_scored_only_the_plans_limits_can_be_accepted_beyond(api: Api, senior: str) -> None:
    api.ward.plans(limits=LIMITS | {"systolic": {"red_low": 95, "red_high": 300}})
    change(api.ward.engine, "UPDATE patient SET spinal_cord_injury = true")
    assert faults(api.post(path(api), body(vital="pulse", down_to=38), token=senior)) == ["down_to"]
    accepts(api, senior, down_to=92)


def test_one_at_a_time_and_withdrawn_it_is_over(api: Api, senior: str) -> None:
    one = accepts(api, senior)
    again = refused(api.post(path(api), body(vital="pulse", down_to=38), token=senior), 409)
    assert (again["current"]["id"], again["current"]["state"]) == (one["id"], "in_force")
    withdraw = path(api, f"/{one['id']}/withdraw")
    assert faults(api.post(withdraw, {}, Role.CLINICIAN)) == ["reason"]
    over = done(api.post(withdraw, {"reason": "dizzy"}, Role.CLINICIAN))
    assert (over["state"], over["withdrawn_reason"]) == ("withdrawn", "dizzy")
    assert refused(api.post(withdraw, {"reason": "dizzy"}, Role.CLINICIAN), 409)["current"]["state"] == "withdrawn"
    assert done(api.get(f"/v1/patients/{api.ward.patient.id}/plan"))["accepted_value"] is None
    two = accepts(api, senior, down_to=86)
    assert [each["id"] for each in done(api.get(path(api)))["items"]] == [two["id"], one["id"]]
    refused(api.get(path(api, "/01a21850-0000-7000-8000-000000000000")), 404)
    assert has_alert(api, **LOW)["severity"] == "amber"


def test_it_ends_by_itself_and_is_kept(api: Api, senior: str) -> None:
    api.ward.now = utc_now() - timedelta(days=8)
    api.ward.accepts(down_to=88, until=api.ward.now + timedelta(days=7))
    (one,) = done(api.get(path(api)))["items"]
    assert done(api.get(path(api, f"/{one['id']}")))["state"] == "ended"
    refused(api.post(path(api, f"/{one['id']}/withdraw"), {"reason": "x"}, Role.CLINICIAN), 409)
    assert has_alert(api, **LOW)["severity"] == "red"
    accepts(api, senior)


def test_a_repeated_request_makes_one(api: Api, senior: str) -> None:
    def post() -> Answer:
        return api.call("POST", path(api), body=sent, token=senior, headers={"Idempotency-Key": "a"})

    sent = body()
    assert made(post()) == made(post())
    assert len(done(api.get(path(api)))["items"]) == 1


def test_a_patient_is_explained_with_what_is_accepted(api: Api, senior: str, ward: Ward) -> None:
    accepts(api, senior)
    said = run("rules", "explain", str(api.ward.patient.id), settings=api.ward.settings).stdout
    assert "\n  * Systolic blood pressure accepted down to 88 by Dr Osei until" in said
