"""The board round, expected discharge, delays, contacts and the record of a spell, over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.spells import HOME, ago, at, begin, do, record_of, shown
from tests.monitoring.steps import PLAN, done, employ, faults, refused


def day(**ahead: float) -> str:
    """A day from now."""
    return (utc_now() + timedelta(**ahead)).date().isoformat()


def test_a_review_says_who_did_it_and_whether_they_are_senior(api: Api) -> None:
    spell = begin(api, at=ago(days=1))
    done(do(api, spell, "review", {"note": "better", "criteria_to_reside": "02", "at": ago(hours=1)}, Role.CLINICIAN))
    done(api.post(f"/v1/episodes/{spell}/review", None, Role.CLINICIAN))
    last, first = record_of(api, spell, kind="review")
    assert (first["data"], first["senior"]) == ({"note": "better", "criteria_to_reside": "02"}, False)
    assert (first["by_name"], first["ward"], at(first["at"]) < at(first["recorded_at"])) == (
        "The clinician",
        "WARD1",
        True,
    )
    assert last["data"] == {}


def test_a_review_changes_the_plan_by_the_rules_of_plans(api: Api) -> None:
    spell = begin(api)
    reviewed = done(do(api, spell, "review", {"plan": PLAN | {"spo2_scale": 2}}, Role.CLINICIAN))
    assert (reviewed["plan"]["spo2_scale"], reviewed["plan"]["reason"]) == (2, "decided")
    assert record_of(api, spell, kind="review")[0]["data"] == {"plan": "decided"}
    refused(do(api, spell, "review", {"plan": PLAN}), 403)
    without = {name: value for name, value in PLAN.items() if name != "review_on"}
    assert faults(do(api, spell, "review", {"note": "n", "plan": without}, Role.CLINICIAN)) == ["review_on"]
    assert len(record_of(api, spell, kind="review")) == 1  # what is refused is not recorded


def test_an_expected_date_of_discharge_stands_until_another_is_given(api: Api) -> None:
    spell = begin(api)
    assert shown(api, spell)["expected_discharge"] is None
    assert done(do(api, spell, "expected-discharge", {"date": day(days=3)}))["expected_discharge"] == day(days=3)
    done(do(api, spell, "review", {"expected_discharge": day(days=4)}))
    assert shown(api, spell)["expected_discharge"] == day(days=4)
    assert record_of(api, spell, kind="expected_discharge")[0]["data"] == {"date": day(days=3)}


@pytest.mark.parametrize(
    ("what", "date", "reason"),
    [("expected-discharge", "date", "reason"), ("review", "expected_discharge", "extension_reason")],
)
def test_beyond_the_maximum_stay_a_reason_is_required(api: Api, what: str, date: str, reason: str) -> None:
    spell = begin(api, at=ago(days=11))
    assert shown(api, spell)["length_of_stay"]["review_due"]
    assert faults(do(api, spell, what, {date: day(days=10)})) == [reason]
    done(do(api, spell, what, {date: day(days=2)}))
    extended = done(do(api, spell, what, {date: day(days=10), reason: "waits for a carer"}))["length_of_stay"]
    assert (extended["review_due"], extended["extension_reason"]) == (False, "waits for a carer")
    within = done(do(api, spell, what, {date: day(days=2), reason: "a carer came"}))["length_of_stay"]
    assert within["extension_reason"] is None
    assert faults(do(api, spell, what, {date: day(days=-20)})) == [date]
    assert faults(do(api, spell, what, {date: day(days=500), reason: "r"})) == [date]


def test_an_extension_needs_a_date(api: Api) -> None:
    assert faults(do(api, begin(api), "review", {"extension_reason": "waits"})) == ["expected_discharge"]


def test_ready_once_until_a_failed_discharge_says_otherwise(api: Api) -> None:
    spell = begin(api, at=ago(days=2))
    ready_at = ago(days=1)
    ready = done(do(api, spell, "discharge-ready", {"at": ready_at, "criteria": ["off oxygen"]}))
    assert at(ready["discharge_ready_at"]) == at(ready_at)
    assert at(refused(do(api, spell, "discharge-ready"), 409)["current"]["discharge_ready_at"]) == at(ready_at)
    assert done(do(api, spell, "discharge-failed", {"reason": "no transport"}))["discharge_ready_at"] is not None
    done(do(api, spell, "delay", {"reason": "x", "owner": "Bo", "due_at": day_at(1)}))
    failed = done(do(api, spell, "discharge-failed", {"reason": "fever", "still_ready": False}))
    assert (failed["discharge_ready_at"], failed["delays"][0]["ended_at"] is None) == (None, False)
    assert [entry["data"]["reason"] for entry in record_of(api, spell, kind="discharge_failed")] == [
        "fever",
        "no transport",
    ]


def day_at(days: float) -> str:
    """An instant some days from now."""
    return (utc_now() + timedelta(days=days)).isoformat()


def test_a_delay_has_an_owner_and_a_time_and_ends(api: Api) -> None:
    spell = begin(api, at=ago(days=3))
    body = {"reason": "package of care", "owner": "Bo, brokerage", "due_at": ago(hours=1)}
    (made,) = done(do(api, spell, "delay", body | {"at": ago(days=1)}))["delays"]
    assert (made["reason"], made["owner"], made["overdue"], made["ended_at"]) == (
        "package of care", "Bo, brokerage", True, None,
    )  # fmt: skip
    path = f"delays/{made['id']}/end"
    refused(do(api, spell, path, {"at": ago(days=2)}), 409)
    (ended,) = done(do(api, spell, path, {"note": "came"}))["delays"]
    assert (ended["overdue"], ended["ended_at"] is None) == (False, False)
    refused(do(api, spell, path), 409)
    refused(do(api, begin(api), path), 404)
    assert [entry["kind"] for entry in record_of(api, spell)][:2] == ["delay_ended", "delay"]
    assert faults(do(api, spell, "delay", body | {"due_at": day_at(999)})) == ["due_at"]
    assert faults(do(api, spell, "delay", body | {"due_at": ago(days=9)})) == ["due_at"]


def test_a_discharge_ends_the_delays(api: Api) -> None:
    spell = begin(api, at=ago(days=3))
    for since in (ago(days=2), ago(hours=1)):
        done(do(api, spell, "delay", {"reason": "x", "owner": "Bo", "due_at": day_at(1), "at": since}))
    ended = done(do(api, spell, "discharge", HOME | {"at": ago(days=1)}))
    first, second = ended["delays"]
    assert first["ended_at"] == ended["discharged_at"]
    assert second["ended_at"] == second["from"]  # it began when the patient had left already


def test_once_a_list_is_loaded_only_its_codes_are_taken(api: Api) -> None:
    spell = begin(api)
    delay = {"owner": "Bo", "due_at": day_at(1)}
    done(do(api, spell, "delay", delay | {"reason": "anything"}))
    codes = [{"code": "A1", "meaning": "package of care"}, {"code": "Z9", "meaning": "old", "until": day(days=-1)}]
    loaded = done(api.put("/v1/codes/delay_reason", {"codes": codes}, Role.COORDINATOR))
    assert [one["code"] for one in loaded["codes"]] == ["A1", "Z9"]
    assert done(api.get("/v1/codes/delay_reason", Role.SUPPORT)) == loaded
    for reason in ("anything", "Z9"):
        assert faults(do(api, spell, "delay", delay | {"reason": reason})) == ["reason"]
    done(do(api, spell, "delay", delay | {"reason": "A1"}))
    done(api.put("/v1/codes/destination", {"codes": [{"code": "19", "meaning": "usual residence"}]}))
    assert faults(do(api, spell, "discharge", HOME | {"destination": "51"})) == ["destination"]
    done(do(api, spell, "discharge", HOME | {"destination": "19"}))
    assert faults(api.put("/v1/codes/destination", {"codes": [{"code": "19", "meaning": "x"}] * 2})) == [
        "codes[1].code"
    ]
    refused(api.put("/v1/codes/destination", {"no": "sense"}, Role.CLINICIAN), 403)


def test_contacts_meetings_and_experience_are_recorded_during_and_after_a_spell(api: Api) -> None:
    spell = begin(api, at=ago(days=2))
    contact = {"at": ago(days=1), "mode": "visit", "planned": True, "outcome": "well", "note": "walks"}
    meeting = {"at": ago(hours=5), "attendees": ["Dr No", "Bo"], "decisions": ["stop oxygen"]}
    experience = {"score": 9, "recommend": 5, "felt_safe": True, "text": "kind"}
    done(do(api, spell, "contacts", contact, Role.SUPPORT))
    done(do(api, spell, "mdt", meeting))
    done(do(api, spell, "mdt", {"attendees": "Dr No", "decisions": "none"}))
    done(do(api, spell, "discharge", HOME))
    done(do(api, spell, "experience", experience, Role.SUPPORT))
    done(do(api, spell, "contacts", contact | {"mode": "phone", "at": ago()}))
    said: dict[str, list[Any]] = {}
    for entry in record_of(api, spell):
        said.setdefault(entry["kind"], []).append(entry["data"])
    assert [one["mode"] for one in said["contact"]] == ["phone", "visit"]
    assert said["contact"][1] == {name: value for name, value in contact.items() if name != "at"}
    assert said["mdt"] == [
        {"attendees": ["Dr No"], "decisions": ["none"]},
        {"attendees": ["Dr No", "Bo"], "decisions": ["stop oxygen"]},
    ]
    assert said["experience"] == [experience]


def test_what_cannot_be_recorded_is_refused_by_name(api: Api) -> None:
    spell = begin(api)
    contact = {"mode": "phone", "planned": False, "outcome": "well"}
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("contacts", contact | {"mode": "letter"}, "mode"),
        ("contacts", contact | {"outcome": ""}, "outcome"),
        ("contacts", contact | {"at": day_at(1)}, "at"),
        ("mdt", {"attendees": [], "decisions": "x"}, "attendees"),
        ("experience", {"score": 11}, "score"),
        ("experience", {"recommend": 0}, "recommend"),
        ("experience", {}, ""),
        ("review", {"criteria_to_reside": "13"}, "criteria_to_reside"),
        ("review", {"mood": "good"}, "mood"),
        ("leave", {"kind": "holiday"}, "kind"),
        ("discharge-ready", {"at": day_at(1)}, "at"),
        ("expected-discharge", {"date": "soon"}, "date"),
        ("delay", {"owner": "Bo", "due_at": day_at(1)}, "reason"),
    ]
    for what, body, field in wrong:
        assert faults(do(api, spell, what, body)) == [field], (what, body)
    refused(do(api, spell, "contacts", contact | {"at": ago(days=1)}), 409)  # before the admission
    assert faults(api.get(f"/v1/episodes/{spell}/record", params={"kind": "gossip"})) == ["kind"]
    refused(do(api, spell, "contacts", {"no": "sense"}, Role.UCR), 403)


def test_the_record_is_read_page_by_page_newest_first(api: Api) -> None:
    spell = begin(api)
    for note in "abc":
        done(do(api, spell, "review", {"note": note}))
    first = done(api.get(f"/v1/episodes/{spell}/record", Role.AUDITOR, params={"limit": 3}))
    rest = done(api.get(f"/v1/episodes/{spell}/record", params={"limit": 3, "cursor": first["next"]}))
    assert [entry["data"].get("note") for entry in first["items"]] == ["c", "b", "a"]
    assert [entry["kind"] for entry in rest["items"]] == ["admitted"]
    assert rest["next"] is None


def test_what_was_written_down_cannot_be_changed(api: Api) -> None:
    begin(api)
    for statement in ("UPDATE spell_entry SET data = '{}'", "DELETE FROM spell_entry"):
        with pytest.raises(ProgrammingError, match="permission denied"), api.ward.engine.begin() as connection:
            connection.execute(text(statement))


def test_an_act_sent_twice_under_one_key_is_one(api: Api) -> None:
    spell, key = begin(api), {"Idempotency-Key": "once"}
    first = do(api, spell, "review", {"note": "n"}, headers=key)
    again = do(api, spell, "review", {"note": "n"}, headers=key)
    assert (done(first), again.headers["idempotency-replayed"]) == (done(again), "true")
    assert len(record_of(api, spell, kind="review")) == 1


def test_a_senior_clinicians_review_is_told_apart(api: Api) -> None:
    token = employ(api, Role.CLINICIAN, "WARD1", senior=True)
    spell = begin(api)
    done(do(api, spell, "review", {}, token=token))
    assert record_of(api, spell, kind="review")[0]["senior"]
