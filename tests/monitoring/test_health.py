"""Is it well? Part by part, and 503 only where this process could not take a reading."""

from typing import Any

import pytest
from redis import Redis

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.health import UNSCORED_WARNING_S
from monitoring.heartbeat import Pulse
from monitoring.intake.durability import Durability
from monitoring.intake.stream import FIELD, stream_name
from monitoring.schema import HEAD
from monitoring.service import Service
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import database_away, own_queue, until
from tests.servers import Servers
from tests.ward import Ward


def ready(api: Api) -> Answer:
    """The answer to a load balancer."""
    return api.get("/health/ready", token="")


def part(api: Api, name: str) -> dict[str, Any]:
    """How one part is."""
    found: dict[str, Any] = ready(api).json()["parts"][name]
    return found


def service(api: Api) -> Service:
    """What the process holds."""
    found = api.app.state.service
    assert isinstance(found, Service)
    return found


@pytest.fixture
def looked(api: Api) -> Api:
    """An API process that has looked at its database and its queue."""
    until(lambda: service(api).backlog and service(api).migrated)
    return api


def test_a_process_that_answers_is_live(api: Api) -> None:
    answer = api.get("/health/live", token="")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_with_every_part_there_it_is_ok(looked: Api) -> None:
    for name in ("worker", "timekeeper"):
        Pulse(looked.ward.engine, f"{name}-1", name).beat(utc_now())
    answer = ready(looked)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "parts": {
            "database": {"status": "ok"},
            "schema": {"status": "ok", "detail": HEAD},
            "workers": {"status": "ok", "detail": "1 heard in the last 10 s"},
            "timekeeper": {"status": "ok", "detail": "1 heard in the last 10 s"},
            "ladders": {"status": "ok", "detail": "no step is late"},
            "outbox": {"status": "ok", "detail": "no message is late"},
            "rules": {"status": "ok", "detail": "0 of 9 pathways are not as packaged"},
            "queue": {"status": "ok", "detail": "durable: stated by configuration"},
            "unscored": {"status": "ok", "detail": "0 requests wait to be scored", "seconds": 0.0},
        },
    }


def test_without_workers_it_is_degraded_and_still_takes_readings(looked: Api) -> None:
    answer = ready(looked)
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert part(looked, "workers") == {"status": "degraded", "detail": "none heard in the last 10 s"}


def test_with_the_database_away_it_is_degraded_and_still_takes_readings(looked: Api, run_servers: Servers) -> None:
    with database_away(run_servers, looked.ward.settings.database_url):
        answer = ready(looked)
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert part(looked, "database")["status"] == "degraded"


def test_a_database_that_was_never_migrated_is_not_ready(ward: Ward, run_servers: Servers) -> None:
    with Api(ward, database_url=run_servers.postgres.url("postgres")) as api:
        answer = ready(api)
        assert (answer.status_code, answer.json()["status"]) == (503, "failed")
        assert int(answer.headers["retry-after"]) > 0
        assert part(api, "schema") == {"status": "degraded", "detail": f"is None, needs {HEAD}"}
        assert part(api, "database") == {"status": "ok"}


def test_a_database_that_was_never_there_is_not_ready(ward: Ward) -> None:
    with Api(ward, database_url="postgresql:///nowhere?host=/nowhere") as api:
        assert ready(api).status_code == 503
        assert part(api, "database") == {"status": "degraded", "detail": "not available (OperationalError)"}


def test_with_the_queue_away_it_is_not_ready(ward: Ward) -> None:
    with Api(ward, queue_url="unix:///nowhere/at-all.sock") as api:
        answer = ready(api)
        assert (answer.status_code, answer.json()["status"]) == (503, "failed")
        assert part(api, "queue") == {"status": "failed", "detail": "not available"}
        assert part(api, "unscored") == {"status": "degraded", "detail": "unknown: the queue is not available"}
        assert api.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("set_as", "status", "detail", "code"),
    [
        ({"appendfsync": "always"}, "ok", "durable: always", 200),
        ({"appendfsync": "everysec"}, "degraded", "durable: waited for", 200),
        ({"appendfsync": "no"}, "failed", "durable: none: appendfsync is no", 503),
        ({"appendonly": "no"}, "failed", "durable: none: appendonly is off", 503),
    ],
)
def test_what_the_queue_promises_is_said(
    ward: Ward, set_as: dict[str, str], status: str, detail: str, code: int
) -> None:
    with own_queue(**set_as) as server, Api(ward, queue_url=server.url(), queue_durability="auto") as api:
        until(lambda: service(api).durability and service(api).migrated)
        assert part(api, "queue") == {"status": status, "detail": detail}
        assert ready(api).status_code == code


def test_readings_that_wait_too_long_to_be_scored_are_a_warning(looked: Api, queue: Redis) -> None:
    taken_ms = int(utc_now().timestamp() * 1000) - (UNSCORED_WARNING_S + 5) * 1000
    queue.xadd(stream_name(0), {FIELD: b"{}"}, id=f"{taken_ms}-0")
    until(lambda: part(looked, "unscored")["status"] == "degraded")
    found = part(looked, "unscored")
    assert found["detail"] == "1 requests wait to be scored"
    assert found["seconds"] >= UNSCORED_WARNING_S
    assert ready(looked).status_code == 200


def test_what_is_stated_is_believed_while_the_queue_answers(ward: Ward) -> None:
    with own_queue(appendonly="no") as server, Api(ward, queue_url=server.url()) as api:
        until(lambda: service(api).durability is Durability.STATED)


def test_metrics_are_for_those_who_run_it(api: Api) -> None:
    api.post("/v1/readings", {"id": "a", "taken_at": api.now(), "spo2": 96}, token=api.device())
    api.get(f"/v1/patients/{api.ward.patient.id}")
    api.get("/v1/nothing-of-the-kind")
    answer = api.get("/metrics", Role.ENGINEER)
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'virtual_ward_sets_total{outcome="accepted"}' in answer.text
    assert 'virtual_ward_requests_total{route="/v1/readings",status="202"}' in answer.text
    assert 'virtual_ward_requests_total{route="/v1/patients/{patient}",status="200"}' in answer.text
    assert 'virtual_ward_requests_total{route="unknown",status="404"}' in answer.text
    assert str(api.ward.patient.id) not in answer.text


def test_metrics_count_what_was_refused(api: Api) -> None:
    def count() -> float:
        line = next(line for line in api.get("/metrics").text.splitlines() if 'sets_total{outcome="refused"}' in line)
        return float(line.rpartition(" ")[2])

    before = count()
    api.post("/v1/readings", [{"id": "a"}, {"id": "b"}], token=api.device())
    assert count() == before + 2


def test_the_backlog_is_a_metric(looked: Api, queue: Redis) -> None:
    queue.xadd(stream_name(0), {FIELD: b"{}"})
    until(lambda: "virtual_ward_backlog_entries 1.0" in looked.get("/metrics").text)
