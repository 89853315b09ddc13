"""A patient's chart over HTTP: readings as they were posted, and what each set scores now."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from alert_rules.news2 import Scale, score
from alert_rules.vitals import PARAMETERS, Consciousness, Vitals
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.database import AnyRow, transaction
from monitoring.patients.views import score_view
from tests.monitoring.api import Api
from tests.monitoring.steps import PLAN, admit, done, drain, employ, faults, posts, refused, register
from tests.ward import VERY_SICK, WELL

SENT: dict[str, Any] = {
    "respiratory_rate": 18, "spo2": 96, "oxygen_flow": 2.25, "systolic": 128, "diastolic": 74, "pulse": 88,
    "consciousness": "A", "temperature": 37.05, "weight": 70.25, "glucose": 6.1, "peak_flow": 310,
    "assessed_by": "carer", "wellness": "same", "battery": 80, "quality": "low",
}  # fmt: skip


def chart(api: Api, what: str = "readings", **params: Any) -> list[dict[str, Any]]:
    """The first page of the readings or scores of the ward's patient."""
    items: list[dict[str, Any]] = done(api.get(f"/v1/patients/{api.ward.patient.id}/{what}", params=params))["items"]
    return items


def ago(**time: float) -> str:
    """An instant before now."""
    return (utc_now() - timedelta(**time)).isoformat()


def test_a_set_comes_back_as_it_was_posted(api: Api) -> None:
    taken_at = ago(minutes=2)
    own_id = posts(api, taken_at=taken_at, **SENT)
    drain(api)
    (found,) = chart(api)
    assert {name: found[name] for name in SENT} == SENT
    assert found["id"] == own_id
    assert datetime.fromisoformat(found["taken_at"]) == datetime.fromisoformat(taken_at)
    assert found["taken_at"].endswith("Z")
    assert (found["device"], found["patient"]) == (str(api.ward.patient.device_id), str(api.ward.patient.id))
    assert (found["flags"], found["carried"]) == ([], False)
    assert UUID(found["set"])
    assert "late_s" not in found
    assert "declined" not in found


def test_a_set_that_came_late_says_how_late_and_one_that_looks_improbable_is_flagged(api: Api) -> None:
    posts(api, taken_at=ago(hours=3), pulse=320)
    drain(api)
    (found,) = chart(api)
    assert found["late_s"] == pytest.approx(3 * 3600, abs=60)
    assert found["flags"] == ["pulse"]


def test_a_declined_set_stands_in_the_chart_and_has_no_score(api: Api) -> None:
    posts(api, declined="asleep")
    drain(api)
    assert chart(api)[0]["declined"] == "asleep"
    assert chart(api, "scores") == []


def test_readings_are_listed_by_when_they_were_taken_between_two_instants(api: Api) -> None:
    ids = [posts(api, taken_at=ago(hours=hours), pulse=70) for hours in (1, 4, 2, 3)]
    drain(api)
    assert [one["id"] for one in chart(api)] == [ids[0], ids[2], ids[3], ids[1]]
    between = chart(api, **{"from": ago(hours=3.5), "to": ago(hours=1.5)})
    assert [one["id"] for one in between] == [ids[2], ids[3]]


def test_the_chart_is_paged_without_loss_though_sets_share_an_instant(api: Api) -> None:
    at = ago(minutes=5)
    ids = {posts(api, taken_at=at, pulse=60 + n, respiratory_rate=16) for n in range(5)}
    drain(api)
    for what, field in (("readings", "id"), ("scores", "set")):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = done(api.get(f"/v1/patients/{api.ward.patient.id}/{what}", params=params))
            seen += [one[field] for one in page["items"]]
            if (cursor := page["next"]) is None:
                break
        assert len(seen) == len(set(seen)) == 5
        assert field == "set" or set(seen) == ids


def test_what_is_not_an_instant_nor_a_cursor_of_ours_is_refused_by_name(api: Api) -> None:
    path = f"/v1/patients/{api.ward.patient.id}/readings"
    wrong = [
        {"from": "yesterday"}, {"to": "2026-01-01"}, {"from": "0001-01-01T00:00:00+10:00"}, {"cursor": "1_x"},
        {"cursor": "12"}, {"limit": "0"}, {"from": "\0"},
    ]  # fmt: skip
    for params in wrong:
        assert faults(api.get(path, params=params)) == list(params), params


