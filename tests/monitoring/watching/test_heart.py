"""The dead man's heartbeat: called while all works from end to end, and never otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from redis import Redis

from monitoring.clock import utc_now
from monitoring.intake.stream import DRAIN_QUEUE, stream_name
from tests.monitoring.embedded.processes import eventually
from tests.monitoring.watching.watchers import Post, posted
from tests.ward import Ward
from tests.workers.records import count, drain_all


@contextmanager
def listening(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Whoever waits for the heartbeat: its address, and the paths that were called."""
    called: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Take note."""
            called.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/ping/secret", called
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def now_ward(ward: Ward) -> Ward:
    """The ward, at the real time."""
    ward.now = utc_now()
    return ward


def beats(post: Post, ward: Ward, queue: Redis, called: list[str], number: int) -> None:
    """A worker drains, and so many calls have come in the end."""
    drain_all(ward, queue)
    post.look(2)
    eventually(lambda: len(called) == number)


def test_while_all_works_it_is_called_once_each_time_by_one_of_all_watchers(now_ward: Ward, queue: Redis) -> None:
    with listening() as (url, called), posted(now_ward, 3, heartbeat_url=url, heartbeat_every_s=3600) as post:
        assert queue.xlen(stream_name(0)) == 1
        assert queue.llen(f"rq:queue:{DRAIN_QUEUE}") == 1
        beats(post, now_ward, queue, called, 1)
        post.look(20)
        assert queue.xlen(stream_name(0)) == 0
        queue.delete("watching:heartbeat")  # the time is over
        post.look()
        beats(post, now_ward, queue, called, 2)
    assert [count(now_ward.engine, table) for table in ("reading", "set_aside", "ledger")] == [0, 0, 0]


def test_while_nothing_is_drained_it_is_not_called_though_every_part_says_that_it_lives(
    now_ward: Ward, queue: Redis
) -> None:
    with listening() as (url, called), posted(now_ward, heartbeat_url=url, heartbeat_every_s=60) as post:
        post.look(18)
        assert called == []
        drain_all(now_ward, queue)
        post.look(2)
        eventually(lambda: len(called) == 1)


def test_while_anything_is_wrong_it_is_not_called(now_ward: Ward, queue: Redis) -> None:
    with listening() as (url, called), posted(now_ward, heartbeat_url=url, heartbeat_every_s=3600) as post:
        post.silent.add("timekeeper")
        post.look(12)
        drain_all(now_ward, queue)
        post.look(10)
        queue.delete("watching:heartbeat")
        post.look(10)
    assert called == []
    assert queue.xlen(stream_name(0)) == 0  # nor is anything sent that way


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/nobody-there", "https://[::1", None])
def test_that_nobody_takes_it_harms_nothing(now_ward: Ward, queue: Redis, url: str | None) -> None:
    with (
        listening(500) as (refusing, called),
        posted(now_ward, heartbeat_url=url or refusing, heartbeat_every_s=3600) as post,
    ):
        drain_all(now_ward, queue)
        post.look(4)
        eventually(lambda: not post.watchers[0]._heart.calling.is_set())
        assert not any(trouble.is_open for trouble in post.watchers[0].troubles.values())
        assert len(called) == (url is None)
