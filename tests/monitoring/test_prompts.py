"""What a device shows its patient, over HTTP; and what was not raised, in the report."""

from datetime import timedelta
from typing import Any

from monitoring.access.roles import Role
from monitoring.access.tokens import Caller, mint
from monitoring.acts import Act
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.delivery.wording import text
from monitoring.kit.devices import DeviceBody, make
from monitoring.prompts.views import PromptView, prompts
from tests.monitoring.api import Api
from tests.monitoring.steps import done, faults, refused
from tests.ward import WELL, Patient, Ward

COLD = WELL | {"spo2": 93}


def _home(ward: Ward, **opened: Any) -> Patient:
    """Somebody on a ward that repeats first; the ward's clock is the real one from now on, some minutes late."""
    ward.now = utc_now().replace(microsecond=0) - timedelta(minutes=5)
    since = {"from": (ward.now - timedelta(days=3)).isoformat()}
    ward.opens("HOME", pathway="oximetry_at_home", **since, **opened)
    before, ward.code = ward.code, "HOME"
    patient = ward.admit(at=ward.now - timedelta(days=2))
    ward.code = before
    return patient


def _shown(api: Api, token: str, **query: Any) -> dict[str, dict[str, Any]]:
    """What a device shows, by kind."""
    return {one["kind"]: one for one in done(api.get("/v1/prompts", token=token, params=query))["items"]}


def test_a_device_asks_its_patient_to_repeat_until_that_came(api: Api) -> None:
    ward = api.ward
    patient = _home(ward, phone="01603 1", prompts_by_sms=True)
    token = api.device(patient)
    ward.receives(patient=patient, **COLD)
    shown = _shown(api, token)
    repeat = shown["repeat"]
    assert (repeat["readings"], repeat["patient"]) == (["spo2"], str(patient.id))
    assert repeat["text"] == "Please sit still for some minutes with warm hands, then measure again: SpO2."
    assert repeat["until"] == (ward.now + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")
    assert shown["call"]["phone"] == "01603 1"
    assert "01603 1" in shown["call"]["text"]
    assert _shown(api, token)["call"]["id"] == shown["call"]["id"]
    assert not {"93", "amber"} & set(str(shown).replace("'", " ").split())
    ward.now += timedelta(minutes=1)
    ward.receives(patient=patient, **WELL)
    assert "repeat" not in _shown(api, token)
    assert done(api.get(f"/v1/patients/{patient.id}/alerts"))["items"] == []


def _kinds(ward: Ward, clock: str) -> dict[str, PromptView]:
    """What the patient's device shows at a time of the day."""
    ward.at(clock)
    with transaction(ward.engine) as session:
        device = Caller(b"", ward.patient.device_key, ward.patient.device_id, "hub", None)
        return {str(one.kind): one for one in prompts(Act(session, device, ward.now), 50, None).items}


def test_what_is_due_and_the_question_of_the_day_are_asked_until_they_are_answered(ward: Ward) -> None:
    assert set(_kinds(ward, "12:14")) == {"question", "call"}  # the first set is due at 12:00
    shown = _kinds(ward, "12:15")
    assert set(shown) == {"reminder", "question", "call"}
    assert (f"{shown['reminder'].since:%H:%M}", f"{shown['reminder'].until:%H:%M}") == ("12:15", "16:00")
    assert set(_kinds(ward, "13:01")) == {"reminder", "question", "call"}  # overdue
    ward.receives(**WELL)
    assert set(_kinds(ward, "13:05")) == {"question", "call"}
    ward.receives(wellness="same")
    assert set(_kinds(ward, "13:10")) == {"call"}
    ward.at("20:00").receives(**WELL)
    assert set(_kinds(ward, "31:59")) == {"call"}  # 07:59 of the next day
    assert set(_kinds(ward, "32:00")) == {"question", "call"}
    ward.leaves("hospital")
    assert set(_kinds(ward, "36:00")) == {"call"}


def test_a_shared_hub_shows_the_prompts_of_its_patients_page_by_page_and_of_nobody_else(api: Api) -> None:
    ward = api.ward
    first = _home(ward)
    ward.code = "HOME"
    second, other = ward.admit(at=ward.now - timedelta(hours=1)), ward.admit()
    with transaction(ward.engine) as session:
        hub, _ = make(session, ward.now, DeviceBody("hub", "SHARED", shared=True))
        token = mint(session, utc_now(), device_id=hub.id)
        public = hub.public_id
    for patient in (first, second):
        body = {"patient": str(patient.id), "from": (ward.now - timedelta(minutes=1)).isoformat()}
        done(api.put(f"/v1/devices/{public}/assignment", body))
    ward.receives(patient=second, **COLD)
    whole = done(api.get("/v1/prompts", token=token))["items"]
    assert {(one["patient"], one["kind"]) for one in whole} >= {
        (str(first.id), "call"), (str(second.id), "call"), (str(second.id), "repeat"),
    }  # fmt: skip
    assert str(other.id) not in {one["patient"] for one in whole}
    paged, cursor = [], None
    while True:
        page = done(
            api.get("/v1/prompts", token=token, params={"limit": 1, "cursor": cursor} if cursor else {"limit": 1})
        )
        paged += page["items"]
        if (cursor := page["next"]) is None:
            break
    assert paged == whole
    assert faults(api.get("/v1/prompts", token=token, params={"cursor": "x"})) == ["cursor"]
    refused(api.get("/v1/prompts", Role.CLINICIAN), 403)


def test_what_was_not_raised_is_counted_by_ward_and_rule(api: Api) -> None:
    ward = api.ward
    patient = _home(ward)
    ward.receives(patient=patient, **COLD)
    ward.now += timedelta(minutes=2)
    ward.receives(patient=patient, **WELL)
    day = ward.now.date()
    path = f"/v1/reports/alert-burden?from={day - timedelta(days=1)}&to={day + timedelta(days=1)}"
    for by, group in (("ward", "HOME"), ("rule", "spo2_amber_low"), ("severity", "amber"), ("kind", "deterioration")):
        found = done(api.get(f"{path}&by={by}"))
        (row,) = [row for row in found["groups"] if row["group"] == group]
        assert (row["suppressed"], row["alerts"], row["minutes"]) == (1, 0, {"p50": None, "p90": None})
        assert (found["total"]["suppressed"], row["patient_days"] > 0) == (1, True)


def test_an_sms_to_a_patient_is_the_same_to_everybody() -> None:
    said = text({"type": "prompt.repeat", "data": {"prompt": "x", "ward": "RESP1", "link": "https://w"}}, "https://w")
    assert said.startswith("From your virtual ward: please take your readings again now.")
    assert not {"RESP1", "https://w", "x"} & set(said.split())
