"""A queue with replicas: promised is what one of them has, and the URL of sentinels names whoever is the primary."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest
from redis import Redis

from monitoring.config import Settings, WrongSetting, read_settings
from monitoring.intake.clients import connect, connect_async
from monitoring.intake.durability import Durability, read_durability
from monitoring.intake.stream import Inlet, stream_name
from monitoring.refusals import Unavailable
from tests.chaos.grounds import crossable_folder
from tests.chaos.sentinels import Trio, trio
from tests.monitoring.api import Api
from tests.monitoring.outages import own_queue, until
from tests.ward import WELL, Ward


@pytest.fixture(scope="module")
def queue() -> Iterator[Trio]:
    """A primary, two replicas and their sentinels."""
    with crossable_folder() as folder, trio(folder / "trio") as started:
        yield started


async def append(url: str, replicas: int) -> None:
    """One entry."""
    inlet = Inlet(url, streams=1, waits_for_disk=False, replicas=replicas)
    try:
        await inlet.append(0, b"{}")
    finally:
        await inlet.close()


def test_what_a_replica_has_is_promised(queue: Trio) -> None:
    asyncio.run(append(queue.url, 2))
    with connect(queue.url) as client:
        assert client.xlen(stream_name(0)) == 1
        assert read_durability(client, stated=False, replicas=2) is Durability.ALWAYS
        assert read_durability(client, stated=False, replicas=3) is Durability.ALONE


def test_what_no_replica_has_is_not_promised() -> None:
    with own_queue(appendfsync="always") as server:
        with pytest.raises(Unavailable):
            asyncio.run(append(server.url(), 1))
        asyncio.run(append(server.url(), 0))


def test_without_its_replicas_a_queue_is_not_ready_and_devices_are_told_to_come_back(ward: Ward) -> None:
    settings = {"queue_durability": "auto", "queue_replicas": 1}
    with own_queue(appendfsync="always") as server, Api(ward, queue_url=server.url(), **settings) as api:
        until(lambda: api.app.state.service.durability is Durability.ALONE)
        health = api.get("/health/ready")
        assert (health.status_code, health.json()["parts"]["queue"]["detail"]) == (503, f"durable: {Durability.ALONE}")
        refused = api.post("/v1/readings", {"id": "a", "taken_at": api.now(), **WELL}, token=api.device())
        assert (refused.status_code, refused.json()["detail"]) == (503, "The queue has too few replicas.")
        assert int(refused.headers["Retry-After"]) > 0


def test_the_primary_is_found_by_either_client(queue: Trio) -> None:
    async def role() -> object:
        async with connect_async(queue.url) as client:
            return (await client.info("replication"))["role"]

    assert asyncio.run(role()) == "master"
    with connect(queue.url) as client, closing(Redis(port=queue.primary())) as primary:
        client.set("who", "primary")
        assert primary.get("who") == b"primary"


@pytest.mark.parametrize(
    ("url", "replicas"),
    [
        ("redis://127.0.0.1:6379/0", 0),
        ("redis+sentinel://a:26379,b/ward/0", 1),
        ("redis+sentinel://user:pass%2Fword@10.0.0.1,10.0.0.2:5000/ward-1", 1),
    ],
)
def test_who_names_sentinels_waits_for_a_replica(url: str, replicas: int) -> None:
    assert Settings(queue_url=url).replicas == replicas
    assert Settings(queue_url=url, queue_replicas=2).replicas == 2


@pytest.mark.parametrize("url", ["redis+sentinel://a,b", "redis+sentinel:///ward/0", "redis+sentinel://a/ward/x"])
def test_a_url_of_sentinels_that_names_no_service_is_refused(url: str) -> None:
    with pytest.raises(WrongSetting, match="VIRTUAL_WARD_QUEUE_URL"):
        read_settings(queue_url=url)
