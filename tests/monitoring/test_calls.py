"""Calls to the cancer hotline: triaged, followed by what was decided, counted; never less than the fever rule."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.calls.hours import is_out_of_hours
from monitoring.calls.report import CallsBy
from monitoring.clock import local_day, utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import done, elsewhere, employ, faults, made, refused, register
from tests.monitoring.ucr_steps import TEAM
from tests.ward import Ward

PERSON: dict[str, Any] = {
    "given_name": "Cal", "family_name": "Ler", "birth_date": "1960-01-01", "phone": "0116 1", "postcode": "LE1 5WW",
}  # fmt: skip


def call(api: Api, **changed: Any) -> dict[str, Any]:
    """A carer calls about the ward's patient: one amber, no systemic therapy, and the ward shall look."""
    body = {
        "caller": "carer", "callback": "0116 1", "cancer": "breast", "last_treatment": {"kind": "surgery"},
        "answers": {"skin": "amber", "pain": "green"}, "unwell": False, "result": "ward",
        "patient": str(api.ward.patient.id),
    } | changed  # fmt: skip
    return {name: value for name, value in body.items() if value is not None}


def sact(weeks: int) -> dict[str, Any]:
    """Systemic therapy so many weeks ago."""
    return {"kind": "sact", "on": (local_day(utc_now()) - timedelta(weeks=weeks)).isoformat(), "name": "FEC"}


def test_a_call_for_the_ward_raises_a_concern_there_in_the_same_breath(api: Api) -> None:
    answer = api.post("/v1/calls", call(api, advice="paracetamol"), Role.SUPPORT)
    one = made(answer)
    assert (one["colour"], one["minimum"], one["result"], one["lowered"]) == ("amber", "ward", "ward", False)
    assert (one["ward"], one["why"]) == ("WARD1", ["skin: amber"])
    alert = done(api.get(f"/v1/alerts/{one['alert']}"))
    assert (alert["kind"], alert["severity"]) == ("concern", "red")
    assert "cancer hotline, amber: skin: amber. cancer: breast" in alert["reasons"][0]["text"]
    assert done(api.get(answer.headers["Location"])) == one


def test_less_than_the_triage_asks_needs_a_reason_and_the_fever_rule_yields_to_none(api: Api) -> None:
    assert faults(api.post("/v1/calls", call(api, result="advice"), Role.CLINICIAN)) == ["reason"]
    lowered = made(api.post("/v1/calls", call(api, result="advice", reason="an old rash"), Role.CLINICIAN))
    assert (lowered["lowered"], lowered["minimum"], lowered["alert"]) == (True, "ward", None)
    fever = {"last_treatment": sact(5), "temperature": 37.45, "answers": {"pain": "green"}, "reason": "they insist"}
    for result in ("ucr", "ward", "advice"):
        problem = refused(api.post("/v1/calls", call(api, **fever, result=result), Role.CLINICIAN), 422)
        assert [fault["field"] for fault in problem["errors"]] == ["result"]
        assert "temperature 37.5 °C" in problem["errors"][0]["reason"]
        assert "999" in problem["errors"][0]["reason"]
    assert api.get("/v1/alerts").json()["items"] == []  # what was refused did nothing
    taken = made(api.post("/v1/calls", call(api, **fever, result="acute_oncology"), Role.CLINICIAN))
    assert (taken["critical"], taken["colour"], taken["temperature"]) == (True, "red", 37.5)
    alert = done(api.get(f"/v1/alerts/{taken['alert']}"))  # the ward hears where its patient goes
    assert alert["severity"] == "critical"


def test_the_record_of_999_is_kept_with_the_call_and_with_the_wards_alert(api: Api) -> None:
    assert faults(api.post("/v1/calls", call(api, result="999"), Role.SUPPORT)) == ["emergency"]
    record = {"called_by": "the carer", "incident_number": "999-1", "with_patient": "the carer"}
    assert faults(api.post("/v1/calls", call(api, emergency=record), Role.SUPPORT)) == ["emergency"]
    one = made(api.post("/v1/calls", call(api, result="999", emergency=record), Role.SUPPORT))
    assert one["emergency"]["incident_number"] == "999-1"
    (kept,) = done(api.get(f"/v1/alerts/{one['alert']}/escalation"))["emergency_calls"]
    assert (kept["called_by"], kept["incident_number"], kept["decided_by"]) == ("the carer", "999-1", "The support")


