"""Ladders, ways out, and an alert's own ladder, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.escalation.following import NO_HOSPITAL_NOW
from tests.monitoring.api import Api
from tests.monitoring.steps import PLAN, done, elsewhere, employ, faults, has_alert, made, refused
from tests.ward import SICK, VERY_SICK, WELL
from workers.ladders import fire_due

LADDERS = "/v1/wards/WARD1/ladders"
ROUTES = "/v1/wards/WARD1/routes"
HOOK = "https://call-centre.example/hook"
LAST = {"tell": "fallback", "by": ["webhook"], "to": HOOK, "wait_s": 600}
RED = [{"tell": "clinician", "by": ["webhook"], "wait_s": 900}, {"tell": "ucr", "wait_s": 600}, LAST]
MILD = WELL | {"respiratory_rate": 21, "pulse": 95}  # NEWS2 3


def fires(api: Api) -> None:
    """The timekeeper takes what is due now."""
    fire_due(api.ward.engine, api.ward.settings, utc_now())


def escalation(api: Api, alert: dict[str, Any]) -> dict[str, Any]:
    """How an alert stands on its ladder."""
    return done(api.get(f"/v1/alerts/{alert['id']}/escalation"))


def test_a_ward_has_its_pathways_ladders_until_it_decides_its_own(api: Api) -> None:
    before = done(api.get(LADDERS))
    assert before["own"] == []
    assert [step["tell"] for step in before["ladders"]["red"]] == ["clinician", "ucr", "fallback"]
    done(api.put(LADDERS, {"red": [RED[0], LAST]}, Role.COORDINATOR))
    after = done(api.get(LADDERS))
    assert after["own"] == ["red"]
    assert [step["tell"] for step in after["ladders"]["red"]] == ["clinician", "fallback"]
    assert after["ladders"]["critical"] == before["ladders"]["critical"]


def test_a_ladder_without_anybody_who_is_always_there_is_refused_by_its_place(api: Api) -> None:
    assert faults(api.put(LADDERS, {"red": RED[:2]})) == ["red[1].tell"]
    assert faults(api.put(LADDERS, {"red": [*RED[:2], {**LAST, "to": None}]})) == ["red[2].to"]
    for to in ("http://127.0.0.1/x", "https://10.0.0.1/x", "call-centre"):
        assert faults(api.put(LADDERS, {"red": [*RED[:2], {**LAST, "to": to}]})) == ["red[2].to"]
    assert faults(api.put(LADDERS, {"red": [{**LAST, "secret": "whsec_short"}]})) == ["red[0].secret"]
    assert done(api.get(LADDERS))["own"] == []


def test_nobody_is_told_where_nobody_can_be(api: Api) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"to": "the call centre"}, "to"), ({"to": "https://10.0.0.1/hook"}, "to"), ({"secret": "hush"}, "secret"),
        ({"by": ["webhook", "sms"]}, "to"), ({"by": [], "to": "01603"}, "to"), ({"when": []}, "when"),
    ]  # fmt: skip
    for changed, field in wrong:
        assert faults(api.put(LADDERS, {"amber": [LAST | changed]})) == [f"amber[0].{field}"], changed
        if field == "to" and "by" not in changed:
            assert faults(api.put(ROUTES, {"sdec": {"number": "1", **changed}})) == ["sdec.to"], changed
    kept = done(api.put(LADDERS, {"amber": [LAST | {"by": ["sms"], "to": "07700 900 123"}]}))["ladders"]["amber"]
    assert kept[0]["to"] == "07700900123"


def test_the_secret_of_a_fallbacks_webhook_is_shown_once(api: Api) -> None:
    shown = done(api.put(LADDERS, {"red": RED}, headers={"Idempotency-Key": "k"}))["ladders"]["red"][-1]
    assert shown["secret"].startswith("whsec_")
    again = api.put(LADDERS, {"red": RED}, headers={"Idempotency-Key": "k"})
    assert shown["secret"] not in again.text
    assert shown["secret"] not in api.get(LADDERS).text
    assert "secret" not in done(api.put(LADDERS, {"red": RED}))["ladders"]["red"][-1]


def test_only_coordinators_decide_who_is_told_and_only_of_their_wards(api: Api) -> None:
    for role in Role:
        expected = 200 if role in {Role.COORDINATOR, Role.ADMIN} else 403
        assert api.put(LADDERS, {"red": RED}, role).status_code == expected, role
    assert api.put(LADDERS, {"red": RED}, token=employ(api, Role.COORDINATOR, "OTHER")).status_code == 403
    assert api.get("/v1/wards/NONE/ladders").status_code == 404


def test_an_alert_shows_its_ladder_who_was_told_and_what_comes_next(api: Api) -> None:
    api.ward.reaches(Role.CLINICIAN)
    done(api.put(LADDERS, {"red": RED}))
    alert = has_alert(api, **SICK)
    assert escalation(api, alert)["steps"] == []
    fires(api)
    shown = escalation(api, alert)
    assert [step["tell"] for step in shown["ladder"]] == ["clinician", "ucr", "fallback"]
    (step,) = shown["steps"]
    assert (step["step"], step["tell"], step["taken"], step["people"]) == (1, "clinician", "told", 1)
    (message,) = shown["messages"]
    assert (message["by"], message["name"], message["state"]) == ("webhook", "The clinician", "pending")
    assert shown["next_step"] == 2
    due_in = datetime.fromisoformat(shown["due_at"]) - utc_now()
    assert timedelta(seconds=890) < due_in <= timedelta(seconds=900)
    history = [entry["what"] for entry in done(api.get(f"/v1/alerts/{alert['id']}"))["history"]]
    assert history == ["raised", "told clinician (The clinician)"]


def test_an_alert_shows_the_treatment_escalation_plan_and_climbs_by_it_as_soon_as_it_is_decided(api: Api) -> None:
    alert = has_alert(api, **SICK)
    assert done(api.get(f"/v1/alerts/{alert['id']}"))["escalation_plan"] is None
    fires(api)
    before = escalation(api, alert)
    said = {"hospital": "no", "cpr": "not for resuscitation", "preferred_place": "home"}
    done(api.put(f"/v1/patients/{api.ward.patient.id}/plan", PLAN | {"escalation": said}, Role.CLINICIAN))
    shown = done(api.get(f"/v1/alerts/{alert['id']}"))
    assert shown["escalation_plan"] == said
    assert shown["history"][-1]["what"] == NO_HOSPITAL_NOW
    after = escalation(api, alert)
    assert after["ladder"] != before["ladder"]
    assert (after["version"], after["due_at"]) != (before["version"], None)
    assert after["due_at"] == before["due_at"]
    taken = done(api.post(f"/v1/alerts/{alert['id']}/acknowledge", {}, Role.CLINICIAN))
    assert taken["escalation_plan"] == said
    with api.ward.engine.begin() as connection:
        events = connection.exec_driver_sql("SELECT data FROM event WHERE kind = 'alert' ORDER BY id").scalars().all()
    assert [one["alert"]["escalation_plan"] for one in events] == [None, said, said]


def test_no_message_says_who_it_is_about(api: Api) -> None:
    api.ward.reaches(Role.CLINICIAN)
    alert = has_alert(api, **VERY_SICK)
    fires(api)
    (message,) = api.ward.messages(api.ward.alert())
    assert message.body["type"] == "escalation.step"
    assert message.body["data"]["alert"] == alert["id"]
    assert message.body["data"]["first"] == "999"
    for told in ("Ann", "Other", str(api.ward.patient.id), "SpO2", "news2"):
        assert told not in str(message.body)


def test_critical_names_999_on_the_live_event_too(api: Api) -> None:
    api.ward.reaches(Role.CLINICIAN)
    has_alert(api, **VERY_SICK)
    fires(api)
    with api.ward.engine.begin() as connection:
        told = connection.exec_driver_sql("SELECT data FROM event WHERE kind = 'escalation'").scalars().all()
    assert [(one["escalation"]["tell"], one["escalation"]["first"]) for one in told] == [("clinician", "999")]


def test_999_is_shown_for_a_critical_alert_of_somebody_who_is_not_to_go_to_hospital_too(api: Api) -> None:
    plan = f"/v1/patients/{api.ward.patient.id}/plan"
    done(api.put(plan, PLAN | {"escalation": {"hospital": "no"}}, Role.CLINICIAN))
    api.ward.reaches(Role.CLINICIAN)
    has_alert(api, **VERY_SICK)
    fires(api)
    with api.ward.engine.begin() as connection:
        told = connection.exec_driver_sql("SELECT data FROM event WHERE kind = 'escalation'").scalars().all()
    assert {one["escalation"]["first"] for one in told} == {"999"}
    ways_out = done(api.get("/v1/wards/WARD1/routes"))
    assert "999" in str(ways_out)


def test_a_ward_says_its_ways_out_and_999_is_always_one(api: Api) -> None:
    assert done(api.get(ROUTES))["routes"] == {"999": {"number": "999"}}
    ways = {
        "palliative": {"number": "0300 123", "to": HOOK},
        "gp_ooh": {"number": "111", "hours": {"mon": ["18:00", "08:00"]}},
    }
    assert done(api.put(ROUTES, ways, Role.COORDINATOR))["routes"] == {"999": {"number": "999"}, **ways}
    assert faults(api.put(ROUTES, {"taxi": {"number": "1"}})) != []
    assert faults(api.put(ROUTES, {"sdec": {}})) != []


@pytest.mark.parametrize(
    ("to", "told"),
    [("coordinator", "coordinator"), ("palliative", "route:palliative")],
)
def test_an_alert_is_sent_on_by_hand(api: Api, to: str, told: str) -> None:
    api.ward.reaches(Role.COORDINATOR)
    done(api.put(ROUTES, {"palliative": {"number": "0300 123", "to": HOOK}}))
    alert = has_alert(api, **SICK)
    body = {"to": to, "reason": "family asks"}
    shown = done(api.post(f"/v1/alerts/{alert['id']}/escalate", body, Role.CLINICIAN))
    assert [entry["what"] for entry in shown["history"]][-1] == f"escalated to {to}"
    (step,) = escalation(api, alert)["steps"]
    assert (step["step"], step["tell"], step["reason"]) == (None, told, "family asks")
    (message,) = api.ward.messages(api.ward.alert())
    assert message.body["data"]["step"] is None
    assert done(api.post(f"/v1/alerts/{alert['id']}/escalate", body, Role.CLINICIAN))["state"] == "open"


def test_sending_on_to_nobody_says_so(api: Api) -> None:
    alert = has_alert(api, **SICK)
    path = f"/v1/alerts/{alert['id']}/escalate"
    nobody = refused(api.post(path, {"to": "clinician", "reason": "x"}, Role.CLINICIAN), 409)
    assert nobody["detail"] == "Nobody was told: 1 on duty, none with a way to be told."
    assert nobody["current"]["id"] == alert["id"]
    assert faults(api.post(path, {"to": "the cat", "reason": "x"}, Role.CLINICIAN)) == ["to"]
    assert faults(api.post(path, {"to": "next"}, Role.CLINICIAN)) == ["reason"]
    assert api.post(path, {"to": "next", "reason": "x"}, token=elsewhere(api)[1]).status_code == 200
    assert refused(api.post(path, {"to": "next", "reason": "x", "version": 1}, Role.CLINICIAN), 409)["current"]


def test_a_999_call_is_recorded_with_who_decided_and_answers_nothing(api: Api) -> None:
    alert = has_alert(api, **VERY_SICK)
    path = f"/v1/alerts/{alert['id']}/emergency-calls"
    call = {"called_by": "the daughter", "incident_number": "EEAST-1", "with_patient": "daughter", "conveyed": True,
            "destination": "NNUH"}  # fmt: skip
    shown = made(api.post(path, call, Role.CLINICIAN))
    assert (shown["decided_by"], shown["called"], shown["conveyed"]) == ("The clinician", True, True)
    made(api.post(path, {"called": False, "decided_by": "Dr No", "note": "by the plan"}, Role.ADMIN))
    assert [one["incident_number"] for one in escalation(api, alert)["emergency_calls"]] == ["EEAST-1", None]
    found = done(api.get(f"/v1/alerts/{alert['id']}"))
    assert found["state"] == "open"
    assert [entry["what"] for entry in found["history"]][-2:] == [
        "999 called, decided by The clinician", "999 not called, decided by Dr No",
    ]  # fmt: skip
    ahead = (utc_now() + timedelta(hours=1)).isoformat()
    assert faults(api.post(path, call | {"at": ahead}, Role.CLINICIAN)) == ["at"]


def test_an_amber_can_be_put_off_for_a_while_and_nothing_worse_can(api: Api) -> None:
    api.ward.plans(readings_per_day=0)
    alert = has_alert(api, **MILD)
    path = f"/v1/alerts/{alert['id']}/snooze"
    soon, late = (utc_now() + timedelta(hours=hours) for hours in (1, 5))
    assert faults(api.post(path, {"until": late.isoformat(), "reason": "asleep"}, Role.CLINICIAN)) == ["until"]
    assert faults(api.post(path, {"until": soon.isoformat()}, Role.CLINICIAN)) == ["reason"]
    shown = done(api.post(path, {"until": soon.isoformat(), "reason": "asleep"}, Role.CLINICIAN))
    assert (shown["state"], datetime.fromisoformat(shown["due_at"])) == ("snoozed", soon.astimezone(UTC))
    assert has_alert(api, **VERY_SICK)["state"] == "open"
    worse = refused(api.post(path, {"until": soon.isoformat(), "reason": "asleep"}, Role.CLINICIAN), 409)
    assert worse["detail"] == "the alert is critical: only an amber can be snoozed"
