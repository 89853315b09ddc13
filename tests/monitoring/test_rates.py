"""How often somebody may ask: no more than is said, in all processes together, whatever is away."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from monitoring.access.rates import FAILED_BURST, SECOND_NS, Buckets, network_of
from monitoring.access.roles import Role
from monitoring.config import Settings
from tests.monitoring.api import Api
from tests.monitoring.outages import hanging_queue
from tests.monitoring.steps import refused
from tests.ward import Ward

KEY = b"token"
UNKNOWN = "vws_nobody"


@given(st.floats(0.5, 200), st.integers(1, 50), st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=120))
def test_in_no_stretch_of_time_more_is_let_in_than_the_burst_and_what_the_rate_adds(
    per_s: float, burst: int, gaps_s: list[float]
) -> None:
    bucket, now_ns, let_in = Buckets("t", per_s, burst), SECOND_NS, []
    for gap_s in gaps_s:
        now_ns += round(gap_s * SECOND_NS)
        if not bucket.take(KEY, now_ns):
            let_in.append(now_ns / SECOND_NS)
    for first, since_s in enumerate(let_in):
        for last in range(first, len(let_in)):
            assert last - first + 1 <= burst + per_s * (let_in[last] - since_s) + 1e-6


@given(st.floats(0.5, 200), st.integers(1, 50), st.integers(0, 200))
def test_who_waits_as_long_as_they_are_told_is_let_in(per_s: float, burst: int, taken: int) -> None:
    bucket = Buckets("t", per_s, burst)
    for _ in range(taken):
        bucket.take(KEY, 1000 * SECOND_NS)
    wait_s = bucket.wait_s(KEY, 1000 * SECOND_NS)
    assert (wait_s == 0) is (taken < burst)
    assert bucket.take(KEY, (1000 + wait_s) * SECOND_NS) == 0


def test_each_has_a_bucket_of_their_own() -> None:
    bucket = Buckets("t", 1, 1)
    assert [bucket.take(key, 0) for key in (b"a", b"a", b"b")] == [0, 1, 0]


def test_processes_tell_each_other_what_they_let_in(settings: Settings, queue: Redis) -> None:
    async def two() -> tuple[int, int]:
        async with AsyncRedis.from_url(settings.queue_url) as shared:
            one, other = Buckets("t", 1, 10), Buckets("t", 1, 10)
            for _ in range(10):
                one.take(KEY, 0)
            before = other.wait_s(KEY, 50 * SECOND_NS)
            await one.share(shared, 0)
            other.take(KEY, 50 * SECOND_NS)
            other.take(KEY, 50 * SECOND_NS)
            await other.share(shared, 50 * SECOND_NS)  # its own clock: each counts from an instant of its own
            return before, other.wait_s(KEY, 50 * SECOND_NS)

    before, after = asyncio.run(two())
    assert (before, after) == (0, 3)
    assert 0 < queue.pttl("rate:t:token") <= 12_000  # gone by itself once it says nothing any more


@pytest.fixture
def hurried(ward: Ward) -> Iterator[Api]:
    """An API that lets each token ask three times, and then once in 100 s."""
    with Api(ward, rate_per_s=0.01, rate_burst=3) as api:
        yield api


def test_who_asks_too_fast_is_told_when_to_come_back_and_others_are_let_in(hurried: Api) -> None:
    statuses = [hurried.get("/v1/wards", Role.CLINICIAN).status_code for _ in range(4)]
    answer = hurried.get("/v1/wards", Role.CLINICIAN)
    assert statuses == [200, 200, 200, 429]
    assert refused(answer, 429)["detail"] == "This token asks too often."
    assert 90 <= int(answer.headers["retry-after"]) <= 100
    assert hurried.get("/v1/wards", Role.UCR).status_code == 200


def test_who_guesses_is_not_even_looked_up_and_who_is_known_comes_in_from_the_same_address(api: Api) -> None:
    answers = [api.get("/v1/wards", token=f"{UNKNOWN}{number}") for number in range(FAILED_BURST + 1)]
    assert [answer.status_code for answer in answers] == [401] * FAILED_BURST + [429]
    assert "sign in failed" in refused(answers[-1], 429)["detail"]
    assert api.get("/v1/wards").status_code == 200
    typed = api.client.post("/sign-in", data={"token": UNKNOWN})
    assert (typed.status_code, "Too many" in typed.text) == (429, True)
    assert api.client.get("/sign-in/no-such-link").status_code == 429


def test_links_and_tokens_that_nobody_has_are_guesses_too(api: Api) -> None:
    for number in range(FAILED_BURST):
        if number % 2:
            assert api.client.get(f"/sign-in/link{number}").status_code == 404
        else:
            assert api.client.post("/sign-in", data={"token": f"{UNKNOWN}{number}"}).status_code == 422
    refused(api.get("/v1/wards", token=UNKNOWN), 429)


def test_while_the_queue_hangs_limits_hold_and_nobody_is_locked_out(ward: Ward) -> None:
    with hanging_queue() as url, Api(ward, rate_per_s=0.01, rate_burst=3, queue_url=url) as api:
        statuses = [api.get("/v1/wards", Role.CLINICIAN).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("address", "counted"),
    [("10.0.0.7", b"10.0.0.7"), ("2001:db8:1:2:3::4", b"2001:db8:1:2::/64"), ("testclient", b"?"), ("", b"?")],
)
def test_an_address_is_counted_by_itself_and_an_ipv6_one_by_its_network(address: str, counted: bytes) -> None:
    assert network_of(address) == counted