def test_ucr_is_asked_in_the_same_transaction_also_for_somebody_who_was_not_registered(api: Api) -> None:
    done(api.put("/v1/ucr/teams/LE-UCR", TEAM))
    stranger = call(api, patient=None, person=PERSON, result="ucr")
    one = made(api.post("/v1/calls", stranger, Role.CLINICIAN))
    asked = done(api.get(f"/v1/ucr/referrals/{one['ucr_referral']['id']}"))
    assert (one["ucr_referral"]["team"], asked["state"], asked["need"]) == ("LE-UCR", "sent", "cancer: breast")
    assert (asked["patient"], asked["ward"], one["person"]) == (one["patient"], None, None)
    assert asked["reviewed_by"] is not None
    assert done(api.get(f"/v1/patients/{one['patient']}"))["phones"] == ["0116 1"]
    again = call(api, patient=one["patient"], result="ucr")
    assert refused(api.post("/v1/calls", again, Role.CLINICIAN), 409)["current"]["id"] == asked["id"]
    assert len(api.get("/v1/calls").json()["items"]) == 1
    by_support = made(api.post("/v1/calls", again | {"cancer": "lung"}, Role.SUPPORT))
    assert done(api.get(f"/v1/ucr/referrals/{by_support['ucr_referral']['id']}"))["reviewed_by"] is None
    nowhere = PERSON | {"postcode": None}
    nowhere.pop("postcode")
    assert faults(api.post("/v1/calls", stranger | {"person": nowhere})) == ["person.postcode"]
    assert faults(api.post("/v1/calls", stranger | {"person": PERSON | {"birth_date": "2020-01-01"}})) == ["patient"]


def test_whom_it_is_about_is_said_once_and_what_contradicts_is_refused(api: Api) -> None:
    assert faults(api.post("/v1/calls", call(api, person=PERSON))) == ["patient"]
    assert faults(api.post("/v1/calls", call(api, patient=None))) == ["patient"]
    assert faults(api.post("/v1/calls", call(api, patient=None, person=PERSON))) == ["result"]
    assert faults(api.post("/v1/calls", call(api, patient=register(api)))) == ["patient"]  # was never on a ward
    known = register(api, nhs_number="9434765919", no_nhs_number_reason=None)
    stranger = call(api, patient=None, person=PERSON | {"nhs_number": "943 476 5919"}, result="acute_oncology")
    assert refused(api.post("/v1/calls", stranger), 409)["current"] == {"patient": known}
    later = (utc_now() + timedelta(hours=1)).isoformat()
    assert faults(api.post("/v1/calls", call(api, at=later))) == ["at"]
    assert faults(api.post("/v1/calls", call(api, answers={}))) == ["answers"]
    assert faults(api.post("/v1/calls", call(api, answers={"toe": "red"}))) == ["answers.toe"]
    assert faults(api.post("/v1/calls", call(api, last_treatment={"kind": "sact", "on": "2099-01-01"}))) == [
        "last_treatment.on"
    ]


def test_calls_are_seen_by_their_ward_and_those_of_nobodys_by_all(api: Api) -> None:
    patient, stranger = elsewhere(api)  # on OTHER; works on WARD1
    theirs = made(api.post("/v1/calls", call(api, patient=patient), Role.COORDINATOR))
    nobodys = made(api.post("/v1/calls", call(api, patient=None, person=PERSON, result="acute_oncology")))
    items = done(api.get("/v1/calls", token=stranger))["items"]
    assert [one["id"] for one in items] == [nobodys["id"]]
    assert items[0]["person"]["family_name"] == "Ler"
    refused(api.get(f"/v1/calls/{theirs['id']}", token=stranger), 404)
    refused(api.get("/v1/calls?ward=OTHER", token=stranger), 403)
    for query in ("result=ward", "ward=OTHER", f"patient={patient}"):
        assert [one["id"] for one in done(api.get(f"/v1/calls?{query}"))["items"]] == [theirs["id"]]
    refused(api.post("/v1/calls", call(api), Role.UCR), 403)
    refused(api.get("/v1/calls", Role.ENGINEER), 403)


