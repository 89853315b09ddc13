"""The record for other systems: Observations searched as FHIR does, and a whole stay in one Bundle."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from alert_rules.news2 import Risk
from alert_rules.vitals import PARAMETERS
from devices.codes import CONCEPTS, CONSCIOUSNESS
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.patients.views import ReadingView, ScoreView
from monitoring.sharing.coding import CONSCIOUS, KINDS, PRESSURES, SYSTEM_OF, parts
from monitoring.sharing.observations import observations
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import done, drain, elsewhere, posts
from tests.ward import VERY_SICK

FULL: dict[str, Any] = VERY_SICK | {
    "diastolic": 61, "temperature": 38.4, "weight": 70.2, "glucose": 6.1, "peak_flow": 310, "oxygen_flow": 2,
}  # fmt: skip


def searched(api: Api, **params: Any) -> list[dict[str, Any]]:
    """The Observations of one page about the ward's patient, in a Bundle that the library takes."""
    answer = api.get("/v1/fhir/Observation", params={"patient": f"Patient/{api.ward.patient.id}"} | params)
    bundle = done(answer)
    assert answer.headers["content-type"] == "application/fhir+json"
    Bundle.model_validate(bundle)
    return [entry["resource"] for entry in bundle.get("entry", [])]


def outcome(answer: Answer, status: int) -> str:
    """What an OperationOutcome says."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/fhir+json"), answer.text
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    return str(body["issue"][0]["diagnostics"])


def test_a_set_is_found_as_observations_with_its_score(api: Api) -> None:
    posts(api, **FULL)
    drain(api)
    found = {one["id"][37:]: one for one in searched(api)}
    assert found.keys() == {
        "respiratory-rate", "spo2", "pulse", "temperature", "weight", "glucose", "peak-flow", "blood-pressure",
        "oxygen", "consciousness", "news2",
    }  # fmt: skip
    assert found["temperature"]["valueQuantity"] | {"unit": ""} == {
        "value": 38.4, "unit": "", "system": "http://unitsofmeasure.org", "code": "Cel",
    }  # fmt: skip
    assert [part["valueQuantity"]["value"] for part in found["blood-pressure"]["component"]] == [95, 61]
    assert found["oxygen"]["valueQuantity"]["value"] == 2
    news2 = found["news2"]
    assert news2["status"] == "final"
    assert news2["valueQuantity"]["value"] == sum(part["valueQuantity"]["value"] for part in news2["component"])
    assert {one["reference"].removeprefix("Observation/") for one in news2["derivedFrom"]} == {
        one["id"] for one in found.values() if one is not news2
    }


def test_an_incomplete_score_is_preliminary_and_says_what_is_missing(api: Api) -> None:
    posts(api, spo2=90, pulse=80)
    drain(api)
    (news2,) = searched(api, code="http://snomed.info/sct|1104051000000101")
    assert news2["status"] == "preliminary"
    missing = [part for part in news2["component"] if "dataAbsentReason" in part]
    assert len(missing) == 5
    assert "missing" in news2["note"][0]["text"]


def test_a_search_names_codes_categories_and_dates(api: Api) -> None:
    now = utc_now()
    for hours, spo2 in ((30, 94), (3, 95), (1, 96)):
        posts(api, spo2=spo2, taken_at=(now - timedelta(hours=hours)).isoformat())
    drain(api)

    def values(**params: Any) -> list[float]:
        return [one["valueQuantity"]["value"] for one in searched(api, code="2708-6", **params)]

    assert values() == [96, 95, 94]
    assert values(date=f"ge{(now - timedelta(hours=4)).isoformat()}") == [96, 95]
    assert values(
        date=[f"ge{(now - timedelta(hours=4)).isoformat()}", f"lt{(now - timedelta(hours=2)).isoformat()}"]
    ) == [95]
    assert values(date=f"{now - timedelta(hours=30):%Y-%m-%d}")[-1] == 94
    assert values(category="survey") == []
    assert len(searched(api, category="survey")) == 3
    assert searched(api, code="http://loinc.org|8867-4") == []


def test_every_observation_is_on_one_page_once(api: Api) -> None:
    now = utc_now()
    for minutes in range(5):
        posts(api, **FULL, taken_at=(now - timedelta(minutes=minutes)).isoformat())
    drain(api)
    every = [one["id"] for one in searched(api, _count=1000)]
    paged: list[str] = []
    params: dict[str, Any] = {"_count": 7}
    for _ in range(20):
        bundle = done(api.get("/v1/fhir/Observation", params={"patient": str(api.ward.patient.id)} | params))
        page = [entry["resource"]["id"] for entry in bundle.get("entry", [])]
        assert len(page) <= 7
        paged += page
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            break
        params = {name: values[0] for name, values in parse_qs(urlsplit(following[0]).query).items()}
    assert paged == every
    assert len(every) == 55


def test_what_a_search_cannot_read_is_named(api: Api) -> None:
    path, mine = "/v1/fhir/Observation", str(api.ward.patient.id)
    assert "patient" in outcome(api.get(path), 422)
    assert "patient" in outcome(api.get(path, params={"patient": "nobody"}), 422)
    assert "day that exists" in outcome(api.get(path, params={"patient": mine, "date": "2026-02-30"}), 422)
    assert "RFC 3339" in outcome(api.get(path, params={"patient": mine, "date": "ge2026"}), 422)
    assert "without a code" in outcome(api.get(path, params={"patient": mine, "code": "http://loinc.org|"}), 422)
    assert "search" in outcome(api.get(path, params={"patient": mine, "cursor": "7"}), 422)
    outcome(api.get(path, params={"patient": str(uuid4())}), 404)
    outcome(api.get(path, Role.ENGINEER, params={"patient": mine}), 403)
    theirs, ours = elsewhere(api)
    outcome(api.get(path, token=ours, params={"patient": theirs, "date": "never"}), 404)


def test_a_stay_is_one_bundle_with_a_summary_on_paper(api: Api) -> None:
    posts(api, **FULL)
    drain(api)
    (row,) = done(api.get("/v1/wards/WARD1/board"))["items"]
    path = f"/v1/fhir/Encounter/{row['episode']}/$virtual-ward-record"
    bundle = done(api.get(path))
    Bundle.model_validate(bundle)
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert [kinds.count(one) for one in ("Patient", "Encounter", "DocumentReference", "Organization")] == [1, 1, 1, 1]
    assert kinds.count("Observation") == 11
    (encounter,) = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Encounter"]
    assert (encounter["status"], encounter["class"]["code"]) == ("in-progress", "HH")
    (document,) = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "DocumentReference"]
    pdf = b64decode(document["content"][0]["attachment"]["data"])
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") == 2
    outcome(api.get(path, Role.ENGINEER), 403)
    _, ours = elsewhere(api)
    outcome(api.get(path.replace(row["episode"], str(uuid4())), token=ours), 404)


def test_what_we_do_is_stated_for_anyone_with_a_token(api: Api) -> None:
    for token in (api.ward.tokens[Role.UCR], api.device()):
        statement = done(api.get("/v1/fhir/metadata", token=token))
        CapabilityStatement.model_validate(statement)
    (observation,) = [one for one in statement["rest"][0]["resource"] if one["type"] == "Observation"]
    assert {one["name"] for one in observation["searchParam"]} == {"patient", "code", "category", "date"}
    outcome(api.get("/v1/fhir/metadata", token=""), 401)


def test_what_is_written_is_what_is_read() -> None:
    written = [coding for kind in (*KINDS, *PRESSURES.values()) for coding in kind.codings]
    written += [coding for scale in (1, 2) for kind in parts(scale).values() for coding in kind.codings]
    assert [coding for coding in written if (SYSTEM_OF[coding[0]], coding[1]) not in CONCEPTS] == []
    assert {letter: code for (_, code), letter in CONSCIOUSNESS.items() if not code.startswith("LA")} == {
        letter: code for letter, (code, _) in CONSCIOUS.items()
    }


@pytest.mark.parametrize("quality", ["good", "low", "test"])
def test_quality_travels_along_and_test_data_stays_here(quality: str) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    reading = ReadingView(id="a", set=uuid4(), taken_at=now, received_at=now, device=None, patient=uuid4(), flags=[],
                          carried=False, quality=quality, diastolic=60)  # fmt: skip
    shown = ScoreView(id=reading.set, at=now, set=reading.set, score=None, score_max=None, complete=False,
                      missing=list(PARAMETERS), scale=None, risk=Risk.NOT_APPLICABLE, risk_max=Risk.NOT_APPLICABLE,
                      subscores={}, assumed=[], readings=[], not_scored="declined")  # fmt: skip
    made = list(observations(reading, shown))
    assert len(made) == (0 if quality == "test" else 1)
    assert ["note" in one for one in made] == ([] if quality == "test" else [quality == "low"])
    assert all("dataAbsentReason" in one["component"][0] for one in made)
