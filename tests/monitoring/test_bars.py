"""Referrals as FHIR messages: from 999 to a UCR team, once, changed and taken back; and ours in the same shape."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.servicerequest import ServiceRequest

from devices.formats.fhir.bars import FROM_WARD, Asks, decode
from monitoring.access.roles import Role
from monitoring.bars import receiving
from monitoring.bars.outcomes import Repeated
from monitoring.clock import utc_now
from tests.bars import cancels, message, updates
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import database_away
from tests.monitoring.steps import add_device, done, made, register
from tests.monitoring.ucr_steps import TEAM, asks, climbs, has_team, sick
from tests.servers import Servers
from tests.ward import WELL
from tests.workers.records import change, rows

FHIR = "application/fhir+json"
PATH = "/v1/fhir/$process-message"
NUMBER = "9434765919"


class Sender:
    """999's system."""

    def __init__(self, api: Api, serial: str = "BARS-1") -> None:
        self.api = api
        self.token = add_device(api, kind="interface", serial=serial)["token"]

    def posts(self, said: object, request_id: str | None = None, **changed: Any) -> Answer:
        """Send something."""
        content = said if isinstance(said, bytes) else msgspec.json.encode(said)
        headers = {"Content-Type": FHIR, "X-Request-Id": request_id or uuid4().hex} | changed.pop("headers", {})
        return self.api.call(
            "POST", PATH, token=changed.pop("token", self.token), content=content,
            headers={name: value for name, value in headers.items() if value}, **changed,
        )  # fmt: skip

    def takes(self, said: object, **changed: Any) -> dict[str, Any]:
        """Send what is taken: the ServiceRequest of the answer, which FHIR's own rules judge."""
        answer = self.posts(said, **changed)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == FHIR
        Bundle.model_validate_json(answer.content)
        header, request, encounter, patient = (one["resource"] for one in answer.json()["entry"])
        assert (header["eventCoding"]["code"], header["response"]["code"]) == ("servicerequest-response", "ok")
        assert (encounter["resourceType"], patient["resourceType"]) == ("Encounter", "Patient")
        found: dict[str, Any] = request
        return found | {"header": header, "encounter": encounter}

    def refused(self, said: object, status: int, **changed: Any) -> dict[str, Any]:
        """Send what is not: the issue."""
        return issue(self.posts(said, **changed), status)


