"""Log lines hold ids and reasons: grepped over a whole flow for everything that was said of a patient."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import structlog
from psycopg.conninfo import conninfo_to_dict
from redis import Redis

from monitoring.access.gate import COOKIE
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.embedded import postgres
from monitoring.intake.stream import FIELD, stream_name
from monitoring.logs import Places, places, processors
from tests.monitoring.api import Api
from tests.monitoring.outages import database_away
from tests.monitoring.steps import PERSON, add_device, admit, drain, posts, register
from tests.servers import Servers
from tests.workers.delivering import delivering, hook, settled, tells

NUMBER = "9434765919"
SECRETS: dict[str, Any] = {"given_name": "Zebedee", "family_name": "Quixwood", "postcode": "LE19 4TX"}
VITALS: dict[str, Any] = {
    "respiratory_rate": 27.4,
    "spo2": 83.6,
    "pulse": 137.2,
    "temperature": 38.47,
    "weight": 71.239,
}
NOTE = "wheezing and very pale"


@dataclass
class Written:
    """What was logged, by us and by libraries."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Our own lines."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines() if line.startswith("{")]

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event."""
        return [line for line in self.lines if line["event"] == event]


@pytest.fixture
def written() -> Iterator[Written]:
    """Logging as a part configures it, into memory; loggers are not cached, so that the next test has its own."""
    into = Written()
    structlog.configure(
        processors=processors(Settings(log_format="json")), logger_factory=structlog.PrintLoggerFactory(into.stream)
    )
    libraries = logging.StreamHandler(into.stream)
    libraries.setLevel(logging.WARNING)
    libraries.setFormatter(Places("%(name)s %(message)s"))
    logging.getLogger().addHandler(libraries)
    yield into
    logging.getLogger().removeHandler(libraries)
    structlog.reset_defaults()


def test_nothing_said_of_a_patient_is_ever_logged(
    written: Written, api: Api, queue: Redis, run_servers: Servers
) -> None:
    patient = register(api, no_nhs_number_reason=None, nhs_number=NUMBER, **SECRETS)
    device = add_device(api)
    admit(api, patient, devices=[device["id"]])
    secrets = [NUMBER, *SECRETS.values(), *map(str, VITALS.values()), NOTE, device["token"], *api.ward.tokens.values()]

    posts(api, device["token"], **VITALS)
    posts(api, device["token"], **VITALS | {"declined": NOTE})
    drain(api)
    (alert,) = api.get("/v1/alerts").json()["items"]
    assert api.post(f"/v1/alerts/{alert['id']}/acknowledge", {"note": NOTE}, Role.CLINICIAN).status_code == 200
    _go_wrong(api, patient, device["token"], queue, run_servers)

    log = written.stream.getvalue()
    events = {line["event"] for line in written.lines}
    assert {"request", "unexpected_error", "database_unavailable", "batch_failed", "poison_kept_aside"} <= events
    assert [secret for secret in secrets if secret in log] == []
    assert patient not in log  # not in a path either


def test_no_secret_with_which_somebody_is_told_is_ever_logged(written: Written, api: Api) -> None:
    secret, address = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "https://127.0.0.1:9/hooks/T0ken-in-the-address"
    staff = api.ward.staff[Role.CLINICIAN].public_id
    body = [{"by": "webhook", "to": address, "secret": secret}, {"by": "sms", "to": "+447700900123"}]
    answers = [
        api.put(f"/v1/staff/{staff}/contacts", sent, role)
        for role, sent in ((Role.CLINICIAN, body), (Role.CLINICIAN, [*body, {"by": "pigeon"}]), (Role.UCR, body))
    ]
    tells(api.ward, hook(address, secret), give_up_at=utc_now() + timedelta(seconds=1))
    with delivering(api.ward):
        assert settled(api.ward) == ["failed"]
    answers.append(api.client.post("/sign-in", data={"token": api.ward.tokens[Role.ADMIN]}, follow_redirects=False))
    session = answers[-1].cookies[COOKIE]
    api.client.get("/", headers={"Cookie": f"{COOKIE}={session}"})
    log = written.stream.getvalue()
    assert {"request", "attempt"} <= {line["event"] for line in written.lines}
    secrets = [secret, secret.removeprefix("whsec_"), "T0ken-in-the-address", "7700900123", session]
    assert [one for one in (*secrets, *api.ward.tokens.values()) if one in log] == []
    assert secret not in "".join(answer.text for answer in answers)


def _go_wrong(api: Api, patient: str, token: str, queue: Redis, servers: Servers) -> None:
    """Refusals, an entry that nobody can read, the database away, and defects in the middle of a patient's data."""
    api.post("/v1/readings", {"id": "x", "taken_at": api.now(), "spo2": 836.6, NOTE: 1}, token=token)
    api.post("/v1/readings", {"id": "x", "taken_at": api.now(), "spo2": 83.66 * 10}, token=token)
    api.post("/v1/patients", PERSON | SECRETS | {"nhs_number": NUMBER, "no_nhs_number_reason": None})
    api.post("/v1/patients", PERSON | SECRETS | {"nhs_number": NUMBER, "sex": NOTE})
    api.get(f"/v1/patients?cursor={NUMBER}x")
    api.get(f"/v1/{SECRETS['given_name']}")
    queue.xadd(stream_name(0), {FIELD: json.dumps(SECRETS).encode()})
    drain(api)
    with database_away(servers, api.ward.settings.database_url):
        api.get(f"/v1/patients/{patient}")
    name = conninfo_to_dict(api.ward.settings.database_url)["dbname"]
    with psycopg.connect(servers.postgres.url(str(name), postgres.OWNER), autocommit=True) as owner:
        owner.execute("ALTER TABLE patient RENAME COLUMN given_name TO called")
        owner.execute("ALTER TABLE reading RENAME COLUMN spo2 TO saturation")
    api.put(f"/v1/patients/{patient}", PERSON | SECRETS)
    posts(api, token, **VITALS)
    drain(api)


