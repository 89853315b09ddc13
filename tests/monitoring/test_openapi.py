"""The served document says what the routes do, and its pages need nobody else's server."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from litestar.routes import HTTPRoute

from devices.formats.open_mhealth.schema import DataPoint
from devices.posted import Posted, PostedByStaff
from tests.monitoring.api import Api
from tests.monitoring.steps import PERSON, PLAN, WARD, add_device, has_alert, register
from tests.ward import SICK, WELL

CSV = {"/v1/tables/{name}", "/v1/case-finding/contacts", "/v1/devices/bulk"}
HL7 = "/v1/hl7v2"
BARS = "/v1/fhir/$process-message"
OBSERVATIONS = {"/v1/fhir", "/v1/fhir/Observation"}
FHIR = {BARS, *OBSERVATIONS, "/v1/fhir/ServiceRequest/{request_id}", "/v1/ucr/referrals/{referral}/bars",
        "/v1/fhir/metadata", "/v1/fhir/Encounter/{episode}/$virtual-ward-record"}  # fmt: skip
"""What is refused in FHIR."""
INTAKE = {"/v1/readings": Posted, "/v1/patients/{patient}/readings": PostedByStaff, "/v1/open-mhealth": DataPoint}
OWN_IDS = {*INTAKE, "/v1/gatt", "/v1/receipts/notify", HL7, BARS, *OBSERVATIONS}  # what needs no Idempotency-Key
OF_SOME_WARDS = {
    "/v1/episodes/{episode}/recovery", "/v1/wards/{code}/awaiting-care", "/v1/wards/{code}/care-load",
}  # fmt: skip
LOADED = re.compile(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=[\"']([^\"']+)")


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    """The document, as anybody gets it."""
    answer = api.get("/schema/openapi.json", token="")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of each route."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def references(part: object) -> Iterator[str]:
    """Every `$ref` in a part of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_every_route_is_in_the_document(api: Api, document: dict[str, Any]) -> None:
    routes = {
        (method.lower(), route.path_format)
        for route in api.app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(("/v1/", "/health/", "/metrics"))
        for method in route.methods
        if method != "OPTIONS"
    }
    assert {(method, path) for method, path, _ in operations(document)} == routes
    assert document["openapi"].startswith("3.1")


def test_each_operation_says_what_it_is_for_and_what_it_answers(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["tags"], path
        assert any(status.startswith("2") for status in operation["responses"]), (method, path)
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}


