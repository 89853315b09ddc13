"""Soft signs told in a contact, with a concern, or in answer to the day's question: kept, and heard."""

from datetime import time, timedelta
from typing import Any

import pytest

from alert_rules.soft_signs import Sign
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.flow.contacts import ContactBody, record_contact
from monitoring.prompts import views
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import PLAN, done, drain, faults, has_alert, made, posts, refused
from tests.ward import WELL, Patient, Ward
from tests.workers.records import rows

MILD = WELL | {"respiratory_rate": 21, "pulse": 95}  # NEWS2 3
CALL: dict[str, Any] = {"mode": "phone", "planned": True, "outcome": "spoken to"}


def contact(api: Api, *signs: str, role: Role = Role.SUPPORT, **changed: Any) -> Answer:
    """Somebody rings the ward's patient and asks about soft signs."""
    (row,) = rows(api.ward.engine, "SELECT public_id FROM episode WHERE id = :id", id=api.ward.patient.episode_id)
    return api.post(f"/v1/episodes/{row.public_id}/contacts", CALL | {"soft_signs": list(signs)} | changed, role)


def alerts(api: Api) -> list[dict[str, Any]]:
    """The patient's, newest first."""
    found: list[dict[str, Any]] = done(api.get(f"/v1/patients/{api.ward.patient.id}/alerts"))["items"]
    return found


def kept(api: Api) -> list[tuple[str, list[str]]]:
    """What was told, oldest first: how it came, and which."""
    return [(row.source, row.signs) for row in rows(api.ward.engine, "SELECT * FROM soft_signs ORDER BY id")]


def rings(ward: Ward, *signs: Sign, patient: Patient | None = None) -> None:
    """The same at the ward's own time."""
    body = ContactBody(mode="phone", planned=True, outcome="spoken to", soft_signs=list(signs))
    ward.decides(record_contact, body, patient)


def test_a_sign_that_staff_hear_of_is_an_amber_alert_in_words(api: Api) -> None:
    done(contact(api, "off_legs"))
    (alert,) = alerts(api)
    assert (alert["kind"], alert["severity"], alert["state"]) == ("deterioration", "amber", "open")
    (reason,) = alert["reasons"]
    assert reason["rule"] == "soft_sign_off_legs"
    assert reason["text"].startswith("Off legs: cannot get about as usual (told by phone at ")
    assert (alert["news2"], alert["sepsis"]) == (None, None)
    assert done(api.get(f"/v1/alerts/{alert['id']}"))["why"]["soft_signs"] == ["off_legs"]
    assert kept(api) == [("contact", ["off_legs"])]
    (entry,) = rows(api.ward.engine, "SELECT data FROM spell_entry WHERE kind = 'contact'")
    assert entry.data["soft_signs"] == ["off_legs"]


def test_a_contact_that_asked_nothing_of_them_or_found_none_alerts_nobody(api: Api) -> None:
    done(contact(api, soft_signs=None))
    assert kept(api) == []
    done(contact(api))
    assert kept(api) == [("contact", [])]
    assert alerts(api) == []


@pytest.mark.parametrize(
    ("signs", "named"),
    [(["pale"], "soft_signs[0]"), (["off_legs", "off_legs"], "soft_signs"), ("off_legs", "soft_signs")],
    ids=str,
)
def test_what_is_no_soft_sign_is_refused_by_name(api: Api, signs: object, named: str) -> None:
    assert faults(contact(api, soft_signs=signs)) == [named]
    body = {"id": "c1", "at": api.now(), "from": "carer", "text": "not herself", "soft_signs": signs}
    assert faults(api.post("/v1/concerns", body, token=api.device())) == [named]
    assert kept(api) == []


def test_devices_send_no_soft_signs_with_their_readings(api: Api) -> None:
    one = {"id": "a", "taken_at": api.now(), "soft_signs": ["off_legs"]} | WELL
    answer = refused(api.post("/v1/readings", one, token=api.device()), 422)
    assert answer["rejected"][0]["field"] == "soft_signs"


def test_a_sign_worsens_an_open_alert_and_keeps_what_it_showed(api: Api) -> None:
    before = has_alert(api, **MILD)
    done(api.post(f"/v1/alerts/{before['id']}/acknowledge", None, Role.CLINICIAN))
    done(contact(api, "new_confusion"))
    (alert,) = alerts(api)
    assert (alert["id"], alert["state"], alert["severity"]) == (before["id"], "open", "red")
    assert [one["rule"] for one in alert["reasons"]] == ["soft_sign_new_confusion", "news2_low_medium"]
    assert alert["news2"] == before["news2"]


def test_the_same_sign_again_is_no_news_and_one_that_went_and_came_back_is(ward: Ward) -> None:
    rings(ward.at("09:00"), Sign.OFF_LEGS)
    ward.acknowledges(ward.alert())
    rings(ward.at("10:00"), Sign.OFF_LEGS)
    assert ward.alert().state == "acknowledged"
    rings(ward.at("11:00"))
    rings(ward.at("12:00"), Sign.OFF_LEGS)
    assert ward.alert().state == "open"
    assert ward.history(ward.alert()) == ["raised", "acknowledged", "worsened"]


