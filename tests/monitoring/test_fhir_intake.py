"""FHIR Observations over HTTP, on the real servers: created once, all or nothing, entry by entry, and told of."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.operationoutcome import OperationOutcome
from redis import Redis

from devices.formats.fhir.observations import decode
from devices.reading import Arrival
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import database_away, hanging_queue
from tests.monitoring.steps import done, drain
from tests.monitoring.test_intake import arrivals
from tests.observations import IDS, PULSE, RATE, SPO2, TEMPERATURE, body, bundle, concept, observed, pressure
from tests.servers import Servers
from tests.workers.records import count, put, rows

FHIR = "application/fhir+json"
ONE, MANY = "/v1/fhir/Observation", "/v1/fhir"


class Hub:
    """A device that speaks FHIR."""

    def __init__(self, api: Api) -> None:
        self.api, self.token, self.now = api, api.device(), utc_now().replace(microsecond=0)

    def posts(self, path: str, said: object, token: str | None = None, **headers: str) -> Answer:
        """Send something."""
        content = said if isinstance(said, bytes) else body(said)
        named = {"Content-Type": FHIR} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.call("POST", path, token=self.token if token is None else token, content=content, headers=named)

    def observes(self, code: str, value: object, own: str | None = None, **changed: Any) -> dict[str, Any]:
        """Something measured now."""
        return observed(code, value, at=changed.pop("at", self.now), own=own, **changed)

    def shows(self) -> list[dict[str, Any]]:
        """The patient's readings, newest first, once the queue is drained."""
        drain(self.api)
        patient = self.api.ward.patient.id
        items: list[dict[str, Any]] = done(self.api.get(f"/v1/patients/{patient}/readings"))["items"]
        return items

    def kept_aside(self) -> list[str]:
        """Why, in order."""
        drain(self.api)
        return [row.reason for row in rows(self.api.ward.engine, "SELECT reason FROM set_aside ORDER BY key")]


@pytest.fixture
def hub(api: Api) -> Hub:
    """The ward's patient's hub."""
    return Hub(api)


def issues(answer: Answer, status: int) -> list[tuple[str, str]]:
    """Code and place of each issue of an OperationOutcome."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == FHIR
    OperationOutcome.model_validate_json(answer.content)
    return [(one["code"], one.get("expression", [""])[0]) for one in answer.json()["issue"]]


def statuses(answer: Answer, kind: str = "batch-response") -> list[str]:
    """Of each entry of an answer, which FHIR's own rules judge."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FHIR
    Bundle.model_validate_json(answer.content)
    assert answer.json()["type"] == kind
    return [entry["response"]["status"].partition(" ")[0] for entry in answer.json()["entry"]]


def test_an_observation_is_created_and_found_again(hub: Hub) -> None:
    sent = hub.observes(SPO2, 96, "o-1")
    answer = hub.posts(ONE, sent)
    assert (answer.status_code, answer.headers["content-type"]) == (201, FHIR)
    Observation.model_validate_json(answer.content)
    made = answer.json()
    assert {name: value for name, value in made.items() if name != "id"} == sent
    assert answer.headers["location"] == f"/v1/fhir/Observation/{made['id']}"
    again = hub.posts(ONE, sent)
    assert (again.status_code, again.json(), again.headers["location"]) == (200, made, answer.headers["location"])
    (shown,) = hub.shows()
    assert shown["spo2"] == 96
    assert made["id"] == f"{shown['set']}-spo2"


def test_a_hub_without_identifiers_and_of_plain_json_is_understood(hub: Hub, queue: Redis) -> None:
    mdc = {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "149530"}]}
    pulse = {"value": 88, "system": "urn:iso:std:iso:11073:10101", "code": "264864", "unit": "bpm"}
    sent = hub.observes(PULSE, None, category=[concept("vital-signs", "wrong")]) | {"code": mdc, "valueQuantity": pulse}
    first = hub.posts(ONE, sent, Content_Type="application/json")
    again = hub.posts(ONE, sent, Content_Type="application/json")
    other = hub.posts(ONE, sent | {"valueQuantity": pulse | {"value": 89}}, Content_Type="application/json")
    assert [one.status_code for one in (first, again, other)] == [201, 200, 201]
    assert [one.pulse for arrival in arrivals(queue) for one in arrival.sets] == [88, 89]


