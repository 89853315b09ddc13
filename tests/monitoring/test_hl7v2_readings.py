"""Readings by HL7 v2, on real servers: from a device's message to an alert, once however often, or not at all."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from monitoring.clock import utc_now
from tests.devices.oru import batch, obr, obx, oru, pid
from tests.hospital import header, stamp
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import database_away, hanging_queue
from tests.monitoring.steps import add_device, admit, done, drain, refused, register
from tests.servers import Servers
from tests.ward import Ward

SICK = {"spo2": 84, "pulse": 128, "respiratory_rate": 28, "systolic": 92, "temperature": 38.9}
NUMBER = "9434765919"


def sends(api: Api, message: str, token: str | None = None) -> Answer:
    """A device posts a message."""
    return api.call(
        "POST", "/v1/hl7v2", token=token or api.device(), content=message.encode(),
        headers={"Content-Type": "application/hl7-v2"},
    )  # fmt: skip


def acknowledged(answer: Answer) -> tuple[list[str], list[str]]:
    """MSA's fields of the only answer, and the places that its ERR name with their severity."""
    assert answer.status_code == 200, answer.text
    (msa,) = [line.split("|") for line in answer.text.split("\r") if line.startswith("MSA")]
    errors = [line.split("|") for line in answer.text.split("\r") if line.startswith("ERR")]
    return msa[1:], [f"{error[2]} {error[4]}" for error in errors]


def sick(at: datetime | None = None, *more: str, **changed: Any) -> str:
    """A message of somebody very sick, from a monitor."""
    taken_at = stamp(at or utc_now() - timedelta(minutes=1))
    values = SICK | changed
    rows = [obx(what, str(value), f"1.0.0.{place}", at="") for place, (what, value) in enumerate(values.items())]
    return oru(pid("77^^^RXX^MRN"), obr("O1", taken_at), *rows, *more)


def readings(api: Api, patient: str | None = None) -> list[dict[str, Any]]:
    """The ward's patient's sets, newest first."""
    items: list[dict[str, Any]] = done(api.get(f"/v1/patients/{patient or api.ward.patient.id}/readings"))["items"]
    return items


def alerts(api: Api) -> list[tuple[str, str]]:
    """Kind and severity of each, newest first."""
    return [(one["kind"], one["severity"]) for one in api.get("/v1/alerts").json()["items"]]


def aside(api: Api) -> list[tuple[str, str]]:
    """Reason and detail of what was kept aside."""
    with api.ward.engine.connect() as connection:
        return [
            (one.reason, one.detail)
            for one in connection.execute(text("SELECT reason, detail FROM set_aside ORDER BY key"))
        ]


def test_a_monitors_message_becomes_an_alert_and_sent_again_changes_nothing(api: Api) -> None:
    message = sick()
    assert acknowledged(sends(api, message)) == (["AA", "M1", "1 taken"], [])
    drain(api)
    (one,) = readings(api)
    assert {name: one[name] for name in SICK} == SICK
    assert alerts(api) == [("deterioration", "critical")]
    again = message.replace("|M1|", "|M2|")
    for copy in (message, again):
        assert acknowledged(sends(api, copy))[0][0] == "AA"
    drain(api)
    assert (len(readings(api)), aside(api)) == (1, [])
    assert acknowledged(sends(api, message.replace("|84|", "|97|")))[0][0] == "AA"
    drain(api)
    assert (len(readings(api)), [reason for reason, _ in aside(api)]) == (1, ["same id, other content"])


def test_what_is_refused_or_kept_aside_is_named_and_the_rest_is_scored(api: Api) -> None:
    message = sick(None, obx("X1^what^99ZZZ", "5", at=""), temperature=384.5)
    assert acknowledged(sends(api, message)) == (
        ["AA", "M1", "1 taken; 1 kept aside; 1 refused"], ["OBX^6^3^1 W", "OBX^5^5^1 W"],
    )  # fmt: skip
    drain(api)
    assert "temperature" not in {name for name, value in readings(api)[0].items() if value is not None}
    assert sorted(alerts(api)) == [("data_quality", "amber"), ("deterioration", "critical")]
    assert sorted(reason for reason, _ in aside(api)) == ["cannot be a measurement", "code not known"]


