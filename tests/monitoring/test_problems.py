"""Every refusal is a problem document, and none of them tells of our insides."""

from http import HTTPStatus

import psycopg
import pytest
from litestar import Litestar
from litestar.testing import RequestFactory
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from monitoring.access.roles import Role
from monitoring.embedded import postgres
from monitoring.problems import STATUS_OF, Problem, from_database, refuse
from monitoring.refusals import Conflict, unacceptable
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import database_away
from tests.monitoring.steps import PERSON, open_ward, refused
from tests.servers import Servers

INSIDES = ("traceback", "psycopg", "sqlalchemy", "select ", "python", "relation", "litestar", "/work", ".py")
MIB = 1_048_576


def problem_of(answer: Answer) -> tuple[int, str, str]:
    """Status, type and title, once the document is found to be whole."""
    document = refused(answer, answer.status_code)
    assert document["status"] == answer.status_code
    assert document.keys() <= set(Problem.__struct_fields__)
    assert not [inside for inside in INSIDES if inside in answer.text.lower()]
    return answer.status_code, document["type"].removeprefix("urn:virtual-ward:problem:"), document["title"]


def test_each_kind_of_refusal_is_a_problem(api: Api) -> None:
    nobody = "/v1/patients/00000000-0000-4000-8000-000000000000"
    patient = f"/v1/patients/{api.ward.patient.id}"
    open_ward(api, "TAKEN")
    json = {"Content-Type": "application/json"}
    told = [
        (400, "malformed", api.post("/v1/patients", content=b"{", headers=json)),
        (400, "malformed", api.put(patient, None, content=b"[" * 100_000, headers=json)),
        (401, "not-authenticated", api.get("/v1/patients", token="")),
        (403, "forbidden", api.get("/v1/patients", Role.ENGINEER)),
        (404, "not-found", api.get(nobody)),
        (404, "about:blank", api.get("/v1/nothing")),
        (404, "about:blank", api.get("/v1/patients/not-an-id")),
        (405, "about:blank", api.call("PATCH", "/v1/patients")),
        (409, "conflict", api.post("/v1/wards", WARD | {"code": "TAKEN"})),
        (413, "about:blank", api.post("/v1/patients", content=b"x" * (MIB + 1), headers=json)),
        (415, "wrong-media-type", api.post("/v1/patients", content=b"x", headers={"Content-Type": "text/plain"})),
        (422, "unacceptable", api.post("/v1/patients", PERSON | {"sex": 1})),
        (422, "unacceptable", api.get("/v1/patients?limit=0")),
    ]
    assert [problem_of(answer)[:2] for _, _, answer in told] == [(status, kind) for status, kind, _ in told]
    assert {problem_of(answer)[2] for status, kind, answer in told if kind == "about:blank"} == {
        HTTPStatus(status).phrase for status, kind, _ in told if kind == "about:blank"
    }


WARD = {
    "name": "Ward", "pathway": "general", "provider": "RXX", "icb": "QXX", "funded": 40, "staffed": 30,
}  # fmt: skip


def test_a_method_that_is_not_allowed_is_told_which_are(api: Api) -> None:
    for path, allowed in (("/v1/patients", "GET, POST"), ("/v1/readings/", "POST"), ("/health/live", "GET")):
        answer = api.call("PATCH", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_unknown_fields_are_refused_by_name_at_any_depth(api: Api) -> None:
    for body, field in (
        (PERSON | {"nhs_nmuber": "x"}, "nhs_nmuber"),
        ({**PERSON, "phones": [{"number": "1", "kindd": "x"}]}, "phones[0]"),
    ):
        problem = refused(api.post("/v1/patients", body), 422)
        assert problem["errors"][0]["field"].startswith(field)


def test_numbers_as_strings_are_refused_in_bodies_too(api: Api) -> None:
    problem = refused(api.post("/v1/wards", WARD | {"code": "W9", "funded": "40"}), 422)
    assert problem["errors"] == [{"field": "funded", "reason": "Expected int, got str"}]


def test_each_wrong_parameter_is_named(api: Api) -> None:
    for query, field in (
        ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=ten", "limit"),
        ("cursor=%00", "cursor"), ("cursor=!", "cursor"), ("cursor=" + "9" * 65, "cursor"),
    ):  # fmt: skip
        assert refused(api.get(f"/v1/patients?{query}"), 422)["errors"][0]["field"] == field, query


def test_with_the_database_away_everything_is_to_be_sent_again(api: Api, run_servers: Servers) -> None:
    with database_away(run_servers, api.ward.settings.database_url):
        for answer in (
            api.get("/v1/patients"),
            api.post("/v1/patients", PERSON),
            api.post("/v1/patients", PERSON, headers={"Idempotency-Key": "k"}),
            api.get(f"/v1/patients/{api.ward.patient.id}/readings"),
            api.get("/v1/patients", token="vws_unknown"),
        ):
            assert problem_of(answer)[:2] == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
    assert api.get("/v1/patients").status_code == 200


def test_a_defect_of_ours_is_a_500_that_tells_nothing(api: Api, run_servers: Servers) -> None:
    name = psycopg.conninfo.conninfo_to_dict(api.ward.settings.database_url)["dbname"]
    assert isinstance(name, str)
    with psycopg.connect(run_servers.postgres.url(name, postgres.OWNER), autocommit=True) as owner:
        owner.execute("ALTER TABLE patient RENAME TO elsewhere")
    with capture_logs() as logged:
        answer = api.get("/v1/patients")
    assert problem_of(answer) == (500, "about:blank", "Internal error")
    assert answer.json()["detail"] == "The error was logged."
    assert [(line["event"], line["route"]) for line in logged if line["log_level"] == "error"] == [
        ("unexpected_error", "/v1/patients")
    ]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (psycopg.errors.AdminShutdown(), 503),
        (psycopg.errors.TooManyConnections(), 503),
        (psycopg.errors.QueryCanceled(), 503),
        (psycopg.errors.IdleInTransactionSessionTimeout(), 503),
        (psycopg.errors.DeadlockDetected(), 503),
        (psycopg.errors.SerializationFailure(), 503),
        (psycopg.errors.LockNotAvailable(), 503),
        (psycopg.errors.ConnectionTimeout(), 503),
        (psycopg.OperationalError("connection refused"), 503),
        (PoolTimeout(), 503),
        (psycopg.errors.NumericValueOutOfRange(), 422),
        (psycopg.DataError("cannot contain NUL"), 422),
        (psycopg.errors.UndefinedTable(), 500),
        (psycopg.errors.UniqueViolation(), 500),
    ],
)
def test_what_the_database_says_is_told_as_what_to_do(error: Exception, status: int) -> None:
    request = RequestFactory(Litestar(logging_config=None, openapi_config=None)).get("/")
    through_sqlalchemy = DBAPIError("SELECT 1", {}, error) if isinstance(error, psycopg.Error) else error
    for one in (error, through_sqlalchemy):
        assert from_database(request, one).status_code == status


def test_every_problem_of_ours_has_a_sentence_for_a_title() -> None:
    for kind in STATUS_OF:
        assert (kind.__doc__ or "").strip().endswith("."), kind


def test_a_conflict_carries_what_is_now() -> None:
    request = RequestFactory(Litestar(logging_config=None, openapi_config=None)).get("/")
    assert b'"current":{"state":"resolved"}' in refuse(request, Conflict("no", {"state": "resolved"})).content
    assert b"current" not in refuse(request, unacceptable("note", "is required")).content