@pytest.mark.parametrize("by_header", [True, False])
def test_of_sixteen_who_create_it_at_once_one_did(hub: Hub, by_header: bool) -> None:
    sent = hub.observes(SPO2, 95, None if by_header else "race")
    named = {"If_None_Exist": f"identifier={IDS}|race"} if by_header else {}
    whole = sent if by_header else bundle("transaction", sent, conditional=True)

    def post(_: int) -> tuple[str, str]:
        answer = hub.posts(ONE if by_header else MANY, whole, **named)
        if by_header:
            return str(answer.status_code), answer.json()["id"]
        (status,) = statuses(answer, "transaction-response")
        return status, answer.json()["entry"][0]["response"]["location"]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(16)))
    assert sorted(status for status, _ in answers) == ["200"] * 15 + ["201"]
    assert len({where for _, where in answers}) == 1
    (shown,) = hub.shows()
    assert shown["spo2"] == 95
    assert hub.kept_aside() == []


def test_the_same_identifier_with_another_value_is_a_conflict_and_kept_aside(hub: Hub) -> None:
    assert hub.posts(ONE, hub.observes(SPO2, 96, "o-1")).status_code == 201
    assert issues(hub.posts(ONE, hub.observes(SPO2, 84, "o-1")), 409) == [("conflict", "Observation")]
    (shown,) = hub.shows()
    assert shown["spo2"] == 96
    assert hub.kept_aside() == ["same id, other content"]
    (alert,) = [one for one in hub.api.get("/v1/alerts").json()["items"] if one["kind"] == "data_quality"]
    assert "Unverified, call: SpO2 84" in alert["reasons"][0]["text"]


def test_a_transaction_is_taken_whole_and_is_one_set_and_raises_the_alert(hub: Hub, queue: Redis) -> None:
    vitals = [hub.observes(RATE, 26, "r"), hub.observes(SPO2, 90, "s"), hub.observes(PULSE, 118, "p")]
    whole = bundle("transaction", *vitals, pressure(95, 60, at=hub.now, own="bp"), conditional=True)
    assert statuses(hub.posts(MANY, whole), "transaction-response") == ["201"] * 4
    assert len(arrivals(queue)) == 1
    assert statuses(hub.posts(MANY, whole), "transaction-response") == ["200"] * 4
    (shown,) = hub.shows()
    assert [shown[name] for name in ("respiratory_rate", "spo2", "pulse", "systolic", "diastolic")] == [
        26, 90, 118, 95, 60,
    ]  # fmt: skip
    (alert,) = hub.api.get("/v1/alerts").json()["items"]
    assert (alert["kind"], alert["severity"]) == ("deterioration", "critical")


def test_one_fault_refuses_a_whole_transaction_by_its_path(hub: Hub, queue: Redis) -> None:
    sound, place = hub.observes(SPO2, 96, "a"), "Bundle.entry[1].resource"
    faults: list[tuple[dict[str, Any], int, str]] = [
        (hub.observes(PULSE, "88", "b"), 400, f"{place}.valueQuantity.value"),
        (hub.observes(PULSE, 88, "b", status="done"), 422, f"{place}.status"),
        (hub.observes(PULSE, None, "b", valueString="88"), 422, f"{place}.valueString"),
        (hub.observes(PULSE, 88, "b", at="yesterday"), 422, f"{place}.effectiveDateTime"),
        (hub.observes(PULSE, 88, "b", dataAbsentReason=concept("unknown")), 422, f"{place}.dataAbsentReason"),
    ]
    for faulty, status, where in faults:
        answer = hub.posts(MANY, bundle("transaction", sound, faulty))
        assert [at for _, at in issues(answer, status)] == [where]
    assert arrivals(queue) == []
    assert count(hub.api.ward.engine, "fhir_observation") == 0
    assert statuses(hub.posts(MANY, bundle("transaction", sound)), "transaction-response") == ["201"]


def test_what_no_patient_can_have_is_told_even_of_a_refused_transaction(hub: Hub, queue: Redis) -> None:
    whole = bundle("transaction", hub.observes(PULSE, 88, "a"), hub.observes(SPO2, 0, "b"))
    assert issues(hub.posts(MANY, whole), 422) == [("value", "Bundle.entry[1].resource")]
    (arrival,) = arrivals(queue)
    assert (arrival.sets, [one.values[0].field for one in arrival.impossible]) == ([], ["spo2"])