def issue(answer: Answer, status: int) -> dict[str, Any]:
    """The one issue of an OperationOutcome, its code in short."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == FHIR
    OperationOutcome.model_validate_json(answer.content)
    (found,) = answer.json()["issue"]
    (coding,) = found["details"]["coding"]
    assert coding["system"] == "https://fhir.nhs.uk/Codesystem/http-error-codes"
    return {"rec": coding["code"], "issue": found["code"], "at": found.get("expression"), "text": found["diagnostics"]}


def now(minutes: int = 0) -> datetime:
    """The present, in whole seconds."""
    return utc_now().replace(microsecond=0) + timedelta(minutes=minutes)


@pytest.fixture
def sender(api: Api) -> Sender:
    """An interface, and a team for LE1 and one for elsewhere."""
    done(api.put("/v1/ucr/teams/LE-UCR", TEAM))
    done(api.put("/v1/ucr/teams/FAR", TEAM | {"postcode_districts": ["LE9"], "icb": "QYY"}))
    return Sender(api)


def test_999_refers_somebody_whom_nobody_knew_to_the_team_where_they_are(sender: Sender) -> None:
    api, start = sender.api, now(-20)
    found = sender.takes(message(at=start))
    assert found["header"]["response"]["identifier"] == "bundle-one"
    assert found["header"]["destination"] == [{"endpoint": "https://sender.example/"}]
    assert (found["status"], found["encounter"]["status"]) == ("active", "planned")
    asked = done(api.get(f"/v1/ucr/referrals/{found['id']}"))
    assert (asked["team"], asked["state"], asked["ward"], asked["automatic"]) == ("LE-UCR", "sent", None, False)
    assert (asked["need"], asked["reviewed_at"]) == ("Fall, no injury", None)
    assert datetime.fromisoformat(asked["received_at"]) == start  # the patient has waited since then
    assert datetime.fromisoformat(asked["breach_at"]) == start + timedelta(hours=2)
    for words in ("2 Low St", "On the floor for an hour", "FLAG: A dog", "Bea, daughter"):
        assert words in asked["reason"]
    assert asked["history"][0]["by_name"] == "interface BARS-1"
    patient = done(api.get(f"/v1/patients/{asked['patient']}"))
    assert (patient["nhs_number"], patient["given_name"], patient["postcode"]) == (NUMBER, "Ann Jo", "LE9 1AA")
    assert (patient["scene_safety"], patient["phones"], patient["staying_at"]) == (
        "A dog", ["0116 1"], "2 Low St, Leicester",
    )  # fmt: skip


def test_who_is_known_is_found_and_who_has_no_number_is_taken_too(sender: Sender) -> None:
    api = sender.api
    known = register(api, nhs_number=NUMBER, no_nhs_number_reason=None)
    assert done(api.get(f"/v1/ucr/referrals/{sender.takes(message(at=now()))['id']}"))["patient"] == known
    nobody = message("two", at=now(), patient={"identifier": None, "name": [{"family": "Poe", "given": ["Ed"]}]})
    other = done(api.get(f"/v1/ucr/referrals/{sender.takes(nobody)['id']}"))["patient"]
    assert done(api.get(f"/v1/patients/{other}"))["no_nhs_number_reason"] == "none in the message of interface BARS-1"
    somebody = message("three", at=now(), patient={"name": [{"family": "Poe"}], "birthDate": "1999-01-01"})
    refusal = sender.refused(somebody, 422)
    assert refusal["at"] == ["Bundle.entry[2].resource.identifier[0].value"]
    assert "another family name" in refusal["text"]


def test_a_repeat_is_told_by_its_request_id_and_by_the_senders_own_and_makes_nothing(sender: Sender) -> None:
    first = sender.takes(message(at=now()), request_id="r-1")
    for said, request_id in ((message(at=now()), "r-1"), (b"{}", "r-1"), (message(at=now()), "r-2")):
        repeat = sender.refused(said, 409, request_id=request_id)
        assert (repeat["rec"], repeat["issue"]) == ("REC_CONFLICT", "duplicate")
        assert first["id"] in repeat["text"]
    twice = sender.refused(message("two", at=now()), 409)  # another request for what the patient waits for already
    assert (twice["rec"], twice["issue"]) == ("REC_CONFLICT", "conflict")
    other = Sender(sender.api, "BARS-2")
    other.takes(message("two", at=now(), request={"code": {"text": "catheter"}}), request_id="r-1")  # its own ids
    assert len(sender.api.get("/v1/ucr/referrals").json()["items"]) == 2


def test_of_two_that_come_at_once_one_is_taken_and_the_other_told(sender: Sender) -> None:
    api, body = sender.api, msgspec.json.encode(message(at=now()))
    who = api.app.state.service.tokens.ask(sender.token, utc_now())

    def receive(_: int) -> str:
        try:
            receiving.receive(api.ward.engine, who, "r-1", body, "urn:here", utc_now(), leave=lambda *_: None)
        except Repeated:
            return "repeated"
        return "taken"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(receive, range(3))) == ["repeated", "repeated", "taken"]
    assert len(api.get("/v1/ucr/referrals").json()["items"]) == 1


def test_what_was_refused_may_come_again_mended_under_the_same_id(sender: Sender) -> None:
    child = message(at=now(), patient={"birthDate": "2020-01-01"})
    refusal = sender.refused(child, 422, request_id="r-1")
    assert (refusal["rec"], refusal["at"]) == ("REC_UNPROCESSABLE_ENTITY", ["Bundle.entry[2].resource"])
    assert "adults only" in refusal["text"]
    assert sender.api.get("/v1/patients").json()["items"][0]["nhs_number"] is None  # nobody was registered
    sender.takes(message(at=now()), request_id="r-1")


def test_an_update_reaches_the_team_and_a_cancellation_calls_it_off(sender: Sender) -> None:
    api = sender.api
    key = sender.takes(message(at=now()))["id"]
    declined = done(api.post(f"/v1/ucr/referrals/{key}/decline", {"reason": "busy"}, Role.UCR))
    assert declined["state"] == "declined"
    (last, _) = api.get("/v1/ucr/referrals").json()["items"]
    found = sender.takes(updates(request={"note": [{"text": "now in pain"}]}, at=now()))
    assert (found["id"], found["identifier"][0]["value"]) == (key, last["id"])  # the chain's id stays
    said = done(api.get(f"/v1/ucr/referrals/{last['id']}"))["history"][-1]
    assert (said["what"], "now in pain" in said["note"]) == ("updated", True)
    elses = updates(patient={"identifier": None, "name": [{"family": "Poe"}], "birthDate": "1999-01-01"})
    assert sender.refused(elses, 422)["rec"] == "REC_UNPROCESSABLE_ENTITY"
    stranger = Sender(api, "BARS-2")
    assert stranger.refused(cancels(at=now()), 404)["rec"] == "REC_NOT_FOUND"
    by_our_id = cancels(request={"identifier": None, "id": key}, at=now())
    assert sender.takes(by_our_id)["status"] == "revoked"
    ended = done(api.get(f"/v1/ucr/referrals/{last['id']}"))
    assert (ended["state"], ended["end_reason"].startswith("withdrawn by interface BARS-1")) == ("cancelled", True)
    for said_late in (cancels(at=now()), updates(at=now())):
        late = sender.refused(said_late, 409)
        assert (late["rec"], late["issue"]) == ("REC_CONFLICT", "conflict")
    did = [row.did for row in rows(api.ward.engine, "SELECT did FROM bars_message ORDER BY id")]
    assert did == ["referred", "updated", "cancelled"]


def test_every_refusal_is_an_outcome_with_its_code(sender: Sender, run_servers: Servers) -> None:
    api, good = sender.api, message(at=now())
    hub = add_device(api, serial="H-9")["token"]
    for token, status, rec in (("", 401, "REC_UNAUTHORIZED"), (hub, 403, "REC_FORBIDDEN")):
        assert sender.refused(good, status, token=token)["rec"] == rec
    assert sender.refused(good, 403, token=api.ward.tokens[Role.ADMIN])["rec"] == "REC_FORBIDDEN"
    for said, headers, status, rec in (
        (b"{", {}, 400, "REC_BAD_REQUEST"),
        (good | {"type": "batch"}, {}, 400, "REC_BAD_REQUEST"),
        (good, {"X-Request-Id": ""}, 400, "REC_BAD_REQUEST"),
        (good, {"Content-Type": "text/plain"}, 415, "REC_UNSUPPORTED_MEDIA_TYPE"),
        (b" " * 1_100_000, {}, 413, "REC_BAD_REQUEST"),
        (message(at=now(30)), {}, 422, "REC_UNPROCESSABLE_ENTITY"),
        (message(at=now(-3000)), {}, 422, "REC_UNPROCESSABLE_ENTITY"),
        (message(at=now(), patient={"birthDate": None}), {}, 422, "REC_UNPROCESSABLE_ENTITY"),
        (cancels(at=now()), {}, 404, "REC_NOT_FOUND"),
    ):
        assert sender.refused(said, status, headers=headers)["rec"] == rec
    assert issue(api.get(f"/v1/fhir/ServiceRequest/{uuid4()}", token=sender.token), 404)["rec"] == "REC_NOT_FOUND"
    with database_away(run_servers, api.ward.settings.database_url):
        answer = sender.posts(good, "r-1")
        assert issue(answer, 503)["rec"] == "REC_UNAVAILABLE"
        assert answer.headers["Retry-After"]
    sender.takes(good, request_id="r-1")


def test_a_request_is_found_by_who_sent_it_and_by_the_staff_concerned(sender: Sender) -> None:
    api = sender.api
    key = sender.takes(message(at=now()))["id"]
    path = f"/v1/fhir/ServiceRequest/{key}"
    mine, elses = (api.ward.employ(Role.UCR, teams=[team])[1] for team in ("LE-UCR", "FAR"))
    for token in (sender.token, mine, api.ward.tokens[Role.AUDITOR]):
        answer = api.get(path, token=token)
        ServiceRequest.model_validate_json(answer.content)
        assert (answer.json()["id"], answer.json()["subject"]["identifier"]["value"]) == (key, NUMBER)
    hub = add_device(api, serial="H-9")["token"]
    for token, status in ((Sender(api, "BARS-2").token, 404), (elses, 404), (hub, 404)):
        issue(api.get(path, token=token), status)
    done(api.post(f"/v1/ucr/referrals/{key}/accept", token=mine))
    done(api.post(f"/v1/ucr/referrals/{key}/arrive", token=mine))
    assert "arrived; with Leicester UCR" in api.get(path, token=sender.token).json()["note"][0]["text"]
    done(api.post(f"/v1/ucr/referrals/{key}/complete", {"outcome": "stayed_at_home"}, token=mine))
    assert api.get(path, token=sender.token).json()["status"] == "completed"


def test_our_referral_goes_out_in_the_shape_that_we_take(api: Api) -> None:
    ward = api.ward
    has_team(ward, "LE-UCR", webhook="https://hub.example/", phone="0116 9")
    patient = ward.admit(
        address="1 High Street", postcode="LE1 5WW", phones=["0116 1"], scene_safety="A dog",
        next_of_kin=["Bea, daughter"],
    )  # fmt: skip
    number = "UPDATE patient SET nhs_number = :number, no_nhs_number_reason = NULL WHERE id = :key"
    change(ward.engine, number, number=NUMBER, key=patient.key)
    ward.receives(patient=patient, **WELL)
    referral = climbs(ward, sick(ward, patient)).referral
    assert referral is not None
    answer = api.get(f"/v1/ucr/referrals/{referral}/bars", Role.UCR)
    assert (answer.status_code, answer.headers["content-type"]) == (200, FHIR)
    Bundle.model_validate_json(answer.content)
    found = answer.json()
    kinds = [one["resource"]["resourceType"] for one in found["entry"]]
    assert kinds == [
        "MessageHeader", "ServiceRequest", "Patient", "Encounter", "CarePlan", "Flag", "HealthcareService",
        "Organization",
    ]  # fmt: skip
    request = found["entry"][1]["resource"]
    assert FROM_WARD in {one["code"] for one in request["category"][0]["coding"]}
    read = decode(answer.content)
    assert (read.asks, read.need, read.flags) == (Asks.NEW, "deterioration", ("A dog",))
    assert (read.starts_at, read.asked_by) == (ward.now, ward.now + timedelta(hours=2))
    assert (read.person.nhs_number, read.person.postcode, read.person.phones) == (NUMBER, "LE1 5WW", ("0116 1",))
    assert read.person.contacts == ("Bea, daughter",)
    assert "Ann Other, 76 years, female" in read.reason  # the handover
    again = api.get(f"/v1/ucr/referrals/{referral}/bars", Role.UCR).json()
    assert again["id"] == found["id"]  # sent again it is the same message
    elsewhere = ward.employ(Role.CLINICIAN, wards=["NOWHERE"])[1]
    issue(api.get(f"/v1/ucr/referrals/{referral}/bars", token=elsewhere), 404)
    unplaced = asks(ward, ward.admit(kit=False).id, skills=["nobody's"]).id
    bare = api.get(f"/v1/ucr/referrals/{unplaced}/bars")
    Bundle.model_validate_json(bare.content)
    assert decode(bare.content).person.nhs_number is None


def test_the_pages_own_examples_are_taken(sender: Sender) -> None:
    page = (Path(__file__).parents[2] / "docs" / "referrals-from-outside.md").read_text(encoding="utf-8")
    called, sent = (msgspec.json.decode(body) for body in re.findall(r"-d '(\{.+?\})'\n```", page, re.DOTALL))
    one = made(sender.api.post("/v1/calls", called, Role.CLINICIAN))
    assert (one["colour"], one["ucr_referral"]["team"]) == ("amber", "LE-UCR")
    assert sender.takes(sent)["code"] == {"text": "Fall, no injury"}


def test_merged_records_take_their_messages_and_calls_along(sender: Sender) -> None:
    api = sender.api
    nobody = message(at=now(), patient={"identifier": None})
    gone = done(api.get(f"/v1/ucr/referrals/{sender.takes(nobody)['id']}"))["patient"]
    kept = register(api, given_name="Ann Jo", nhs_number=NUMBER, no_nhs_number_reason=None)
    done(api.post(f"/v1/patients/{gone}/merge", {"into": kept, "reason": "one person"}, Role.COORDINATOR))
    (row,) = rows(
        api.ward.engine,
        "SELECT patient.public_id FROM bars_message JOIN patient ON patient.id = bars_message.patient_id",
    )
    assert row.public_id == UUID(kept)
    assert sender.takes(cancels(at=now()))["status"] == "revoked"