def test_a_message_of_which_nothing_can_be_taken_is_answered_ae(api: Api) -> None:
    only = oru(obx("spo2", "150", at=stamp(utc_now())))
    assert acknowledged(sends(api, only)) == (["AE", "M1", "1 refused"], ["OBX^1^5^1 E"])
    assert acknowledged(sends(api, oru(obr())))[0][0] == "AE"
    assert acknowledged(sends(api, header("ORU^W01", "M9", msh12="2.6")))[0] == [
        "AR",
        "M9",
        "MSH-9: of ORU only R01 is read",
    ]
    assert acknowledged(sends(api, oru(obx("spo2", "97"), msh11="T")))[0][:2] == ["AR", "M1"]
    assert acknowledged(sends(api, oru(obx("spo2", "97"), control_id="")))[0][0] == "AE"
    drain(api)
    assert readings(api) == []


def test_a_time_that_nobody_knows_tells_the_ward_and_is_not_scored(api: Api) -> None:
    assert acknowledged(sends(api, oru(obr(at=""), obx("spo2", "84", at=""))))[0] == ["AA", "M1", "1 kept aside"]
    drain(api)
    assert (readings(api), alerts(api)) == ([], [("data_quality", "red")])
    (alert,) = api.get("/v1/alerts").json()["items"]
    assert alert["reasons"][0]["text"].startswith("Unverified, call: ")


def test_a_shared_hub_names_the_patient_and_an_interface_with_kit_may_send_too(api: Api) -> None:
    number = {"nhs_number": NUMBER, "no_nhs_number_reason": None}
    patient = register(api, **number)
    shared = add_device(api, kind="interface", serial="TIE", shared=True)
    admit(api, patient, devices=[shared["id"]], at=(utc_now() - timedelta(hours=1)).isoformat())
    mine = sick().replace("77^^^RXX^MRN", f"{NUMBER}^^^NHS^NH")
    other = sick().replace("77^^^RXX^MRN", "9449305552^^^NHS^NH")
    assert acknowledged(sends(api, mine, shared["token"]))[0][0] == "AA"
    assert acknowledged(sends(api, other, shared["token"]))[0][0] == "AA"
    drain(api)
    assert len(readings(api, patient)) == 1
    assert [reason for reason, _ in aside(api)] == ["not a patient of this device at that time"]


def test_a_batch_is_answered_message_by_message(api: Api) -> None:
    at = stamp(utc_now())
    one, two = oru(obx("spo2", "97", at=at)), oru(obx("pulse", "72", at=at), control_id="M2")
    adt = header("ADT^A01", "M3")
    answer = sends(api, batch(one, two, adt + "\r"))
    assert answer.status_code == 200
    assert [line.split("|")[1:3] for line in answer.text.split("\r") if line.startswith("MSA")] == [
        ["AA", "M1"], ["AA", "M2"], ["AR", "M3"],
    ]  # fmt: skip
    assert answer.text.startswith("BHS|^~\\&|VW|QXX|HUB|HOME|")
    assert answer.text.endswith("BTS|3\r")
    refused(sends(api, batch(one).rpartition("BTS")[0]), 400)
    drain(api)
    assert len(readings(api)) == 2


def test_a_nurses_concern_is_raised_at_once_and_only_once(api: Api) -> None:
    at = stamp(utc_now())
    message = oru(obr("O1", at), obx("HR", "72", at=at), obx("NC", "Pallor or cyanosis", f2="ST", f6="", at=at))
    for _ in range(2):
        assert acknowledged(sends(api, message))[0] == ["AA", "M1", "1 taken; 1 raised as a concern"]
    (alert,) = api.get("/v1/alerts?state=open").json()["items"]
    assert (alert["kind"], alert["severity"], alert["version"]) == ("concern", "red", 1)
    assert alert["reasons"][0]["text"] == "the staff is worried: Pallor or cyanosis"
    loose = add_device(api, serial="H-9")
    (code, _, said), places = acknowledged(sends(api, message, loose["token"]))
    assert (code, places[0]) == ("AE", "OBX^2^5^1 E")
    assert said == "1 taken; 1 NOT raised as a concern, kept aside"
    drain(api)
    assert [reason for reason, detail in aside(api) if "a concern that could not be raised" in detail] == [
        "can hardly be this patient's"
    ]


def test_without_the_queue_nothing_is_acknowledged_and_without_the_database_readings_are(
    ward: Ward, run_servers: Servers
) -> None:
    with hanging_queue() as url, Api(ward, queue_url=url, queue_durability="auto") as api:
        answer = sends(api, sick())
        refused(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
    with Api(ward) as api:
        token = api.device()
        assert acknowledged(sends(api, sick(), token))[0][0] == "AA"
        with database_away(run_servers, ward.settings.database_url):
            assert acknowledged(sends(api, sick(), token))[0][0] == "AA"
            worried = sick(None, obx("NC", "Pallor", f2="ST", at=""))
            refused(sends(api, worried, token), 503)