def test_a_batch_fares_entry_by_entry(hub: Hub) -> None:
    early = hub.now - timedelta(minutes=1)
    sent = [
        hub.observes(SPO2, 96, "a"),
        hub.observes(SPO2, 0, "b"),
        hub.observes("99999-9", 1, "c"),
        hub.observes("39156-5", 24, "d"),
        hub.observes(SPO2, 97, "e", at=early, status="entered-in-error"),
        hub.observes(TEMPERATURE, 37.1, "f", at=hub.now.date().isoformat()),
        hub.observes(SPO2, 96, "a"),
        hub.observes(SPO2, 93, "a"),
        {"resourceType": "Device", "id": "x", "status": "active"},
        {"resourceType": "Observation", "status": ["final"]},
    ]
    answer = hub.posts(MANY, bundle("batch", *sent))
    assert statuses(answer) == ["201", "422", "202", "202", "202", "202", "200", "409", "202", "400"]
    said = [entry["response"] for entry in answer.json()["entry"]]
    assert said[0]["location"] == said[6]["location"]
    assert said[1]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource"]
    assert "kept aside" in said[2]["outcome"]["issue"][0]["diagnostics"]
    assert "not kept here: Body mass index" in said[3]["outcome"]["issue"][0]["diagnostics"]
    assert [shown["spo2"] for shown in hub.shows()] == [96]
    assert sorted(hub.kept_aside()) == [
        "cannot be a measurement", "code not known", "same id, other content", "time not known",
        "withdrawn by its sender",
    ]  # fmt: skip


def test_a_collection_is_taken_like_a_batch_but_refused_where_nothing_of_it_is(hub: Hub) -> None:
    assert statuses(hub.posts(MANY, bundle("collection", hub.observes(SPO2, 96, "a"), hub.observes(SPO2, 0, "b")))) == [
        "201", "422",
    ]  # fmt: skip
    assert issues(hub.posts(MANY, bundle("collection", hub.observes(SPO2, 0, "c"))), 422)
    assert issues(hub.posts(MANY, bundle("searchset", hub.observes(SPO2, 96, "d"))), 422) == [
        ("not-supported", "Bundle.type")
    ]


def test_every_refusal_is_an_operation_outcome(hub: Hub, run_servers: Servers) -> None:
    one = hub.observes(SPO2, 96, "a")
    for path in (ONE, MANY):
        assert issues(hub.posts(path, one, token=""), 401) == [("security", "")]
        assert issues(hub.posts(path, one, token=hub.api.ward.tokens[Role.CLINICIAN]), 403) == [("forbidden", "")]
        assert issues(hub.posts(path, one, Content_Type="text/plain"), 415) == [("not-supported", "")]
        assert issues(hub.posts(path, b" " * 1_048_577), 413) == [("too-long", "")]
        assert issues(hub.posts(path, b"{"), 400) == [("structure", "")]
        assert issues(hub.posts(path, {"resourceType": "Patient"}), 400) == [("structure", "resourceType")]
    assert issues(hub.posts(ONE, one, If_None_Exist="code=1"), 400) == [("not-supported", "")]
    assert issues(hub.posts(ONE, bundle("batch", one)), 400) == [("structure", "resourceType")]
    too_many = bundle("collection", *[one] * 1001)
    assert issues(hub.posts(MANY, too_many), 400) == [("too-long", "Bundle.entry")]
    with database_away(run_servers, hub.api.ward.settings.database_url):
        answer = hub.posts(ONE, one)
        assert issues(answer, 503) == [("transient", "")]
        assert int(answer.headers["retry-after"]) > 0
    assert hub.posts(ONE, one).status_code == 201


def test_a_queue_that_is_away_claims_nothing(hub: Hub) -> None:
    with hanging_queue() as url, Api(hub.api.ward, queue_url=url) as cut_off:
        answer = Hub(cut_off).posts(ONE, hub.observes(SPO2, 96, "a"))
        assert issues(answer, 503) == [("transient", "")]
    assert count(hub.api.ward.engine, "fhir_observation") == 0
    assert hub.posts(ONE, hub.observes(SPO2, 96, "a")).status_code == 201


def test_who_died_between_the_disk_and_the_claim_is_made_good_by_the_next_try(hub: Hub, queue: Redis) -> None:
    one = hub.observes(SPO2, 96, "a")
    put(queue, Arrival(source=hub.api.ward.patient.device_key, received_at=hub.now, sets=decode(body(one)).sets))
    assert hub.posts(ONE, one).status_code == 201
    assert [shown["spo2"] for shown in hub.shows()] == [96]
    assert hub.kept_aside() == []