def test_a_score_says_everything_that_it_is(api: Api) -> None:
    posts(api, **{name: value for name, value in VERY_SICK.items() if name != "temperature"})
    drain(api)
    (found,) = chart(api, "scores")
    reading = chart(api)[0]
    assert found == {
        "id": reading["set"], "set": reading["set"], "at": reading["taken_at"], "score": 10, "score_max": 13,
        "complete": False, "missing": ["temperature"], "scale": 1, "risk": "high", "risk_max": "high",
        "subscores": {"respiratory_rate": 3, "spo2": 3, "oxygen": 0, "systolic": 2, "pulse": 2, "consciousness": 0,
                      "temperature": None},
        "assumed": [], "readings": [reading["set"]], "not_scored": None,
    }  # fmt: skip


def test_a_score_names_the_sets_that_it_used(api: Api) -> None:
    posts(api, taken_at=ago(minutes=20), **{name: WELL[name] for name in ("spo2", "pulse", "oxygen_flow")})
    posts(api, taken_at=ago(minutes=10), respiratory_rate=16, systolic=120, temperature=36.8, consciousness="A")
    drain(api)
    newer, older = chart(api, "scores")
    assert newer["complete"]
    assert newer["readings"] == [newer["set"], older["set"]]


def test_a_set_scored_anew_is_listed_once_as_it_now_is(api: Api) -> None:
    posts(api, taken_at=ago(minutes=10), respiratory_rate=16, systolic=120, temperature=36.8, consciousness="A")
    drain(api)
    (before,) = chart(api, "scores")
    posts(api, taken_at=ago(minutes=20), spo2=90, pulse=118, oxygen_flow=0)
    drain(api)
    newer, older = chart(api, "scores")
    assert (before["score"], before["complete"]) == (0, False)
    assert (newer["set"], newer["score"], newer["complete"]) == (before["set"], 5, True)
    assert newer["readings"] == [newer["set"], older["set"]]


def test_assumed_oxygen_is_said_and_leaves_the_score_incomplete(api: Api) -> None:
    plan = PLAN | {"home_oxygen_l_min": 2.0}
    done(api.put(f"/v1/patients/{api.ward.patient.id}/plan", plan, Role.CLINICIAN))
    posts(api, **{name: value for name, value in WELL.items() if name != "oxygen_flow"})
    drain(api)
    (found,) = chart(api, "scores")
    assert (found["assumed"], found["complete"], found["subscores"]["oxygen"]) == (["oxygen"], False, 2)


def test_a_patient_without_a_score_is_listed_with_the_reason(api: Api) -> None:
    pregnant = api.ward.admit(plan=None, pregnant=False)
    with transaction(api.ward.engine) as session:
        session.execute(text("UPDATE patient SET pregnant = 'true' WHERE id = :id"), {"id": pregnant.key})
    posts(api, api.device(pregnant), **WELL)
    drain(api)
    (found,) = done(api.get(f"/v1/patients/{pregnant.id}/scores"))["items"]
    assert (found["not_scored"], found["risk"], found["risk_max"]) == ("pregnant", "not_applicable", "not_applicable")
    assert (found["score"], found["score_max"], found["scale"], found["complete"]) == (None, None, None, False)


def staff_post(api: Api, patient: str, body: object, **options: Any) -> Any:
    """A support worker sends readings."""
    return api.post(f"/v1/patients/{patient}/readings", body, options.pop("role", Role.SUPPORT), **options)


def test_staff_record_what_they_were_told_of_a_patient_without_a_kit(api: Api) -> None:
    patient = register(api)
    admit(api, patient)
    one = {"id": "call-1", "taken_at": api.now(), "method": "phone", "measured_by": "the patient's son", **VERY_SICK}
    answer = staff_post(api, patient, one)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    drain(api)
    (found,) = done(api.get(f"/v1/patients/{patient}/readings"))["items"]
    assert (found["id"], found["method"], found["measured_by"]) == ("call-1", "phone", "the patient's son")
    assert found["device"] is None
    (alert,) = done(api.get(f"/v1/patients/{patient}/alerts"))["items"]
    assert (alert["kind"], alert["severity"]) == ("deterioration", "critical")