def test_every_refusal_is_a_problem_with_its_media_type(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400" and path in FHIR:
                no_route = {"application/problem+json"} if status == "404" else set()
                assert response["content"].keys() == {"application/fhir+json"} | no_route, (path, status)
            elif status >= "400" and not path.startswith("/health/"):
                assert response["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }, (path, status)
    assert document["components"]["schemas"]["Problem"]["properties"].keys() >= {"type", "title", "status", "detail"}


def test_what_needs_a_token_says_so_and_what_does_not_does_not(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        open_to_all = path.startswith("/health/")
        assert (operation.get("security") == []) is open_to_all
        assert ({"401", "403", "503"} <= operation["responses"].keys()) is not open_to_all


def test_what_takes_a_body_names_its_type_and_every_way_to_be_refused(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= operation["responses"].keys(), path
            special = {HL7: "application/hl7-v2"} | dict.fromkeys(CSV, "text/csv")
            special |= dict.fromkeys({BARS, *OBSERVATIONS}, "application/fhir+json")
            assert [*operation["requestBody"]["content"]] == [special.get(path, "application/json")], path
        elif method != "get":
            assert method == "delete" or path.endswith(("/token", "/revoke")), path
            assert {"400", "413", "415", "422"} <= operation["responses"].keys(), path


@pytest.mark.parametrize("path", INTAKE)
def test_intake_takes_one_set_or_an_array_of_up_to_a_thousand(document: dict[str, Any], path: str) -> None:
    name = INTAKE[path].__name__
    operation = document["paths"][path]["post"]
    one, array = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert one == array["items"] == {"$ref": f"#/components/schemas/{name}"}
    assert (array["type"], array["minItems"], array["maxItems"]) == ("array", 1, 1000)
    assert operation["requestBody"]["required"] is True
    assert {"202", "422", "503"} <= operation["responses"].keys()
    assert "Retry-After" in operation["responses"]["503"]["headers"]


def test_what_a_hub_heard_is_described_frame_by_frame(document: dict[str, Any]) -> None:
    schemas, operation = document["components"]["schemas"], document["paths"]["/v1/gatt"]["post"]
    (ref,) = references(operation["requestBody"])
    frames = schemas[ref.rpartition("/")[2]]
    assert (frames["properties"]["frames"]["maxItems"], frames["additionalProperties"]) == (1000, False)
    assert schemas["Frame"]["required"] == ["characteristic", "value", "received_at"]


def test_a_message_of_a_hospital_is_answered_in_its_own_form(document: dict[str, Any]) -> None:
    operation = document["paths"][HL7]["post"]
    assert operation["responses"]["200"]["content"].keys() == {"application/hl7-v2"}
    assert {"413", "415", "503"} <= operation["responses"].keys()
    assert all(code in operation["description"] for code in ("AA", "AE", "AR"))


def test_a_set_is_described_field_by_field(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["Posted"]
    assert tuple(schema["properties"]) == Posted.__struct_fields__
    assert schema["required"] == ["id", "taken_at"]
    assert schema["additionalProperties"] is False
    assert "mmHg" in json.dumps(schema["properties"]["systolic"])
    assert document["components"]["schemas"]["PostedByStaff"]["properties"].keys() > schema["properties"].keys()


def test_a_pair_of_times_is_described_as_two_no_more_and_no_fewer(document: dict[str, Any]) -> None:
    hours = document["components"]["schemas"]["UcrTeamBody"]["properties"]["hours"]["additionalProperties"]
    assert hours == {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}


def test_every_change_outside_intake_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        assert ("Idempotency-Key" in headers) is (method != "get" and path not in OWN_IDS), (method, path)
        forbidden = "Idempotency-Key" in headers or path in {BARS, *OBSERVATIONS, *OF_SOME_WARDS}
        assert ("409" in operation["responses"]) is forbidden, (method, path)


def test_headers_that_a_client_can_rely_on_are_described(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        changes = method != "get" and path not in OWN_IDS
        for status, response in operation["responses"].items():
            carried = response.get("headers", {}).keys()
            assert ("Location" in carried) is (status == "201"), (method, path)
            assert ("Idempotency-Replayed" in carried) is (changes and status < "300"), (method, path)
            assert ("Retry-After" in carried) is (status in {"429", "503"}), (method, path)
    (resume,) = [one for one in document["paths"]["/v1/live"]["get"]["parameters"] if one["in"] == "header"]
    assert (resume["name"], resume["required"]) == ("Last-Event-ID", False)


def test_only_what_makes_something_answers_201(document: dict[str, Any]) -> None:
    makes = {(method, path) for method, path, operation in operations(document) if "201" in operation["responses"]}
    assert makes == {("post", f"/v1/{things}") for things in (
        "patients", "wards", "episodes", "devices", "referrals", "inpatients", "reports/sitrep/corrections",
        "case-finding/sent", "alerts/{alert}/emergency-calls", "concerns", "ucr/referrals", "prevention", "calls",
        "fhir/Observation", "patients/{patient}/accepted-values", "break-glass", "rules",
    )}  # fmt: skip


def test_each_change_answers_with_the_status_that_is_documented(api: Api, document: dict[str, Any]) -> None:
    alert, device, patient = has_alert(api, **SICK)["id"], add_device(api)["id"], register(api)
    ids = {"{alert}": alert, "{device}": device, "{patient}": str(api.ward.patient.id)}
    one = {"id": "a", "taken_at": api.now()} | WELL
    bodies: dict[tuple[str, str], Any] = {
        ("post", "/v1/readings"): one,
        ("post", "/v1/patients"): PERSON,
        ("post", "/v1/wards"): WARD | {"code": "W2"},
        ("post", "/v1/devices"): {"kind": "hub", "serial": "H-2"},
        ("post", "/v1/episodes"): {"patient": patient, "ward": "WARD1", "step": "up"},
        ("put", "/v1/patients/{patient}"): PERSON,
        ("put", "/v1/patients/{patient}/plan"): PLAN,
        ("post", "/v1/patients/{patient}/readings"): one,
        ("post", "/v1/devices/{device}/token"): None,
        ("post", "/v1/devices/{device}/revoke"): None,
        ("put", "/v1/devices/{device}/assignment"): {"patient": patient},
        ("delete", "/v1/devices/{device}/assignment"): None,
        ("post", "/v1/alerts/{alert}/acknowledge"): None,
        ("post", "/v1/alerts/{alert}/action"): {"what": "called"},
        ("post", "/v1/alerts/{alert}/resolve"): {"outcome": "advice"},
    }
    documented = {
        (method, path): [status for status in operation["responses"] if status < "300"]
        for method, path, operation in operations(document)
        if method != "get"
    }
    answered = {}
    for (method, path), body in bodies.items():
        at = re.sub(r"{\w+}", lambda name: ids[name[0]], path)
        token = api.device() if path == "/v1/readings" else None
        answered[method, path] = [str(api.call(method.upper(), at, body=body, token=token).status_code)]
    assert answered == {one: documented[one] for one in bodies}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        part: Any = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def test_the_pages_load_nothing_from_elsewhere(api: Api) -> None:
    page = api.get("/schema", token="")
    assert page.headers["content-type"].startswith("text/html")
    loaded = LOADED.findall(page.text)
    assert len(loaded) >= 3
    for address in loaded:
        assert not urlsplit(address).netloc, address
        assert api.get(address, token="").status_code == 200, address
    for style in [address for address in loaded if address.endswith(".css")]:
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", api.get(style, token="").text)


def test_the_document_names_no_other_host(api: Api, document: dict[str, Any]) -> None:
    assert "servers" not in document or all(not urlsplit(one["url"]).netloc for one in document["servers"])
    assert not re.search(r"https?://", json.dumps(document))


def test_what_is_not_a_page_of_the_schema_is_not_there(api: Api) -> None:
    for path in ("/schema/nothing", "/schema/nothing.json", "/schema/assets/nothing", "/schema/assets/../../app.py"):
        assert api.get(path, token="").status_code == 404
