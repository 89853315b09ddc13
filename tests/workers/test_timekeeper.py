"""The timekeeper: what is due is done, what fails is told and tried again, and the bell is rung for who waits."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine

from monitoring.config import Settings
from monitoring.events import KEPT_FOR
from monitoring.heartbeat import Heard, Pulse, heard
from monitoring.intake.stream import DRAIN_QUEUE, bell_name
from monitoring.privacy.by_age import AT_ONCE
from tests.ward import WELL, Ward
from tests.workers.records import change, count, put, rows
from workers.housekeeping import forget_old, make_coming_months
from workers.timekeeper import Post, Task, ring_again, tasks, tick


@pytest.fixture
def post(engine: Engine, queue: Redis, settings: Settings) -> Post:
    """Where a timekeeper stands."""
    return Post(engine, queue, settings, Pulse(engine, "tk-1", "timekeeper"))


OLD_EVENT = "INSERT INTO event (at, kind, data) SELECT :at, 'old', '{}' FROM (VALUES (1)) one"


def has_month(engine: Engine, at: datetime) -> bool:
    """Whether readings of that month have a table."""
    return bool(rows(engine, "SELECT to_regclass(:name) IS NOT NULL AS made", name=f"reading_{at:%Y_%m}")[0].made)


def jobs(queue: Redis) -> int:
    """Drains that are enqueued."""
    return int(queue.llen(f"rq:queue:{DRAIN_QUEUE}"))


def test_it_rings_for_what_nobody_drains(ward: Ward, post: Post) -> None:
    put(post.queue, ward.arrival([{"id": "a", "taken_at": ward.now, **WELL}]))
    ring_again(post, ward.now)
    ring_again(post, ward.now)  # the bell is up: once is enough
    assert jobs(post.queue) == 1


def test_it_does_not_ring_while_a_drain_works_or_nothing_waits(ward: Ward, post: Post) -> None:
    ring_again(post, ward.now)
    post.queue.set(bell_name(0), 1)
    put(post.queue, ward.arrival([{"id": "a", "taken_at": ward.now, **WELL}]))
    ring_again(post, ward.now)
    assert jobs(post.queue) == 0


def test_one_task_that_fails_does_not_stop_the_others(ward: Ward, post: Post) -> None:
    done: list[str] = []

    def fails(*_: Any) -> None:
        raise ValueError("a row that nobody can read")

    second = timedelta(seconds=1)
    work = [Task("bad", second, fails), Task("good", second, lambda *_: done.append("done"))]
    tick(post, work, ward.now)
    tick(post, work, ward.now + second / 2)  # not due yet
    tick(post, work, ward.now + second)
    assert done == ["done", "done"]


def test_a_tick_does_all_there_is_to_do(ward: Ward, post: Post) -> None:
    change(ward.engine, OLD_EVENT, at=ward.now - KEPT_FOR)
    ward.now += timedelta(days=400)
    put(post.queue, ward.arrival([{"id": "a", "taken_at": ward.now, **WELL}]))
    tick(post, tasks(), ward.now)
    assert heard(post.engine, ward.now) == {"timekeeper": Heard(alive=1)}
    assert count(post.engine, "alert") == 1  # readings are overdue
    assert jobs(post.queue) == 1
    assert not rows(post.engine, "SELECT FROM event WHERE kind = 'old'")
    assert has_month(post.engine, ward.now)


def test_old_events_are_forgotten_however_many_and_newer_ones_kept(ward: Ward) -> None:
    emitted = f"{OLD_EVENT}, generate_series(1, :many)"
    change(ward.engine, emitted, at=ward.now - KEPT_FOR - timedelta(seconds=1), many=AT_ONCE + 5)
    change(ward.engine, emitted, at=ward.now - KEPT_FOR + timedelta(seconds=1), many=2)
    forget_old(ward.engine, ward.now)
    assert count(ward.engine, "event") == 2


def test_the_months_to_come_are_made_ahead(ward: Ward) -> None:
    later = ward.now + timedelta(days=700)
    make_coming_months(ward.engine, later)
    make_coming_months(ward.engine, later)
    assert all(has_month(ward.engine, later + timedelta(days=days)) for days in (0, 31, 59))