def test_a_request_has_an_id_in_its_answer_and_in_its_line(written: Written, api: Api) -> None:
    answer = api.get("/v1/wards")
    (line,) = written.of("request")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/wards", 200)
    assert line["ms"] > 0


def test_an_id_that_was_given_is_kept(written: Written, api: Api) -> None:
    for given in ("3f2b8c1e-9d4a-4c77-8a55-0e6d7b1f2a90", "build.7_x", "a" * 64):
        assert api.get("/v1/wards", headers={"X-Request-Id": given}).headers["x-request-id"] == given
        assert written.lines[-1]["request_id"] == given


def test_an_id_that_could_not_stand_in_a_log_is_replaced(api: Api) -> None:
    for given in ("", "a" * 65, "a b", 'a"b', "a;b", "\xe9"):
        answer = api.get("/v1/wards", headers={"X-Request-Id": given.encode("latin-1")})
        assert answer.headers["x-request-id"] not in {given, ""}


def test_requests_that_no_route_takes_are_watched_too(written: Written, api: Api) -> None:
    for method, path, status in (("GET", "/v1/nothing", 404), ("PATCH", "/v1/wards", 405)):
        answer = api.call(method, path, headers={"X-Request-Id": "mine"})
        assert (answer.status_code, answer.headers["x-request-id"]) == (status, "mine")
        assert (written.lines[-1]["route"], written.lines[-1]["status"]) == ("unknown", status)


def test_a_line_for_each_reading_would_cost_more_than_taking_it(written: Written, api: Api) -> None:
    posts(api)
    assert written.of("request") == []


def test_the_id_does_not_stick_to_what_comes_after(written: Written, api: Api) -> None:
    api.get("/v1/wards")
    structlog.get_logger().info("afterwards")
    assert "request_id" not in written.lines[-1]


def test_an_exception_is_logged_by_its_type_and_place(written: Written) -> None:
    try:
        try:
            int(NOTE)
        except ValueError as error:
            raise RuntimeError(NOTE) from error
    except RuntimeError:
        structlog.get_logger().exception("went_wrong")
        logging.getLogger("some.package").exception("it went wrong")
    log = written.stream.getvalue()
    assert NOTE not in log
    told = written.of("went_wrong")[0]["exception"]
    assert told.startswith("RuntimeError\n")
    assert "\nValueError\n" in told
    assert "test_logs.py" in told
    assert "some.package it went wrong\nRuntimeError" in log


def test_a_chain_that_was_cut_on_purpose_stays_cut() -> None:
    def convert() -> None:
        try:
            int(NOTE)
        except ValueError:
            raise RuntimeError from None

    with pytest.raises(RuntimeError) as raised:
        convert()
    assert "ValueError" not in places(raised.value)


def test_people_get_lines_that_people_read() -> None:
    line = io.StringIO()
    structlog.configure(
        processors=processors(Settings(log_format="console")), logger_factory=structlog.PrintLoggerFactory(line)
    )
    try:
        structlog.get_logger().info("something", stream=1)
    finally:
        structlog.reset_defaults()
    assert "something" in line.getvalue()
    assert not line.getvalue().startswith("{")
