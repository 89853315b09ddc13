"""Idempotency-Key: a request sent again is answered again, and not done again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from monitoring.access.roles import Role
from monitoring.access.tables import KEPT_FOR
from monitoring.database import transaction
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import until
from tests.monitoring.steps import PERSON, WARD, made, refused

HUB: dict[str, Any] = {"kind": "hub", "serial": "H-7"}


def register(api: Api, key: str = "k1", role: Role = Role.COORDINATOR, **changed: Any) -> Answer:
    """Register somebody under a key."""
    return api.post("/v1/patients", PERSON | changed, role, headers={"Idempotency-Key": key})


def patients(api: Api) -> int:
    """How many there are."""
    return len(api.get("/v1/patients").json()["items"])


def test_the_same_body_gets_the_same_answer_and_nothing_is_done_again(api: Api) -> None:
    before = patients(api)
    first, again = register(api), register(api)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert patients(api) == before + 1


def test_another_body_is_refused(api: Api) -> None:
    register(api)
    problem = refused(register(api, given_name="Bea"), 422)
    assert problem["errors"] == [{"field": "Idempotency-Key", "reason": "was used for another body"}]


def test_without_a_key_everything_is_done_again(api: Api) -> None:
    before = patients(api)
    for _ in range(2):
        made(api.post("/v1/patients", PERSON))
    assert patients(api) == before + 2


def test_a_key_is_kept_for_its_token_its_method_and_its_path(api: Api) -> None:
    first = register(api).json()
    assert register(api, role=Role.ADMIN).json()["id"] != first["id"]
    ward = api.post("/v1/wards", WARD | {"code": "W2"}, Role.COORDINATOR, headers={"Idempotency-Key": "k1"})
    assert made(ward)["code"] == "W2"
    path, bea = f"/v1/patients/{first['id']}", PERSON | {"given_name": "Bea"}
    corrected = api.put(path, bea, Role.COORDINATOR, headers={"Idempotency-Key": "k1"})
    assert (corrected.status_code, corrected.json()["given_name"]) == (200, "Bea")
    assert "idempotency-replayed" not in corrected.headers


def test_it_holds_for_put_and_delete_too(api: Api) -> None:
    path = f"/v1/devices/{api.ward.patient.device_id}/assignment"
    headers = {"Idempotency-Key": "k1"}
    first, again = (api.delete(path, Role.ENGINEER, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")


def test_a_token_is_never_shown_again(api: Api) -> None:
    first, again = (api.post("/v1/devices", HUB, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json().pop("token").startswith("vwd_")
    assert "token" not in again.json()
    assert {name: value for name, value in first.json().items() if name != "token"} == again.json()
    with transaction(api.ward.engine) as session:
        (kept,) = session.execute(text("SELECT body FROM answered")).scalars()
    assert first.json()["token"].encode() not in kept


def test_what_was_refused_is_judged_anew(api: Api) -> None:
    headers = {"Idempotency-Key": "k1"}
    refused(api.post("/v1/wards", WARD | {"code": "WARD1"}, headers=headers), 409)
    with transaction(api.ward.engine) as session:
        session.execute(text("UPDATE ward SET code = 'ELSE' WHERE code = 'WARD1'"))
    made(api.post("/v1/wards", WARD | {"code": "WARD1"}, headers=headers))


def test_after_a_day_a_key_is_forgotten(api: Api) -> None:
    first = register(api).json()
    _let_pass(api, KEPT_FOR - timedelta(minutes=1))
    assert register(api).json() == first
    _let_pass(api, timedelta(minutes=2))
    assert register(api).json()["id"] != first["id"]
    assert refused(register(api, given_name="Bea"), 422)  # it is kept anew


def test_a_request_under_way_is_not_begun_a_second_time(api: Api) -> None:
    path, headers = f"/v1/devices/{api.ward.patient.device_id}/token", {"Idempotency-Key": "k1"}
    with ThreadPoolExecutor() as threads, _device_locked(api):
        first = threads.submit(api.post, path, role=Role.ENGINEER, headers=headers)
        until(lambda: _waiting(api) == 1)
        problem = refused(api.post(path, role=Role.ENGINEER, headers=headers), 409)
        assert problem["detail"] == "A request with this Idempotency-Key is still under way."
        assert problem["current"] == {"idempotency_key": "k1", "state": "under_way"}
        assert not first.done()
    assert first.result().status_code == 200
    assert api.post(path, role=Role.ENGINEER, headers=headers).headers["idempotency-replayed"] == "true"


def test_of_many_at_once_one_is_done(api: Api) -> None:
    before = patients(api)
    with ThreadPoolExecutor(8) as threads:
        statuses = {answer.status_code for answer in threads.map(lambda _: register(api), range(8))}
    assert statuses <= {201, 409}
    assert 201 in statuses
    assert patients(api) == before + 1


def test_what_is_no_key_is_refused_by_name(api: Api) -> None:
    for key in ("", "x" * 256):
        assert refused(register(api, key), 422)["errors"][0]["field"] == "Idempotency-Key"
    assert register(api, "x" * 255).status_code == 201


def test_readings_need_no_key(api: Api) -> None:
    one = {"id": "a", "taken_at": api.now(), "spo2": 96}
    for _ in range(2):
        answer = api.post("/v1/readings", one, token=api.device(), headers={"Idempotency-Key": "k1"})
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (202, False)


def _let_pass(api: Api, time: timedelta) -> None:
    with transaction(api.ward.engine) as session:
        session.execute(text("UPDATE answered SET at = at - :time"), {"time": time})


@contextmanager
def _device_locked(api: Api) -> Iterator[None]:
    with transaction(api.ward.engine) as session:
        session.execute(text("SELECT FROM device FOR UPDATE"))
        yield


def _waiting(api: Api) -> int:
    """How many wait for somebody else's lock."""
    with transaction(api.ward.engine) as session:
        waiting = text(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database()) OR NOT granted AND locktype = 'transactionid'"
        )
        return int(session.execute(waiting).scalar_one())
