"""Somebody is worried: always an alert, always an answer."""

from datetime import timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import done, elsewhere, faults, has_alert, made, refused, register
from tests.ward import WELL
from tests.workers.records import rows

MILD = WELL | {"respiratory_rate": 21, "pulse": 95}  # NEWS2 3


def concern(api: Api, **changed: Any) -> dict[str, Any]:
    """What a patient's device sends."""
    return {"id": "c1", "at": api.now(), "from": "carer", "text": "Mum is not herself", **changed}


def test_a_carers_worry_is_a_red_alert_in_their_own_words_and_says_who_was_told(api: Api) -> None:
    api.ward.reaches(Role.CLINICIAN)
    answer = made(api.post("/v1/concerns", concern(api, callback="01603 1"), token=api.device()))
    assert (answer["severity"], answer["told"]) == (
        "red", [{"tell": "clinician", "people": 1, "reached": True, "reason": "on duty"}],
    )  # fmt: skip
    assert "111" in answer["advice"]
    alert = done(api.get(f"/v1/alerts/{answer['alert']}"))
    assert (alert["kind"], alert["severity"], alert["state"]) == ("concern", "red", "open")
    assert alert["reasons"][0]["text"] == "the carer is worried: Mum is not herself; call back 01603 1"
    kinds = [row.kind for row in rows(api.ward.engine, "SELECT kind FROM event ORDER BY id")]
    assert kinds == ["alert", "escalation"]  # who watches hears of the alert before of its ladder


@pytest.mark.parametrize("changed", [{"urgent": True}, {"text": "She has CHEST PAIN"}])
def test_urgent_or_in_words_of_danger_it_is_critical_and_says_999(api: Api, changed: dict[str, Any]) -> None:
    answer = made(api.post("/v1/concerns", concern(api, **changed), token=api.device()))
    assert answer["severity"] == "critical"
    assert answer["advice"].startswith("Call 999 now")


def test_nobody_who_can_be_told_is_said_to_the_one_who_is_worried(api: Api) -> None:
    answer = made(api.post("/v1/concerns", concern(api), token=api.device()))
    assert [(step["tell"], step["reached"]) for step in answer["told"]] == [
        ("clinician", False), ("ucr", False), ("fallback", False),
    ]  # fmt: skip


def test_sent_again_it_is_answered_again_and_changes_nothing(api: Api) -> None:
    body, token = concern(api), api.device()
    first = made(api.post("/v1/concerns", body, token=token))
    version = done(api.get(f"/v1/alerts/{first['alert']}"))["version"]
    assert made(api.post("/v1/concerns", body, token=token)) == first
    assert done(api.get(f"/v1/alerts/{first['alert']}"))["version"] == version
    assert refused(api.post("/v1/concerns", body | {"text": "else"}, token=token), 409)["current"]["id"] == "c1"


def test_another_worry_opens_an_answered_concern_again_and_ends_a_snooze(api: Api) -> None:
    api.ward.plans(readings_per_day=0)
    amber = has_alert(api, **MILD)
    until = (utc_now() + timedelta(hours=1)).isoformat()
    done(api.post(f"/v1/alerts/{amber['id']}/snooze", {"until": until, "reason": "asleep"}, Role.CLINICIAN))
    first = made(api.post("/v1/concerns", concern(api), token=api.device()))
    done(api.post(f"/v1/alerts/{first['alert']}/acknowledge", role=Role.CLINICIAN))
    second = made(api.post("/v1/concerns", concern(api, id="c2"), token=api.device()))
    assert second["alert"] == first["alert"]
    assert {done(api.get(f"/v1/alerts/{one}"))["state"] for one in (first["alert"], amber["id"])} == {"open"}


def test_staff_say_whom_it_is_about_and_only_of_their_wards(api: Api) -> None:
    patient, stranger = elsewhere(api)
    body = concern(api, **{"from": "staff"})
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.UCR, Role.COORDINATOR):
        made(api.post("/v1/concerns", body | {"patient": patient, "id": str(role)}, role))
    assert api.post("/v1/concerns", body | {"patient": patient}, Role.ENGINEER).status_code == 403
    assert api.post("/v1/concerns", body | {"patient": patient}, token=stranger).status_code == 404
    assert faults(api.post("/v1/concerns", body, Role.CLINICIAN)) == ["patient"]
    assert faults(api.post("/v1/concerns", body | {"patient": register(api)}, Role.CLINICIAN)) == ["patient"]


def test_what_can_be_no_concern_is_refused_by_its_field_with_whom_to_call(api: Api) -> None:
    ahead, before = (utc_now() + timedelta(hours=1)).isoformat(), "2026-03-01T08:00:00+00:00"
    token = api.device()
    assert faults(api.post("/v1/concerns", concern(api, at=ahead), token=token)) == ["at"]
    assert faults(api.post("/v1/concerns", concern(api, text=" "), token=token)) == ["text"]
    assert faults(api.post("/v1/concerns", concern(api, **{"from": "cat"}), token=token)) == ["from"]
    nobodys = refused(api.post("/v1/concerns", concern(api, at=before), token=token), 422)
    assert nobodys["errors"] == [
        {"field": "patient", "reason": "is not whose this device was then; if it cannot wait, call 111, or 999 in an "
         "emergency"},
    ]  # fmt: skip


def test_after_discharge_the_last_ward_hears_of_it(api: Api) -> None:
    api.ward.now = utc_now()
    api.ward.discharges()
    answer = made(
        api.post("/v1/concerns", concern(api, **{"from": "staff", "patient": str(api.ward.patient.id)}), Role.SUPPORT)
    )
    assert done(api.get(f"/v1/alerts/{answer['alert']}"))["ward"] == "WARD1"
