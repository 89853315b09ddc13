"""What fails is told to the engineers on duty, once for all watchers, also without the database or the queue."""

from contextlib import suppress
from datetime import timedelta
from threading import Event
from typing import Any

import msgspec
import pytest
from redis import Redis

from monitoring.clock import utc_now
from monitoring.delivery.wording import subject
from monitoring.heartbeat import Heard, Pulse, heard
from monitoring.intake.clients import connect
from monitoring.intake.stream import FIELD, stream_name
from monitoring.watching.problems import CALM_S
from monitoring.watching.records import TOLD_AGAIN_AFTER
from monitoring.watching.watcher import Watcher
from monitoring.watching.within import Within
from tests.monitoring.embedded.processes import eventually
from tests.monitoring.outages import database_away, hanging_queue
from tests.monitoring.watching.watchers import hears, posted, reachable, told
from tests.receivers import Receiver, receiving
from tests.servers import Servers
from tests.ward import SICK, Ward
from tests.workers.delivering import hook, tells
from tests.workers.records import change, rows

SECOND = timedelta(seconds=1)


@pytest.fixture
def pager() -> Any:
    """Where engineers are told."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def engineer(ward: Ward, pager: Receiver) -> Ward:
    """A ward whose engineer can be told; over HTTP the real clock counts."""
    ward.now = utc_now()
    reachable(ward, pager.url("engineer"))
    return ward


def waits(queue: Redis, since_s: float, ward: Ward) -> None:
    """An entry that has waited on the stream for so long."""
    queue.xadd(stream_name(0), {FIELD: b"{}"}, id=f"{int(ward.now.timestamp() * 1000 - since_s * 1000)}-0")


@pytest.mark.parametrize(("part", "problem"), [("worker", "workers"), ("timekeeper", "timekeeper"), ("api", "api")])
def test_a_part_of_which_none_is_left_is_told_and_its_return_too(
    engineer: Ward, pager: Receiver, part: str, problem: str
) -> None:
    with posted(engineer) as post:
        post.silent.add(part)
        post.look(8)
        assert told(pager) == []  # it may only be late
        post.look(10)
        hears(pager, (problem, "began"))
        post.silent.clear()
        post.look(CALM_S + 4)
        hears(pager, (problem, "began"), (problem, "ended"))
    said = msgspec.json.decode(pager.calls[0].body)
    assert said["type"] == "system.began"
    assert said["data"]["do"] == f"docs/operations/alarms.md#{problem}"
    assert subject(said).startswith("Virtual ward, system: ")
    kinds = [row.kind for row in rows(engineer.engine, "SELECT kind FROM event WHERE data -> 'system' ? 'seen_by'")]
    assert kinds == ["system", "system"]


def test_one_of_several_workers_that_dies_is_told_unless_another_takes_its_place(
    engineer: Ward, pager: Receiver
) -> None:
    with posted(engineer) as post:
        for name in ("replaced", "missed"):
            Pulse(engineer.engine, name, "worker").beat(post.now)
        post.look(2)
        newcomer = Pulse(engineer.engine, "newcomer", "worker")
        for _ in range(15):
            post.look(2)
            newcomer.beat(post.now)
        hears(pager, ("workers", "began"))
        assert heard(engineer.engine, post.now)["worker"] == Heard(alive=2, dead=1)
    assert "1 died" in msgspec.json.decode(pager.calls[0].body)["data"]["detail"]


def test_of_two_watchers_one_tells(engineer: Ward, pager: Receiver) -> None:
    with posted(engineer, 2) as post:
        post.silent.add("worker")
        post.look(60)
        post.silent.clear()
        post.look(CALM_S + 4)
        hears(pager, ("workers", "began"), ("workers", "ended"))
        assert len({call.id for call in pager.calls}) == 2


def test_what_lasts_is_told_again_now_and_then(engineer: Ward, pager: Receiver) -> None:
    with posted(engineer, 2) as post:
        post.silent.add("worker")
        post.look(20)
        hears(pager, ("workers", "began"))
        post.look(120)
        hears(pager, ("workers", "began"))
        post.seconds += TOLD_AGAIN_AFTER.total_seconds() - 120
        post.look(10)
        hears(pager, ("workers", "began"), ("workers", "still"))


def test_readings_that_wait_are_told_as_waiting_and_as_stuck(engineer: Ward, pager: Receiver, queue: Redis) -> None:
    with posted(engineer) as post:
        waits(queue, 5, engineer)
        post.look(18)
        assert told(pager) == []
        post.look(4)
        hears(pager, ("stream", "began"))
        post.look(6)
        hears(pager, ("stream", "began"), ("unscored", "began"))


def test_readings_that_wait_and_are_worked_off_are_not_stuck(engineer: Ward, pager: Receiver, queue: Redis) -> None:
    with posted(engineer) as post:
        for _ in range(20):
            queue.xtrim(stream_name(0), maxlen=0)
            waits(queue, 40 - post.seconds, engineer)
            post.look(2)
        hears(pager, ("unscored", "began"))


def test_a_ladder_that_nobody_climbs_is_told(engineer: Ward, pager: Receiver) -> None:
    engineer.receives(**SICK)
    with posted(engineer) as post:
        change(engineer.engine, "UPDATE escalation SET due_at = :at", at=post.now)
        post.look(28)
        assert told(pager) == []
        post.look(12)
        hears(pager, ("ladders", "began"))


@pytest.mark.parametrize("sending", [False, True])
def test_an_outbox_that_does_not_empty_is_told_by_another_way(engineer: Ward, pager: Receiver, sending: bool) -> None:
    tells(engineer, hook(pager.url("clinician")))
    if sending:
        change(engineer.engine, "UPDATE message SET state = 'sending', lease_until = :at", at=engineer.now)
    with posted(engineer) as post:
        post.look(56)
        assert told(pager) == []
        post.look(14)
        hears(pager, ("outbox", "began"))


def test_a_clock_that_jumps_is_told(engineer: Ward, pager: Receiver) -> None:
    with posted(engineer) as post:
        post.began += timedelta(hours=1)
        post.look(2)
        hears(pager, ("clock", "began"))


def test_a_database_that_goes_away_is_told_to_who_was_on_duty_by_one_of_two(
    engineer: Ward, pager: Receiver, run_servers: Servers
) -> None:
    with posted(engineer, 2) as post:
        with database_away(run_servers, engineer.settings.database_url):
            for _ in range(8):
                post.seconds += 2
                for watcher in post.watchers:
                    watcher.tick(post.now, post.seconds)
            hears(pager, ("database", "began"))
        post.look(CALM_S + 4)
        hears(pager, ("database", "began"), ("database", "ended"))


def test_with_neither_database_nor_queue_each_watcher_tells(
    engineer: Ward, pager: Receiver, run_servers: Servers
) -> None:
    with posted(engineer, 2) as post, hanging_queue() as url:
        for watcher in post.watchers:
            watcher.queue = watcher.announcer.queue = connect(url)
        with database_away(run_servers, engineer.settings.database_url):
            for _ in range(8):
                post.seconds += 2
                for watcher in post.watchers:
                    watcher.tick(post.now, post.seconds)
            hears(pager, *[("database", "began"), ("queue", "began")] * 2)


def test_where_no_engineer_on_duty_can_be_reached_the_settings_say_who_is(engineer: Ward, pager: Receiver) -> None:
    pager.answers["engineer"] = [410]
    with posted(engineer, engineers_to=pager.url("always")) as post:
        post.silent.add("worker")
        post.look(18)
        pager.waits_for(2)
    assert pager.paths() == ["engineer", "always"]
    assert pager.calls[0].id == pager.calls[1].id


def test_what_reached_nobody_is_told_again_by_whoever_sees_it(engineer: Ward, pager: Receiver) -> None:
    pager.answers["engineer"] = [410, 200]
    with posted(engineer, 2) as post:
        post.silent.add("worker")
        post.look(18)
        pager.waits_for(1)
        eventually(lambda: (True,) in rows(engineer.engine, "SELECT unheard FROM system_alert"))
        post.look(64)  # the other one asks after a minute
        hears(pager, ("workers", "began"), ("workers", "still"))


def test_what_was_told_by_a_process_that_died_is_ended_by_another(engineer: Ward, pager: Receiver) -> None:
    with posted(engineer) as post:
        post.silent.add("worker")
        post.look(18)
        hears(pager, ("workers", "began"))
    with posted(engineer) as post:
        post.look(CALM_S + 4)
        hears(pager, ("workers", "began"), ("workers", "ended"))


def test_what_hangs_holds_no_watcher_up_and_is_not_begun_again_meanwhile() -> None:
    """A server that stands still lets a driver wait for ever."""
    within, gate, begun = Within("test"), Event(), []

    def hangs() -> bool:
        begun.append(True)
        return gate.wait(20)

    for _ in range(2):
        with pytest.raises(TimeoutError):
            within.do(hangs, 0.01)
    assert len(begun) == 1
    gate.set()
    eventually(lambda: _free(within))


def _free(within: Within) -> bool:
    with suppress(TimeoutError):
        return within.do(lambda: True, 1.0)
    return False


def test_a_new_process_tells_nothing_until_all_was_well_or_a_minute_is_over(engineer: Ward, pager: Receiver) -> None:
    with posted(engineer) as post:
        new = Watcher(post.watchers[0].settings, "api", beats=False)
        post.watchers.pop().stop()
        post.watchers.append(new)
        post.silent = {"worker"}
        post.look(12)  # the worker was heard a moment ago
        new._is_settled = False
        post.look(40)
        assert told(pager) == []
        post.look(20)
        hears(pager, ("workers", "began"))
