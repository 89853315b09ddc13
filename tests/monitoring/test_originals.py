"""The document that readings came in is kept as it came, once, and shown to whom all of it may be shown."""

import json
from datetime import timedelta
from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.devices.oru import obr, obx, oru
from tests.hospital import stamp
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import add_device, done, drain, elsewhere, employ, posts, refused
from tests.monitoring.test_sensor_formats import HEART, frame, point
from tests.observations import PULSE, body, bundle, observed
from tests.workers.records import count

FHIR, HL7, JSON = "application/fhir+json", "application/hl7-v2", "application/json"
FORMATS: dict[str, tuple[str, str]] = {
    "fhir": ("/v1/fhir/Observation", FHIR), "hl7v2": ("/v1/hl7v2", HL7),
    "gatt": ("/v1/gatt", JSON), "open-mhealth": ("/v1/open-mhealth", JSON),
}  # fmt: skip


def document(name: str) -> bytes:
    """A pulse of 72 in a format, spaced as only its sender would."""
    if name == "hl7v2":
        return oru(obr("1", stamp(utc_now())), obx("pulse", "72", at="")).encode()
    if name == "fhir":
        return body(observed(PULSE, 72, at=utc_now()))
    said: Any = {"frames": [frame(HEART, "0048")]} if name == "gatt" else point("a1")
    return json.dumps(said, indent=3).encode()


def sends(api: Api, name: str, content: bytes, token: str | None = None) -> Answer:
    """A device posts a document."""
    path, media_type = FORMATS[name]
    headers = {"Content-Type": media_type}
    answer = api.call("POST", path, token=token or api.device(), content=content, headers=headers)
    assert answer.status_code in {200, 201, 202}, answer.text
    return answer


def newest(api: Api, patient: str | None = None) -> dict[str, Any]:
    """The newest set of a patient, once the queue is drained."""
    drain(api)
    first: dict[str, Any] = done(api.get(f"/v1/patients/{patient or api.ward.patient.id}/readings"))["items"][0]
    return first


@pytest.mark.parametrize("name", FORMATS)
def test_a_set_names_the_document_that_it_came_in_which_is_kept_byte_by_byte(api: Api, name: str) -> None:
    content = document(name)
    sends(api, name, content)
    shown = newest(api)
    answer = api.get(f"/v1/originals/{shown['original']}", Role.CLINICIAN)
    assert (shown["pulse"], answer.status_code, answer.content) == (72, 200, content)
    assert answer.headers["content-type"].partition(";")[0] == FORMATS[name][1]


def test_the_same_document_again_is_kept_once(api: Api) -> None:
    content, token = document("open-mhealth"), api.device()
    for _ in range(2):
        sends(api, "open-mhealth", content, token)
        drain(api)
    assert count(api.ward.engine, "original") == 1


def test_our_own_json_is_stored_as_it_is_and_keeps_no_document(api: Api) -> None:
    posts(api, pulse=72)
    assert "original" not in newest(api)
    assert count(api.ward.engine, "original") == 0


def test_a_document_that_brought_nothing_new_is_not_kept(api: Api) -> None:
    """What of it is kept aside is kept there, with its own part of the document."""
    sends(api, "gatt", document("gatt"), add_device(api)["token"])
    drain(api)
    assert count(api.ward.engine, "set_aside") == 1
    assert count(api.ward.engine, "original") == 0


def test_a_document_about_two_is_shown_only_to_who_may_see_both(api: Api) -> None:
    other, of_one_ward = elsewhere(api)
    hub, both = add_device(api, shared=True), (api.ward.patient.id, other)
    for patient in both:
        done(api.put(f"/v1/devices/{hub['id']}/assignment", {"patient": str(patient)}))
    said = [observed(PULSE, 72, at=utc_now(), own=str(of), subject={"reference": f"Patient/{of}"}) for of in both]
    answer = api.call(
        "POST", "/v1/fhir", token=hub["token"], content=body(bundle("batch", *said)), headers={"Content-Type": FHIR}
    )
    assert answer.status_code == 200
    path = f"/v1/originals/{newest(api)['original']}"
    assert newest(api, other)["original"] == newest(api)["original"]
    refused(api.get(path, token=of_one_ward), 404)
    assert api.get(path, token=employ(api, Role.CLINICIAN, "WARD1", "OTHER")).status_code == 200


def test_who_may_be_meant_by_what_is_kept_aside_counts_too(api: Api) -> None:
    other, of_one_ward = elsewhere(api)
    hub, ours = add_device(api, shared=True), api.ward.patient.id
    for patient in (ours, other):
        done(api.put(f"/v1/devices/{hub['id']}/assignment", {"patient": str(patient)}))
    now, ahead = utc_now(), utc_now() + timedelta(days=1)
    said = [
        observed(PULSE, 72, at=at, own=str(of), subject={"reference": f"Patient/{of}"})
        for of, at in ((ours, now), (other, ahead))
    ]
    api.call(
        "POST", "/v1/fhir", token=hub["token"], content=body(bundle("batch", *said)), headers={"Content-Type": FHIR}
    )
    path = f"/v1/originals/{newest(api)['original']}"
    assert count(api.ward.engine, "set_aside") == 1
    refused(api.get(path, token=of_one_ward), 404)


def test_who_does_not_read_documents(api: Api) -> None:
    sends(api, "gatt", document("gatt"))
    original = newest(api)["original"]
    for role in (Role.SUPPORT, Role.COORDINATOR, Role.UCR):
        refused(api.get(f"/v1/originals/{original}", role), 403)
