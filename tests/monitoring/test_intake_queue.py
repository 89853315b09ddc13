"""What a 202 promises, and the 503 where it cannot be given: the queue away, hanging, full, or keeping nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from monitoring.clock import utc_now
from monitoring.intake.durability import Durability, durability_of
from monitoring.intake.stream import FIELD, IN_FLIGHT_MAX, Backlog, Inlet, bell_name, stream_name
from monitoring.refusals import Unavailable
from monitoring.service import Service
from tests.monitoring.api import Api
from tests.monitoring.outages import babbling_queue, database_away, hanging_queue, own_queue, until
from tests.monitoring.steps import refused
from tests.servers import Servers
from tests.ward import Ward

SETS: list[dict[str, Any]] = [
    {"id": str(number), "taken_at": "2026-11-21T10:00:00Z", "spo2": 96} for number in range(3)
]


@dataclass(frozen=True, slots=True)
class Intake:
    """An API process, a device's token, and a client of the queue that it posts to."""

    api: Api
    token: str
    queue: Redis

    def posts(self) -> int:
        """The status of three sets' answer."""
        return self.api.post("/v1/readings", SETS, token=self.token).status_code

    def is_refused(self) -> str:
        """The detail of the 503 to three sets."""
        answer = self.api.post("/v1/readings", SETS, token=self.token)
        problem = refused(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert problem["type"] == "urn:virtual-ward:problem:unavailable"
        return str(problem["detail"])

    def calls(self) -> dict[str, int]:
        """How often the server was asked for what."""
        return {name.removeprefix("cmdstat_"): each["calls"] for name, each in self.queue.info("commandstats").items()}


@contextmanager
def intake(ward: Ward, url: str) -> Iterator[Intake]:
    """An API process on a queue of that URL."""
    with Api(ward, queue_url=url, queue_durability="auto") as api, closing(Redis.from_url(url)) as queue:
        yield Intake(api, api.device(), queue)


@contextmanager
def intake_that_sees(durability: Durability, ward: Ward, **set_as: str) -> Iterator[Intake]:
    """An API process on a queue of its own, once it has seen how that is set."""
    with own_queue(**set_as) as server, intake(ward, server.url()) as found:
        until(lambda: service(found.api).durability is durability)
        yield found


def service(api: Api) -> Service:
    """What that process holds."""
    found = api.app.state.service
    assert isinstance(found, Service)
    return found


def test_where_nothing_listens_readings_are_sent_again_later(ward: Ward) -> None:
    with intake(ward, "unix:///nowhere/at-all.sock") as on:
        assert on.is_refused() == "The queue is not available."


def test_a_queue_that_hangs_is_given_up_on(ward: Ward) -> None:
    with hanging_queue() as url, intake(ward, url) as on:
        assert on.is_refused() == "The queue is not available."


def test_a_queue_that_talks_nonsense_hangs_nobody(ward: Ward) -> None:
    with babbling_queue() as url, intake(ward, url) as on:
        assert on.is_refused() == "The queue is not available."


def test_readings_are_accepted_once_the_queue_is_back(ward: Ward) -> None:
    with intake_that_sees(Durability.ALWAYS, ward, appendfsync="always") as on:
        on.queue.config_set("maxclients", 1)
        on.queue.client_kill_filter(_type="normal", skipme=True)
        assert on.is_refused() == "The queue is not available."
        on.queue.config_set("maxclients", 100)
        until(lambda: on.posts() == 202)


@pytest.mark.parametrize(
    ("set_as", "durability"), [({"appendonly": "no"}, Durability.NONE), ({"appendfsync": "no"}, Durability.NEVER)]
)
def test_a_queue_that_keeps_nothing_takes_nothing(ward: Ward, set_as: dict[str, str], durability: Durability) -> None:
    with intake_that_sees(durability, ward, **set_as) as on:
        assert on.is_refused() == "The queue keeps nothing on disk."
        assert on.queue.xlen(stream_name(0)) == 0


def test_nothing_is_promised_before_it_is_known_how_the_queue_is_set(ward: Ward) -> None:
    with own_queue(appendonly="no") as server, intake(ward, server.url()) as on:
        assert on.posts() == 503


def test_a_queue_whose_disk_is_switched_off_is_found_out(ward: Ward) -> None:
    with intake_that_sees(Durability.ALWAYS, ward, appendfsync="always") as on:
        assert on.posts() == 202
        on.queue.config_set("appendonly", "no")
        until(lambda: service(on.api).durability is Durability.NONE)
        assert on.is_refused() == "The queue keeps nothing on disk."


def test_where_the_disk_follows_later_it_is_waited_for(ward: Ward) -> None:
    with intake_that_sees(Durability.WAITED_FOR, ward, appendfsync="everysec") as on:
        assert on.posts() == 202
        assert on.calls()["waitaof"] == 1


def test_where_the_disk_is_written_first_nobody_waits(ward: Ward) -> None:
    with intake_that_sees(Durability.ALWAYS, ward, appendfsync="always") as on:
        assert on.posts() == 202
        assert "waitaof" not in on.calls()


def test_where_config_is_forbidden_the_disk_is_waited_for(ward: Ward) -> None:
    with own_queue(appendfsync="everysec") as server, closing(Redis.from_url(server.url())) as operator:
        operator.acl_setuser("default", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"])
        with intake(ward, server.url()) as on:
            until(lambda: service(on.api).durability is Durability.UNKNOWN)
            assert on.posts() == 202
            assert on.calls()["waitaof"] == 1


def test_what_does_not_reach_the_disk_in_time_is_not_promised() -> None:
    with own_queue(appendfsync="no") as server:
        (result,) = asyncio.run(_append(server.url(), 1, streams=1, waits_for_disk=True))
    assert isinstance(result, Unavailable)


def test_a_queue_out_of_memory_takes_nothing_by_halves(ward: Ward) -> None:
    with intake_that_sees(Durability.ALWAYS, ward, appendfsync="always") as on:
        on.queue.config_set("maxmemory", 1)
        assert on.is_refused() == "The queue cannot take readings now."
        assert on.queue.xlen(stream_name(0)) == 0
        on.queue.config_set("maxmemory", 0)
        assert on.posts() == 202


def test_a_queue_that_may_not_write_takes_nothing(ward: Ward) -> None:
    with intake_that_sees(Durability.ALWAYS, ward, appendfsync="always") as on:
        on.queue.config_set("min-replicas-to-write", 1)
        assert on.is_refused() == "The queue cannot take readings now."
        assert on.queue.xlen(stream_name(0)) == 0


def test_too_much_that_waits_is_back_pressure(ward: Ward, queue: Redis) -> None:
    queue.xadd(stream_name(0), {FIELD: b"x" * 1_100_000})
    with Api(ward, backlog_max_mb=1) as api:
        until(lambda: service(api).backlog)
        assert Intake(api, api.device(), queue).is_refused() == "Too many readings wait to be processed."
        queue.delete(stream_name(0))
        until(lambda: Intake(api, api.device(), queue).posts() == 202)


def test_waiting_too_long_is_back_pressure(ward: Ward, queue: Redis) -> None:
    hour_ago_ms = int((utc_now() - timedelta(hours=1)).timestamp() * 1000)
    queue.xadd(stream_name(0), {FIELD: b"{}"}, id=f"{hour_ago_ms}-0")
    with Api(ward) as api:
        until(lambda: service(api).backlog)
        assert Intake(api, api.device(), queue).is_refused() == "Readings wait too long to be processed."


def test_a_young_and_small_backlog_is_none(ward: Ward, queue: Redis) -> None:
    queue.xadd(stream_name(0), {FIELD: b"{}"})
    with Api(ward) as api:
        until(lambda: service(api).backlog)
        assert Intake(api, api.device(), queue).posts() == 202


async def _append(url: str, requests: int, *, streams: int, waits_for_disk: bool) -> list[BaseException | None]:
    """Append so many at once, each to its stream in turn; None for each that is on disk, or why it is not."""
    inlet = Inlet(url, streams=streams, waits_for_disk=waits_for_disk)
    waiting = [asyncio.ensure_future(inlet.append(number, b"x")) for number in range(requests)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    await inlet.close()
    return list(results)


def test_all_requests_in_flight_are_appended_in_one_round_trip() -> None:
    with own_queue(appendfsync="everysec") as server, closing(Redis.from_url(server.url())) as queue:
        results = asyncio.run(_append(server.url(), 100, streams=2, waits_for_disk=True))
        assert results == [None] * 100
        calls = {name: each["calls"] for name, each in queue.info("commandstats").items()}
        assert calls["cmdstat_xadd"] == 100
        assert calls["cmdstat_waitaof"] == 1  # so there was one pipeline
        assert [queue.xlen(stream_name(number)) for number in range(2)] == [50, 50]
        assert queue.exists(bell_name(0), bell_name(1)) == 2


def test_too_much_in_flight_is_refused_at_once() -> None:
    with own_queue() as server:
        results = asyncio.run(_append(server.url(), IN_FLIGHT_MAX + 10, streams=1, waits_for_disk=False))
    assert results[:IN_FLIGHT_MAX] == [None] * IN_FLIGHT_MAX
    assert [type(result) for result in results[IN_FLIGHT_MAX:]] == [Unavailable] * 10


def test_one_who_stops_waiting_takes_nobody_along() -> None:
    async def one_goes(url: str) -> list[BaseException | None]:
        inlet = Inlet(url, streams=1, waits_for_disk=False)
        waiting = [asyncio.ensure_future(inlet.append(0, b"x")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        await inlet.close()
        return list(results)

    with own_queue() as server:
        first, second, third = asyncio.run(one_goes(server.url()))
    assert (first, third) == (None, None)
    assert isinstance(second, asyncio.CancelledError)


def test_readings_need_no_database_once_the_tokens_are_there(ward: Ward, run_servers: Servers, queue: Redis) -> None:
    with Api(ward) as api:
        on = Intake(api, api.device(), queue)
        until(lambda: service(api).tokens.held(on.token))
        with database_away(run_servers, ward.settings.database_url):
            assert [on.posts() for _ in range(3)] == [202] * 3
            refused(api.post("/v1/readings", SETS, token="vwd_unknown"), 503)
    assert queue.xlen(stream_name(0)) == 3


def test_what_waits_is_measured_over_all_streams() -> None:
    async def look(url: str) -> Backlog:
        inlet = Inlet(url, streams=2, waits_for_disk=False)
        found = await inlet.backlog()
        await inlet.close()
        return found

    with own_queue() as server, closing(Redis.from_url(server.url())) as queue:
        assert asyncio.run(look(server.url())) == Backlog(0, 0, None)
        queue.xadd(stream_name(1), {FIELD: b"x"}, id="2000-0")
        queue.xadd(stream_name(0), {FIELD: b"x"}, id="1000-0")
        found = asyncio.run(look(server.url()))
    assert (found.entries, found.oldest_at) == (2, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert found.size_bytes > 0


@pytest.mark.parametrize(
    ("set_as", "durability"),
    [
        ({"appendonly": "yes", "appendfsync": "always"}, Durability.ALWAYS),
        ({"appendonly": "yes", "appendfsync": "everysec"}, Durability.WAITED_FOR),
        ({"appendonly": "yes", "appendfsync": "no"}, Durability.NEVER),
        ({"appendonly": "yes"}, Durability.NEVER),
        ({"appendonly": "no", "appendfsync": "always"}, Durability.NONE),
        ({}, Durability.UNKNOWN),
    ],
)
def test_what_a_server_promises_follows_from_how_it_is_set(
    set_as: dict[str | None, str | None], durability: Durability
) -> None:
    assert durability_of(set_as) is durability


def test_only_a_queue_that_can_put_on_disk_promises_anything() -> None:
    assert {one for one in Durability if not one.promises} == {Durability.NONE, Durability.NEVER, Durability.ALONE}
    assert {one for one in Durability if one.must_wait} == {Durability.WAITED_FOR, Durability.UNKNOWN}
