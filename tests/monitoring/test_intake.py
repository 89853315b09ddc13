"""`POST /v1/readings` over HTTP, on a real Valkey: what is answered, and what then travels on the stream."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from devices.reading import Arrival, Impossible, NoValue, ReadingSet
from monitoring.access.roles import Role
from monitoring.intake.stream import BELL_MS, DRAIN_QUEUE, FIELD, bell_name, stream_name
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import until
from tests.monitoring.steps import refused

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
SOUND: dict[str, Any] = {"id": "a1", "taken_at": AT.isoformat(), "spo2": 96}
JOBS = f"rq:queue:{DRAIN_QUEUE}"
MIB = 1_048_576


@pytest.fixture
def token(api: Api) -> str:
    """The patient's device's token."""
    return api.device()


def arrivals(queue: Redis) -> list[Arrival]:
    """What travels on the stream, entry by entry."""
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", queue.xrange(stream_name(0)))
    return [msgspec.json.decode(fields[FIELD], type=Arrival) for _, fields in entries]


def post(api: Api, token: str, content: bytes, media_type: str = "application/json") -> Answer:
    """Post bytes as they are."""
    return api.call("POST", "/v1/readings", token=token, content=content, headers={"Content-Type": media_type})


def test_one_set_is_accepted(api: Api, token: str, queue: Redis) -> None:
    answer = api.post("/v1/readings", SOUND, token=token)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    assert answer.headers["content-type"] == "application/json"
    (arrival,) = arrivals(queue)
    assert arrival.source == api.ward.patient.device_key
    assert arrival.sets == [ReadingSet(id="a1", taken_at=AT, spo2=96)]


def test_a_request_is_one_entry_of_the_stream_whatever_it_holds(api: Api, token: str, queue: Redis) -> None:
    sets = [SOUND | {"id": str(number)} for number in range(1000)]
    assert api.post("/v1/readings", sets, token=token).json() == {"accepted": 1000, "rejected": []}
    (arrival,) = arrivals(queue)
    assert [one.id for one in arrival.sets] == [str(number) for number in range(1000)]


def test_elements_are_judged_alone_and_named_by_their_place(api: Api, token: str, queue: Redis) -> None:
    sets = [SOUND | {"sp02": 96}, SOUND, SOUND | {"spo2": "96"}, SOUND | {"id": "a2"}]
    answer = api.post("/v1/readings", sets, token=token)
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "accepted": 2,
            "rejected": [
                {"index": 0, "field": "sp02", "reason": "unknown field"},
                {"index": 2, "field": "spo2", "reason": "Expected int | float | null, got str"},
            ],
        },
    )
    assert [one.id for arrival in arrivals(queue) for one in arrival.sets] == ["a1", "a2"]


def test_a_request_without_one_acceptable_set_is_a_problem_that_carries_both(
    api: Api, token: str, queue: Redis
) -> None:
    problem = refused(api.post("/v1/readings", [SOUND | {"sp02": 96}, 7], token=token), 422)
    assert problem == {
        "type": "urn:virtual-ward:problem:unacceptable",
        "title": "No set of readings could be accepted.",
        "status": 422,
        "detail": "sp02: unknown field; Expected object, got int",
        "errors": [{"field": "sp02", "reason": "unknown field"}, {"field": "", "reason": "Expected object, got int"}],
        "accepted": 0,
        "rejected": [
            {"index": 0, "field": "sp02", "reason": "unknown field"},
            {"index": 1, "field": "", "reason": "Expected object, got int"},
        ],
    }
    assert arrivals(queue) == []


def test_an_empty_array_is_the_same_problem(api: Api, token: str, queue: Redis) -> None:
    problem = refused(api.post("/v1/readings", [], token=token), 422)
    assert (problem["accepted"], problem["rejected"]) == (0, [])
    assert problem["errors"] == [{"field": "", "reason": "holds no set of readings"}]
    assert arrivals(queue) == []


def test_what_cannot_be_a_measurement_is_refused_and_travels_on_to_be_told(api: Api, token: str, queue: Redis) -> None:
    assert refused(api.post("/v1/readings", SOUND | {"spo2": 130}, token=token), 422)["rejected"][0]["field"] == "spo2"
    reason = "130 cannot be a measurement: 0 to 100 can"
    (arrival,) = arrivals(queue)
    assert arrival.sets == []
    assert arrival.impossible == [Impossible(id="a1", taken_at=AT, values=(NoValue("spo2", 130, reason),))]


def test_a_number_without_end_travels_too(api: Api, token: str, queue: Redis) -> None:
    content = json.dumps(SOUND | {"spo2": 10**400}).encode()
    assert post(api, token, content).status_code == 422
    assert arrivals(queue)[0].impossible[0].values[0].value == 10**15


def test_the_same_set_again_is_accepted_again(api: Api, token: str) -> None:
    answers = [api.post("/v1/readings", SOUND, token=token) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]


def test_what_is_not_json_is_malformed(api: Api, token: str, queue: Redis) -> None:
    for content in (b"{", b"[", b"", b"\xff", b"[" * 100_000, b'{"sp02": 1, "id": '):
        assert refused(post(api, token, content), 400)["type"] == "urn:virtual-ward:problem:malformed"
    assert arrivals(queue) == []


@given(content=st.binary(max_size=200) | st.sampled_from([b"null", b"1e999", b'[{"id":1}]', b'{"id":"\\u0000"}']))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_whatever_are_answered_with_a_server_error(api: Api, token: str, content: bytes) -> None:
    assert post(api, token, content).status_code in {400, 422}


def test_another_media_type_is_refused(api: Api, token: str) -> None:
    for media_type in ("text/plain", "application/xml", "multipart/form-data", "application/jsonl"):
        refused(post(api, token, json.dumps(SOUND).encode(), media_type), 415)


def test_json_by_another_name_is_taken(api: Api, token: str) -> None:
    for media_type in ("application/json; charset=utf-8", "Application/JSON", "application/x+json"):
        assert post(api, token, json.dumps(SOUND).encode(), media_type).status_code == 202


def test_a_mebibyte_is_taken_and_a_byte_more_is_too_large(api: Api, token: str) -> None:
    content = json.dumps(SOUND).encode()
    assert post(api, token, content.rjust(MIB)).status_code == 202
    assert refused(post(api, token, content.rjust(MIB + 1)), 413)["detail"] == "Send at most 1048576 bytes."


def test_a_body_in_pieces_is_measured_too(api: Api, token: str) -> None:
    def pieces(size: int) -> Iterator[bytes]:
        yield from [b" " * 65_536] * (size // 65_536)
        yield json.dumps(SOUND).encode()

    url, headers = "/v1/readings", {"Authorization": f"Bearer {token}"}
    assert api.client.post(url, content=pieces(MIB // 2), headers=headers).status_code == 202
    assert api.client.post(url, content=pieces(MIB * 2), headers=headers).status_code == 413


def test_a_thousand_and_one_sets_are_too_many(api: Api, token: str, queue: Redis) -> None:
    problem = refused(api.post("/v1/readings", [SOUND] * 1001, token=token), 413)
    assert problem["type"] == "urn:virtual-ward:problem:too-many-sets"
    assert arrivals(queue) == []


def test_who_may_is_judged_before_what_was_sent(api: Api) -> None:
    for content, media_type in ((b"{", "application/json"), (b"[]", "application/json"), (b"x", "text/plain")):
        assert post(api, "", content, media_type).status_code == 401
        assert post(api, "vwd_nobody", content, media_type).status_code == 401
        assert post(api, api.ward.tokens[Role.ADMIN], content, media_type).status_code == 403


def test_the_bell_rings_once_while_it_is_up(api: Api, token: str, queue: Redis) -> None:
    for number in range(5):
        api.post("/v1/readings", SOUND | {"id": str(number)}, token=token)
    assert 0 < queue.pttl(bell_name(0)) <= BELL_MS
    until(lambda: queue.llen(JOBS))
    assert queue.llen(JOBS) == 1


def test_it_rings_again_when_the_bell_was_taken_down(api: Api, token: str, queue: Redis) -> None:
    for _ in range(2):
        api.post("/v1/readings", SOUND, token=token)
        until(lambda: queue.llen(JOBS))
        queue.delete(bell_name(0), JOBS)
    api.post("/v1/readings", SOUND, token=token)
    until(lambda: queue.llen(JOBS) == 1)


def test_a_reading_is_accepted_though_the_bell_cannot_be_rung(api: Api, token: str, queue: Redis) -> None:
    queue.set(JOBS, "no list at all")
    assert api.post("/v1/readings", SOUND, token=token).status_code == 202
    assert len(arrivals(queue)) == 1


def test_staffs_sets_travel_with_the_patient_and_by_whom(api: Api, queue: Redis) -> None:
    patient = str(api.ward.patient.id)
    one = SOUND | {"method": "phone", "measured_by": "carer", "pulse": 0}
    answer = api.post(f"/v1/patients/{patient}/readings", one, Role.SUPPORT)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    (arrival,) = arrivals(queue)
    assert (arrival.source, arrival.patient) == (-api.ward.staff[Role.SUPPORT].id, patient)
    assert (arrival.sets[0].method, arrival.sets[0].pulse) == ("phone", 0)


def test_sets_of_several_devices_are_spread_over_the_streams(api: Api, ward_of_streams: Api, queue: Redis) -> None:
    tokens = [ward_of_streams.device(ward_of_streams.ward.admit()) for _ in range(3)]
    for token in tokens:
        assert ward_of_streams.post("/v1/readings", SOUND, token=token).status_code == 202
    assert [queue.xlen(stream_name(number)) for number in range(3)] == [1, 1, 1]
    assert [queue.exists(bell_name(number)) for number in range(3)] == [1, 1, 1]


@pytest.fixture
def ward_of_streams(api: Api) -> Iterator[Api]:
    """An API process that spreads readings over three streams."""
    with Api(api.ward, streams=3) as running:
        yield running