@pytest.mark.parametrize(
    ("at", "out"),
    [
        ("2026-03-10T08:00:00+00:00", False), ("2026-03-10T07:59:59+00:00", True), ("2026-03-10T18:30:00+00:00", True),
        ("2026-03-14T12:00:00+00:00", True), ("2026-04-03T12:00:00+01:00", True), ("2026-06-10T07:00:00+00:00", False),
    ],
)  # fmt: skip
def test_out_of_hours_is_when_practices_are_closed_in_london(at: str, out: bool) -> None:
    assert is_out_of_hours(datetime.fromisoformat(at)) is out


def test_the_report_counts_by_result_and_colour_with_minutes_and_the_share_out_of_hours(api: Api) -> None:
    at_noon = {"at": "2026-03-10T12:00:00Z", "ended_at": "2026-03-10T12:08:00Z"}
    at_night = {"at": "2026-03-10T23:00:00Z", "ended_at": "2026-03-10T23:20:00Z"}
    stranger = {"patient": None, "person": PERSON}
    red = {"answers": {"diarrhoea": "red"}, "result": "acute_oncology"}
    made(api.post("/v1/calls", call(api, **stranger, **red, **at_night)))
    made(api.post("/v1/calls", call(api, **stranger, **red, **at_noon)))
    made(api.post("/v1/calls", call(api, **stranger, at="2026-03-10T12:00:00Z", result="advice", reason="seen today")))
    made(api.post("/v1/calls", call(api, **stranger, answers={"pain": "green"}, result="advice")))  # today: outside
    span = {"from": "2026-03-10", "to": "2026-03-11"}
    report = done(api.get("/v1/reports/cancer-calls", Role.COORDINATOR, params=span))
    total = report["total"]
    assert {name: total[name] for name in ("calls", "acute_oncology", "advice", "999", "red", "amber", "green")} == {
        "calls": 3, "acute_oncology": 2, "advice": 1, "999": 0, "red": 2, "amber": 1, "green": 0,
    }  # fmt: skip
    assert (total["lowered"], total["out_of_hours"], total["out_of_hours_share"]) == (1, 1, 1 / 3)
    assert (total["timed"], total["minutes_median"], total["minutes_p90"]) == (2, 14.0, 18.8)
    assert [(row["group"], row["calls"]) for row in report["groups"]] == [("acute_oncology", 2), ("advice", 1)]
    assert "out_of_hours" in report["method"]
    by_colour = done(api.get("/v1/reports/cancer-calls", params=span | {"by": "colour"}))["groups"]
    assert [(row["group"], row["calls"]) for row in by_colour] == [("amber", 1), ("red", 2)]
    csv = api.get("/v1/reports/cancer-calls", params=span, headers={"Accept": "text/csv"}).text.splitlines()
    assert csv[0].startswith("group,calls,999,acute_oncology,ucr,ward,advice,red,amber,green")
    assert [line.split(",")[:2] for line in csv[1:]] == [["all", "3"], ["acute_oncology", "2"], ["advice", "1"]]
    for by in CallsBy:
        groups = done(api.get("/v1/reports/cancer-calls", params=span | {"by": str(by)}))["groups"]
        assert sum(row["calls"] for row in groups) == (0 if by is CallsBy.ALL else 3)
    nothing = done(api.get("/v1/reports/cancer-calls", params={"from": "2025-01-01", "to": "2025-01-02"}))
    assert (nothing["total"]["calls"], nothing["groups"]) == (0, [])


def test_a_repeated_call_with_its_key_is_taken_once(ward: Ward, api: Api) -> None:
    keyed = {"headers": {"Idempotency-Key": "k"}}
    first = made(api.post("/v1/calls", call(api), Role.CLINICIAN, **keyed))
    assert made(api.post("/v1/calls", call(api), Role.CLINICIAN, **keyed)) == first
    assert len(api.get("/v1/calls", token=employ(api, Role.CLINICIAN, "WARD1")).json()["items"]) == 1