def test_a_zero_that_staff_measured_is_a_value(api: Api) -> None:
    one = {"id": "visit-1", "taken_at": api.now(), "systolic": 0, "method": "visit"}
    assert staff_post(api, str(api.ward.patient.id), one).status_code == 202


def test_staff_record_for_the_patient_that_they_name_in_the_path_only(api: Api) -> None:
    other = api.ward.admit()
    sets = [
        {"id": "a", "taken_at": api.now(), "pulse": 70, "patient": str(other.id)},
        {"id": "b", "taken_at": api.now(), "pulse": 71, "patient": str(api.ward.patient.id).upper()},
        {"id": "c", "taken_at": api.now(), "spo3": 1},
    ]
    answer = staff_post(api, str(api.ward.patient.id), sets)
    assert answer.status_code == 202
    assert [(one["index"], one["field"]) for one in answer.json()["rejected"]] == [(0, "patient"), (2, "spo3")]
    drain(api)
    assert [one["id"] for one in chart(api)] == ["b"]
    assert done(api.get(f"/v1/patients/{other.id}/readings"))["items"] == []


def test_the_same_id_for_another_patient_is_not_mistaken_for_a_repeat(api: Api) -> None:
    other = api.ward.admit()
    one = {"id": "call-1", "taken_at": api.now(), "pulse": 70}
    for patient in (api.ward.patient, other):
        assert staff_post(api, str(patient.id), one).status_code == 202
    drain(api)
    with transaction(api.ward.engine) as session:
        kept = session.execute(text("SELECT id, reason FROM set_aside")).all()
    taken = len(chart(api)) + len(done(api.get(f"/v1/patients/{other.id}/readings"))["items"])
    assert taken + len(kept) == 2


def test_readings_by_staff_are_judged_by_who_may_then_whose_then_what(api: Api) -> None:
    patient = str(api.ward.patient.id)
    one = {"id": "a", "taken_at": api.now(), "pulse": 70}
    for role in (Role.COORDINATOR, Role.UCR, Role.ENGINEER, Role.AUDITOR):
        refused(staff_post(api, patient, {"no": "sense"}, role=role), 403)
    refused(staff_post(api, patient, one, token=api.device()), 403)
    refused(staff_post(api, str(uuid4()), {"no": "sense"}), 404)
    refused(staff_post(api, patient, one, token=employ(api, Role.SUPPORT, "ELSEWHERE")), 404)
    refused(staff_post(api, patient, one, headers={"Content-Type": "text/plain"}), 415)
    assert "unknown field" in str(refused(staff_post(api, patient, {"no": "sense"}), 422)["rejected"])


@given(
    rates=st.none() | st.integers(0, 60),
    saturation=st.none() | st.integers(70, 100),
    on_oxygen=st.none() | st.booleans(),
    pressure=st.none() | st.integers(60, 250),
    pulse=st.none() | st.integers(30, 180),
    consciousness=st.none() | st.sampled_from(Consciousness),
    tenths=st.none() | st.integers(330, 420),
    scale=st.sampled_from((1, 2)),
)
def test_a_stored_score_is_shown_as_the_rules_would_say_it(  # every risk follows from what is stored
    rates: int | None,
    saturation: int | None,
    on_oxygen: bool | None,
    pressure: int | None,
    pulse: int | None,
    consciousness: Consciousness | None,
    tenths: int | None,
    scale: Scale,
) -> None:
    said = score(Vitals(rates, saturation, on_oxygen, pressure, pulse, consciousness, tenths), scale)
    points = "".join("-" if said.points[name] is None else str(said.points[name]) for name in PARAMETERS)
    stored = {
        "points": points, "score": said.score, "score_max": said.score_max, "scale": scale, "oxygen_assumed": False,
        "uses": None, "not_scored": None,
    }  # fmt: skip
    row = SimpleNamespace(set=uuid4(), taken_at=utc_now(), again=stored)
    shown = score_view(cast(AnyRow, row))
    assert shown.subscores == said.points
    assert (shown.score, shown.score_max, shown.complete) == (said.score, said.score_max, said.complete)
    assert (tuple(shown.missing), shown.risk, shown.risk_max) == (said.missing, said.risk, said.risk_max)
