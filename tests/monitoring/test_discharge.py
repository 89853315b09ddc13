"""Discharge over HTTP: what it needs, what it refuses, what it ends, and the letters to the GP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.spells import HOME, ago, at, begin, do, record_of, shown, spell_of
from tests.monitoring.steps import (
    add_device,
    admit,
    done,
    employ,
    faults,
    has_alert,
    made,
    open_ward,
    refused,
    register,
)
from tests.ward import SICK, VERY_SICK
from tests.workers.records import rows


def test_a_discharge_says_how_the_spell_ended_and_frees_bed_and_kit(api: Api) -> None:
    open_ward(api, "SMALL", staffed=1, **{"from": ago(days=4)})
    device = add_device(api)["id"]
    spell = begin(api, "SMALL", devices=[device], at=ago(days=3))
    left_at = ago(hours=2)
    body = HOME | {"destination": "19", "at": left_at, "pathway": 1, "summary": "well"}
    ended = done(do(api, spell, "discharge", body))
    assert (ended["state"], ended["outcome"], ended["destination"]) == ("discharged", "home", "19")
    assert (ended["decided_by"], ended["due_at"], ended["devices"]) == ("Dr No", None, [device])
    assert at(ended["discharged_at"]) == at(ended["stays"][0]["until"]) == at(left_at)
    assert ended == shown(api, spell)
    (assignment,) = done(api.get(f"/v1/devices/{device}"))["assignments"]
    assert at(assignment["until"]) == at(left_at)
    entry = record_of(api, spell, kind="discharge")[0]
    assert (entry["data"]["pathway"], entry["data"]["summary"], at(entry["at"])) == (1, "well", at(left_at))
    begin(api, "SMALL", devices=[device], at=left_at)


def test_kit_given_after_a_discharge_that_is_told_late_was_the_patients_until_now(api: Api) -> None:
    patient, device = register(api), add_device(api)["id"]
    spell = admit(api, patient, at=ago(days=1))["id"]
    done(api.put(f"/v1/devices/{device}/assignment", {"patient": patient, "from": ago(hours=1)}))
    done(do(api, spell, "discharge", HOME | {"at": ago(hours=2)}))
    shown_device = done(api.get(f"/v1/devices/{device}"))
    (assignment,) = shown_device["assignments"]
    assert (shown_device["patient"], at(assignment["until"]) > at(ago(minutes=1))) == (None, True)


def test_an_unanswered_red_alert_keeps_the_patient_on_the_ward(api: Api) -> None:
    alert = has_alert(api, **SICK)
    spell = spell_of(api)
    problem = refused(do(api, spell, "discharge", HOME), 409)
    assert problem["current"]["alerts"] == [
        {"id": alert["id"], "kind": "deterioration", "severity": "red", "raised_at": alert["raised_at"]}
    ]
    assert alert["id"] in problem["detail"]
    assert shown(api, spell)["state"] == "admitted"
    assert shown(api, spell)["devices"]
    done(api.post(f"/v1/alerts/{alert['id']}/acknowledge", {}, Role.CLINICIAN))
    done(do(api, spell, "discharge", HOME))


def test_a_spell_ends_once(api: Api) -> None:
    spell = begin(api)
    ended = done(do(api, spell, "discharge", HOME))
    for what, body in (
        ("discharge", HOME),
        ("leave", {"kind": "ed"}),
        ("return", {}),
        ("transfer", {"ward": "WARD1"}),
        ("review", {}),
        ("expected-discharge", {"date": "2030-01-01"}),
        ("discharge-ready", {}),
        ("discharge-failed", {"reason": "no transport"}),
    ):
        problem = refused(do(api, spell, what, body), 409)
        assert problem["current"] == {"state": "discharged", "discharged_at": ended["discharged_at"]}, what


def test_of_several_who_discharge_at_once_one_does(api: Api) -> None:
    spell = begin(api)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: do(api, spell, "discharge", HOME), range(4)))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    assert len(record_of(api, spell, kind="discharge")) == 1


def test_what_cannot_be_a_discharge_is_refused_by_name(api: Api) -> None:
    spell = begin(api)
    for changed, field in (
        ({"outcome": "well"}, "outcome"),
        ({"decided_by": " "}, "decided_by"),
        ({"pathway": 4}, "pathway"),
        ({"at": (utc_now() + timedelta(minutes=5)).isoformat()}, "at"),
        ({"at": "2026-01-01T00:00:00"}, "at"),
        ({"bed": 1}, "bed"),
    ):
        assert faults(do(api, spell, "discharge", HOME | changed)) == [field], changed
    assert faults(do(api, spell, "discharge", {"outcome": "home"})) == ["decided_by"]


def test_an_instant_that_contradicts_what_is_known_is_refused_with_what_that_is(api: Api) -> None:
    open_ward(api, "OTHER", **{"from": ago(days=3)})
    spell = begin(api, at=ago(days=5))
    known: list[tuple[str, str]] = [("admission", ago(days=6))]
    for what, body, name in (
        ("leave", {"kind": "ed", "at": ago(days=4)}, "leave"),
        ("return", {"at": ago(days=3)}, "return"),
        ("transfer", {"ward": "OTHER", "at": ago(days=2)}, "transfer"),
    ):
        _, too_early = known[-1]
        problem = refused(do(api, spell, what, body | {"at": too_early}), 409)
        assert list(problem["current"]) == [known[-1][0]]
        done(do(api, spell, what, body))
        known.append((name, (at(body["at"]) - timedelta(minutes=1)).isoformat()))
    for _, too_early in known:
        assert list(refused(do(api, spell, "discharge", HOME | {"at": too_early}), 409)["current"]) == ["transfer"]
    done(do(api, spell, "discharge", HOME | {"at": ago(days=1)}))


def test_the_dead_are_neither_admitted_nor_waited_for(api: Api) -> None:
    open_ward(api, "OTHER")
    patient = register(api)
    spell = admit(api, patient, at=ago(days=1))["id"]
    asked = {"patient": patient, "ward": "OTHER", "source": "gp", "step": "up"}
    referral = made(api.post("/v1/referrals", asked, Role.COORDINATOR))["id"]
    done(api.post(f"/v1/referrals/{referral}/accept", {}, Role.COORDINATOR))
    died_at = ago(hours=1)
    done(do(api, spell, "discharge", HOME | {"outcome": "died", "at": died_at}))
    assert at(done(api.get(f"/v1/patients/{patient}"))["died_at"]) == at(died_at)
    withdrawn = done(api.get(f"/v1/referrals/{referral}"))
    assert (withdrawn["state"], withdrawn["reason"]) == ("withdrawn", "the patient died")
    assert rows(api.ward.engine, "SELECT 1 FROM bed_hold WHERE ended_at IS NULL") == []
    refused(api.post("/v1/episodes", {"patient": patient, "ward": "WARD1", "step": "up"}), 409)
    refused(api.post("/v1/referrals", asked, Role.COORDINATOR), 409)


def test_a_death_is_recorded_past_any_open_alert_and_resolves_it(api: Api) -> None:
    alert = has_alert(api, **VERY_SICK)["id"]
    done(do(api, spell_of(api), "discharge", HOME | {"outcome": "died"}))
    ended = done(api.get(f"/v1/alerts/{alert}"))
    assert (ended["state"], ended["outcome"], ended["due_at"]) == ("resolved", "died", None)
    assert ended["history"][-1]["by"] == str(api.ward.staff[Role.COORDINATOR].public_id)


def test_the_gp_is_told_of_the_admission_and_of_the_end(api: Api) -> None:
    spell = begin(api, at=ago(days=2))
    (notice,) = shown(api, spell)["letters"]
    assert (notice["kind"], notice["sent_at"], notice["overdue"]) == ("admission_notice", None, True)
    assert at(notice["due_at"]) == at(shown(api, spell)["admitted_at"]) + timedelta(hours=24)
    refused(do(api, spell, "letters/discharge_summary", {"how": "MESH"}), 404)
    refused(do(api, spell, "letters/postcard", {"how": "MESH"}), 404)
    sent_at = ago(hours=30)
    sent = done(do(api, spell, "letters/admission_notice", {"how": "MESH", "at": sent_at}))["letters"][0]
    assert (at(sent["sent_at"]), sent["how"], sent["overdue"]) == (at(sent_at), "MESH", False)
    problem = refused(do(api, spell, "letters/admission_notice", {"how": "post"}), 409)
    assert problem["current"]["how"] == "MESH"
    ended = done(do(api, spell, "discharge", HOME | {"at": ago(hours=3)}))
    summary = ended["letters"][1]
    assert at(summary["due_at"]) == at(ended["discharged_at"]) + timedelta(hours=24)
    refused(do(api, spell, "letters/discharge_summary", {"how": "MESH", "at": ago(hours=4)}), 409)
    done(do(api, spell, "letters/discharge_summary", {"how": "MESH"}))
    assert [entry["data"]["letter"] for entry in record_of(api, spell, kind="letter")] == [
        "discharge_summary",
        "admission_notice",
    ]


@pytest.mark.parametrize("what", ["discharge", "transfer", "leave", "review", "delay"])
def test_who_may_is_judged_before_what_was_sent(api: Api, what: str) -> None:
    for role in (Role.SUPPORT, Role.UCR, Role.ENGINEER, Role.AUDITOR):
        refused(do(api, str(uuid4()), what, {"no": "sense"}, role), 403)


def test_a_spell_of_another_ward_is_not_there(api: Api) -> None:
    open_ward(api, "OTHER")
    spell, token = begin(api, "OTHER"), employ(api, Role.COORDINATOR, "WARD1")
    for what, body in (
        ("discharge", HOME), ("transfer", {"ward": "WARD1"}), ("leave", {"kind": "ed"}), ("review", {}),
        ("contacts", {"mode": "phone", "planned": True, "outcome": "well"}), ("letters/admission_notice", {"how": "x"}),
    ):  # fmt: skip
        refused(do(api, spell, what, body, token=token), 404)
        refused(do(api, str(uuid4()), what, body), 404)
    refused(api.get(f"/v1/episodes/{spell}/record", token=token), 404)


def test_who_worked_with_a_patient_on_the_first_ward_still_sees_them_after_a_transfer(api: Api) -> None:
    open_ward(api, "OTHER")
    patient = register(api)
    spell = admit(api, patient)["id"]
    done(do(api, spell, "transfer", {"ward": "OTHER"}))
    for ward in ("WARD1", "OTHER"):
        done(api.get(f"/v1/patients/{patient}", token=employ(api, Role.CLINICIAN, ward)))
    open_ward(api, "THIRD")
    refused(api.get(f"/v1/patients/{patient}", token=employ(api, Role.CLINICIAN, "THIRD")), 404)