def test_a_pathways_rule_combines_a_sign_with_the_score_of_the_next_day(ward: Ward) -> None:
    before, ward.code = ward.code, "FRAIL"
    ward.opens("FRAIL", pathway="frailty")
    patient = ward.admit()
    ward.code = before
    rings(ward.at("09:00"), Sign.NOT_EATING_OR_DRINKING, patient=patient)
    ward.at("12:00").receives(patient=patient, **MILD)
    found = ward.alert(patient=patient)
    assert found.severity == 2  # amber_plus
    said = [one["text"] for one in found.reasons if one["rule"] == "soft_sign_with_raised_score"]
    assert said == ["Told lately: eating or drinking less than usual and NEWS2 3 (3 or more)"]
    ward.resolves(found)
    ward.at(timedelta(hours=24)).receives(patient=patient, **MILD)
    assert [one["rule"] for one in ward.alert(patient=patient).reasons] == ["news2_low_medium"]


def test_a_concern_tells_its_signs_in_its_own_alert(api: Api) -> None:
    body = {"id": "c1", "at": api.now(), "from": "carer", "text": "not herself", "soft_signs": ["sleepy_or_withdrawn"]}
    answer = made(api.post("/v1/concerns", body, token=api.device()))
    assert answer["severity"] == "red"
    (alert,) = alerts(api)
    assert alert["kind"] == "concern"
    first, second = (one["text"] for one in alert["reasons"])
    assert first == "the carer is worried: not herself"
    assert second.startswith("Sleepier or more withdrawn than usual (told by the carer at ")
    assert kept(api) == [("concern", ["sleepy_or_withdrawn"])]
    assert made(api.post("/v1/concerns", body, token=api.device())) == answer
    assert len(kept(api)) == 1


def test_the_question_of_the_day_asks_about_signs_and_its_answer_is_heard(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ASKED_FROM", time(0))  # at whatever time of the day this runs
    prompt = question(api)
    assert prompt is not None
    assert {one["name"] for one in prompt["soft_signs"]} == set(Sign)
    path = f"/v1/prompts/{prompt['id']}/answer"
    none = done(api.post(path, {"soft_signs": []}, token=api.device()))
    assert (none["patient"], none["soft_signs"]) == (str(api.ward.patient.id), [])
    assert alerts(api) == []
    posts(api, **WELL | {"wellness": "worse"})
    drain(api)
    assert question(api) is None
    later = done(api.post(path, {"soft_signs": ["shivery_or_cold"]}, token=api.device()))
    assert "111" in later["advice"]
    (alert,) = alerts(api)
    assert [one["rule"] for one in alert["reasons"]] == ["soft_sign_shivery_or_cold", "wellness_worse"]
    assert kept(api) == [("prompt", []), ("prompt", ["shivery_or_cold"])]
    assert faults(api.post(path, {"soft_signs": ["pale"]}, token=api.device())) == ["soft_signs[0]"]
    assert faults(api.post(path, {"soft_signs": [], "at": "2020-01-01T00:00:00Z"}, token=api.device())) == ["at"]
    refused(api.post(path, {"soft_signs": []}, token=api.device(api.ward.admit())), 404)
    refused(api.post(path, {"soft_signs": []}, Role.CLINICIAN), 403)


def question(api: Api) -> dict[str, Any] | None:
    """Today's question, where it is asked now."""
    items = done(api.get("/v1/prompts", token=api.device()))["items"]
    found = [one for one in items if one["kind"] == "question"]
    return found[0] if found else None


def test_in_comfort_care_and_after_the_stay_signs_are_kept_and_alert_nobody(api: Api) -> None:
    done(api.put(f"/v1/patients/{api.ward.patient.id}/plan", PLAN | {"monitoring": "comfort"}, Role.CLINICIAN))
    done(contact(api, "off_legs", "less_urine", "skin_changed"))
    assert (alerts(api), len(kept(api))) == ([], 1)
    done(api.put(f"/v1/patients/{api.ward.patient.id}/plan", PLAN, Role.CLINICIAN))
    api.ward.now = utc_now()
    api.ward.discharges()
    done(contact(api, "off_legs"))
    assert (alerts(api), len(kept(api))) == ([], 2)


def test_what_was_told_late_never_undoes_what_was_told_since(api: Api) -> None:
    api.ward.now = utc_now()
    api.ward.patient = api.ward.admit(at=api.ward.now - timedelta(days=3))
    done(contact(api, "off_legs"))
    done(contact(api, at=(utc_now() - timedelta(hours=2)).isoformat()))
    done(contact(api, "less_urine", at=(utc_now() - timedelta(hours=30)).isoformat()))
    (alert,) = alerts(api)
    assert [one["rule"] for one in alert["reasons"]] == ["soft_sign_off_legs"]
    assert api.ward.known().also["soft_signs"]["value"] == ["off_legs"]
