"""Admission over HTTP: a free bed, a plan, the kit, and from then on the patient is watched."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from monitoring.access.roles import Role
from monitoring.clock import WARD_TIME, utc_now
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import (
    PLAN,
    add_device,
    admit,
    done,
    drain,
    employ,
    faults,
    made,
    open_ward,
    posts,
    refused,
    register,
)


def post(api: Api, patient: str, ward: str = "WARD1", role: Role = Role.COORDINATOR, **changed: Any) -> Answer:
    """An admission."""
    token = changed.pop("token", None)
    body = {"patient": patient, "ward": ward, "step": "up"} | changed
    return api.post("/v1/episodes", body, role, token=token)


def ago(**time: float) -> datetime:
    """An instant before now."""
    return utc_now() - timedelta(**time)


def test_an_admission_says_everything_that_holds_from_then_on(api: Api) -> None:
    patient, device = register(api), add_device(api)["id"]
    at, entered_at = ago(hours=1), utc_now()
    answer = post(api, patient, step="down", devices=[device], at=at.isoformat())
    stay = made(answer)
    assert (stay["state"], stay["patient"], stay["ward"], stay["step"]) == ("admitted", patient, "WARD1", "down")
    assert datetime.fromisoformat(stay["at"]) == datetime.fromisoformat(stay["admitted_at"]) == at
    late_by = datetime.fromisoformat(stay["due_at"]) - entered_at - timedelta(hours=4)
    assert timedelta() <= late_by < timedelta(minutes=1)
    assert (stay["devices"], stay["discharged_at"]) == ([device], None)
    assert datetime.fromisoformat(stay["plan"]["from"]) == at
    assert stay["plan"] == done(api.get(f"/v1/patients/{patient}/plan"))
    assert answer.headers["location"] == f"/v1/episodes/{stay['id']}"
    assert done(api.get(answer.headers["location"], Role.SUPPORT)) == stay


def test_the_kit_is_the_patients_from_the_instant_of_admission(api: Api) -> None:
    patient, device = register(api), add_device(api)
    at = ago(hours=2)
    admit(api, patient, devices=[device["id"]], at=at.isoformat())
    assert datetime.fromisoformat(done(api.get(f"/v1/devices/{device['id']}"))["from"]) == at
    posts(api, device["token"], taken_at=ago(hours=1).isoformat(), pulse=70)
    posts(api, device["token"], taken_at=ago(hours=3).isoformat(), pulse=71)
    drain(api)
    assert len(done(api.get(f"/v1/patients/{patient}/readings"))["items"]) == 1


def test_a_device_that_somebody_has_is_refused_and_nobody_is_admitted(api: Api) -> None:
    patient, device = register(api), str(api.ward.patient.device_id)
    problem = refused(post(api, patient, devices=[device]), 409)
    assert problem["current"]["device"] == device
    assert done(api.get(f"/v1/patients/{patient}"))["ward"] is None


def test_a_device_named_twice_is_one(api: Api) -> None:
    device = add_device(api)["id"]
    assert admit(api, register(api), devices=[device, device])["devices"] == [device]


def test_the_last_bed_goes_to_one_of_many_who_ask_at_once(api: Api) -> None:
    open_ward(api, "SMALL", staffed=2)
    admit(api, register(api), "SMALL")
    patients = [register(api) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda patient: post(api, patient, "SMALL"), patients))
    assert sorted(answer.status_code for answer in answers) == [201] + 11 * [409]
    full = next(answer for answer in answers if answer.status_code == 409)
    assert refused(full, 409)["current"] == {
        "ward": "SMALL",
        "occupied": 2,
        "reserved": 0,
        "staffed": 2,
    }


def test_a_patient_comes_to_one_of_two_wards_that_admit_them_at_once(api: Api) -> None:
    open_ward(api, "OTHER")
    for _ in range(4):
        patient = register(api)
        with ThreadPoolExecutor(4) as pool:
            wards = ["WARD1", "OTHER", "WARD1", "OTHER"]
            answers = list(pool.map(lambda ward, whom=patient: post(api, whom, ward), wards))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


def test_admissions_with_the_same_kit_in_another_order_do_not_fall_over_each_other(api: Api) -> None:
    kit = [add_device(api, shared=True, serial=f"S-{n}")["id"] for n in range(4)]
    patients = [register(api) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        orders = [kit if n % 2 else kit[::-1] for n in range(8)]
        answers = list(pool.map(lambda who, devices: post(api, who, devices=devices), patients, orders))
    assert [answer.status_code for answer in answers] == 8 * [201]


def test_a_patient_who_is_in_a_bed_already_is_refused_with_where(api: Api) -> None:
    patient = register(api)
    stay = admit(api, patient)
    problem = refused(post(api, patient), 409)
    assert problem["current"] == {"episode": stay["id"], "ward": "WARD1", "admitted_at": stay["admitted_at"]}


def test_where_a_patient_is_stays_unsaid_to_who_does_not_work_there(api: Api) -> None:
    open_ward(api, "OTHER")
    patient = register(api)
    admit(api, patient, "OTHER")
    token = employ(api, Role.COORDINATOR, "WARD1")
    problem = refused(post(api, patient, token=token), 409)
    assert problem["current"] == {"state": "admitted"}
    assert "OTHER" not in problem["detail"]


def test_a_patient_once_on_another_ward_comes_to_this_one(api: Api) -> None:
    open_ward(api, "OTHER", **{"from": ago(days=3).isoformat()})
    patient = register(api)
    stay = admit(api, patient, "OTHER", at=ago(days=2.5).isoformat())["id"]
    left = ago(days=1)
    done(api.post(f"/v1/episodes/{stay}/discharge", {"outcome": "home", "decided_by": "Dr No", "at": left.isoformat()}))
    token = employ(api, Role.COORDINATOR, "WARD1")
    problem = refused(post(api, patient, at=ago(days=2).isoformat()), 409)
    assert datetime.fromisoformat(problem["current"]["discharged_at"]) == left
    made(post(api, patient, token=token, at=left.isoformat()))


def test_a_coordinator_admits_with_the_pathways_plan_and_a_clinician_with_another(api: Api) -> None:
    patient = register(api)
    own = {"spo2_scale": 1, "readings_per_day": 4, "limits": {}, "expects": [], "home_oxygen_l_min": 0}
    departing: list[dict[str, Any]] = [
        {"spo2_scale": 2},
        {"readings_per_day": 2},
        {"times": ["09:00", "12:00", "16:00", "20:00"]},
        {"limits": {"spo2": {"red_low": 88}}},
        {"home_oxygen_l_min": 2},
        {"monitoring": "comfort"},
        {"usual_consciousness": "C"},
        {"escalation": {"hospital": "no"}},
    ]
    for plan in departing:
        refused(post(api, patient, plan=plan), 403)
    assert made(post(api, register(api), plan=own))["plan"]["spo2_scale"] == 1
    for plan in departing:
        answer = post(api, patient, role=Role.CLINICIAN, plan=plan)
        assert faults(answer) == ["plan.reason", "plan.review_on"], plan
    said = {"reason": "type 2 respiratory failure", "review_on": "2027-01-01"}
    stay = made(post(api, patient, role=Role.CLINICIAN, plan=said | {"spo2_scale": 2, "times": ["09:00", "21:00"]}))
    assert (stay["plan"]["spo2_scale"], stay["plan"]["readings_per_day"]) == (2, 2)
    assert {name: stay["plan"][name] for name in said} == said


def test_the_plan_of_an_admission_holds_from_the_admission(api: Api) -> None:
    patient, at = register(api), ago(hours=1)
    for begins in (ago(hours=2), ago(minutes=1)):
        answer = post(api, patient, at=at.isoformat(), plan={"from": begins.isoformat()})
        assert faults(answer) == ["plan.from"]
    assert faults(post(api, patient, plan={"from": at.isoformat()})) == ["plan.from"]
    stay = made(post(api, patient, at=at.isoformat(), plan={"from": at.astimezone(WARD_TIME).isoformat()}))
    assert datetime.fromisoformat(stay["plan"]["from"]) == at


def test_nobody_was_admitted_before_the_ward_had_beds(api: Api) -> None:
    opened = ago(hours=3)
    open_ward(api, "NEW", **{"from": opened.isoformat()})
    patient = register(api)
    problem = refused(post(api, patient, "NEW", at=ago(hours=4).isoformat()), 409)
    assert problem["current"]["ward"] == "NEW"
    assert datetime.fromisoformat(problem["current"]["from"]) == opened
    made(post(api, patient, "NEW", at=opened.isoformat()))


def test_nobody_is_admitted_to_a_ward_that_is_yet_to_open(api: Api) -> None:
    open_ward(api, "SOON", **{"from": (utc_now() + timedelta(days=1)).isoformat()})
    assert "from" in refused(post(api, register(api), "SOON"), 409)["current"]


def test_who_may_is_judged_before_what_was_sent_and_whether_a_bed_is_free(api: Api) -> None:
    open_ward(api, "FULL", staffed=0)
    for role in (Role.SUPPORT, Role.UCR, Role.ENGINEER, Role.AUDITOR):
        refused(api.post("/v1/episodes", {"no": "sense"}, role), 403)
    refused(post(api, str(uuid4()), "FULL", plan={"spo2_scale": 2}), 403)
    refused(post(api, str(uuid4()), "FULL", token=employ(api, Role.COORDINATOR, "WARD1")), 403)


def test_what_cannot_be_admitted_is_refused_by_name(api: Api) -> None:
    patient = register(api)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"patient": str(uuid4())}, "patient"),
        ({"patient": "Ann"}, "patient"),
        ({"ward": "NOWHERE"}, "ward"),
        ({"ward": "a\0"}, "ward"),
        ({"step": "sideways"}, "step"),
        ({"devices": [str(uuid4())]}, "devices"),
        ({"devices": ["H-1"]}, "devices[0]"),
        ({"at": (utc_now() + timedelta(minutes=1)).isoformat()}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"at": "2026-01-01T00:00:00"}, "at"),
        ({"plan": {"scale": 2}}, "plan.scale"),
        ({"plan": PLAN | {"times": ["08:00"]}}, "plan.times"),
        ({"plan": PLAN | {"home_oxygen_l_min": 2.125}}, "plan.home_oxygen_l_min"),
        ({"bed": 1}, "bed"),
    ]
    for changed, field in wrong:
        answer = api.post("/v1/episodes", {"patient": patient, "ward": "WARD1", "step": "up"} | changed)
        assert faults(answer) == [field], changed
    child = register(api, birth_date=ago(days=30).date().isoformat())
    assert faults(post(api, child, at=ago(days=60).isoformat())) == ["at"]


def test_a_stay_on_another_ward_is_not_there(api: Api) -> None:
    open_ward(api, "OTHER")
    stay = admit(api, register(api), "OTHER")["id"]
    refused(api.get(f"/v1/episodes/{stay}", token=employ(api, Role.CLINICIAN, "WARD1")), 404)
    refused(api.get(f"/v1/episodes/{uuid4()}"), 404)


def test_an_admission_sent_twice_under_one_key_is_one(api: Api) -> None:
    patient, key = register(api), {"Idempotency-Key": "once"}
    body = {"patient": patient, "ward": "WARD1", "step": "up"}
    first = api.post("/v1/episodes", body, headers=key)
    again = api.post("/v1/episodes", body, headers=key)
    assert made(first) == made(again)
    assert again.headers["location"] == first.headers["location"]
