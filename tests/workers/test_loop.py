"""The drain's loop on the real queue: acknowledged after the commit, claimed back, one at a time, never by halves."""

from collections.abc import Sequence
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from devices.reading import Arrival
from monitoring.database import RETRIED, driver, make_engine, sqlstate, transaction
from monitoring.intake.stream import DRAIN_LOCK, DRAIN_QUEUE, GROUP, bell_name, stream_name
from tests.ward import SICK, WELL, Ward
from tests.workers.records import Heard, count, drain_all, kept_aside, put
from workers.drain import loop
from workers.drain.batch import process
from workers.drain.loop import CONSUMER, Drain
from workers.mishaps import will_pass

STREAM = stream_name(0)
BELL = bell_name(0)


def arrivals(ward: Ward, number: int, *, sets: int = 1, first: int = 0) -> list[Arrival]:
    """Requests of some sets each."""
    return [
        ward.arrival([{"id": f"{n}-{one}", "taken_at": ward.now, **WELL} for one in range(sets)])
        for n in range(first, first + number)
    ]


def take_and_die(queue: Redis, entries: int = 100) -> None:
    """A worker that is given entries and never acknowledges them."""
    queue.xreadgroup(GROUP, CONSUMER, {STREAM: ">"}, count=entries)


def test_what_is_drained_is_acknowledged_and_deleted(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 3))
    assert drain_all(ward, queue).sets == 3
    assert queue.xlen(STREAM) == 0
    assert queue.xpending(STREAM, GROUP)["pending"] == 0


def test_what_a_dead_worker_was_given_is_claimed_back(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 1))
    drain_all(ward, queue)  # makes the group
    put(queue, *arrivals(ward, 3, first=1))
    take_and_die(queue)
    put(queue, *arrivals(ward, 2, first=4))
    assert drain_all(ward, queue).sets == 5
    assert count(ward.engine, "reading") == 6
    assert queue.xlen(STREAM) == 0


def test_what_died_between_commit_and_acknowledgement_is_not_stored_twice(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 1))
    drain_all(ward, queue)
    sick = ward.arrival([{"id": "sick", "taken_at": ward.now, **SICK}])
    put(queue, sick)
    take_and_die(queue)
    ward.drains([sick])  # committed, and then it died
    told = drain_all(ward, queue)
    assert (told.sets, [done.repeats for done in told.batches]) == (0, [1])
    assert ward.history(ward.alert()) == ["raised"]
    assert queue.xlen(STREAM) == 0


def test_a_batch_whose_commit_fails_stays_on_the_stream(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 2))
    elsewhere = make_engine("postgresql://nobody@/nowhere?host=/nowhere")
    with pytest.raises(Exception, match="nowhere"):
        loop.run(Drain(elsewhere, queue, 0, Heard()), until=lambda: False)
    assert queue.xlen(STREAM) == 2
    assert drain_all(ward, queue).sets == 2


def test_the_group_is_made_anew_when_the_queue_was_emptied(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 1))
    drain_all(ward, queue)
    queue.flushdb()
    put(queue, *arrivals(ward, 2, first=1))
    assert drain_all(ward, queue).sets == 2


def test_a_pending_entry_that_somebody_deleted_is_forgotten(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 1))
    drain_all(ward, queue)
    ids = put(queue, *arrivals(ward, 2, first=1))
    take_and_die(queue)
    queue.xdel(STREAM, ids[0])
    assert drain_all(ward, queue).sets == 1
    assert queue.xpending(STREAM, GROUP)["pending"] == 0
    assert kept_aside(ward.engine) == []


def test_single_sets_are_drained_two_thousand_at_a_time(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 2100))
    sizes = [done.sets for done in drain_all(ward, queue).batches]
    assert sum(sizes) == 2100
    assert sizes[0] >= loop.SETS_PER_BATCH
    assert len(sizes) == 2


def test_large_requests_do_not_make_batches_many_times_too_large(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 12, sets=400))
    sizes = [done.sets for done in drain_all(ward, queue).batches]
    assert sum(sizes) == 4800
    assert max(sizes) <= 1.5 * loop.SETS_PER_BATCH


def test_one_drain_at_a_time_works_on_a_stream(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 2))
    with transaction(ward.engine) as session:
        driver(session).execute("SELECT pg_advisory_xact_lock(%s, %s)", (DRAIN_LOCK, 0))
        assert drain_all(ward, queue).batches == []
        assert queue.xlen(STREAM) == 2
    assert drain_all(ward, queue).sets == 2


def test_another_streams_drain_is_not_in_the_way(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 1))
    with transaction(ward.engine) as session:
        driver(session).execute("SELECT pg_advisory_xact_lock(%s, %s)", (DRAIN_LOCK, 1))
        assert drain_all(ward, queue).sets == 1


def test_the_bell_is_up_while_draining_and_down_afterwards(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 1))
    while_at_it: list[int] = []
    loop.run(Drain(ward.engine, queue, 0, lambda *_: while_at_it.append(queue.exists(BELL))), until=lambda: False)
    assert while_at_it == [1]
    assert not queue.exists(BELL)


def test_what_arrives_while_the_bell_goes_down_is_drained_all_the_same(ward: Ward, queue: Redis) -> None:
    """It did not ring, since the bell was still up: the drain looks once more after taking it down."""

    class Arriving(Redis):
        def delete(self, *names: Any) -> Any:
            if late:
                put(queue, late.pop())
            return super().delete(*names)

    late = arrivals(ward, 1, first=7)
    put(queue, *arrivals(ward, 1))
    client = Arriving(connection_pool=queue.connection_pool)
    told = Heard()
    loop.run(Drain(ward.engine, client, 0, told), until=lambda: False)
    assert (told.sets, queue.xlen(STREAM)) == (2, 0)


def test_a_drain_that_was_told_to_stop_rings_for_what_is_left(ward: Ward, queue: Redis) -> None:
    put(queue, *arrivals(ward, 3))
    assert loop.run(Drain(ward.engine, queue, 0, Heard()), until=lambda: True) == 0
    assert queue.exists(BELL)
    assert queue.llen(f"rq:queue:{DRAIN_QUEUE}") == 1


def test_a_drain_that_was_told_to_stop_rings_for_nothing_when_nothing_is_left(ward: Ward, queue: Redis) -> None:
    turns = iter([False, True])
    put(queue, *arrivals(ward, 3))
    assert loop.run(Drain(ward.engine, queue, 0, Heard()), until=lambda: next(turns)) == 3
    assert not queue.exists(BELL)
    assert queue.llen(f"rq:queue:{DRAIN_QUEUE}") == 0


def test_a_large_batch_costs_no_more_statements_than_a_small_one(ward: Ward) -> None:
    patients = [ward.patient, *(ward.admit() for _ in range(3))]
    small = statements(ward.engine, [ward.arrival([{"id": "a", "taken_at": ward.now, **WELL}])], ward)
    ward.at("08:30")
    large = [
        ward.arrival([{"id": f"b{n}", "taken_at": ward.now, **WELL} for n in range(100)], patient=patient)
        for patient in patients
    ]
    assert len(statements(ward.engine, large, ward)) == len(small)


def test_no_statement_of_a_batch_is_a_copy(ward: Ward) -> None:
    """A worker that stands still in the midst of one can't be cancelled, and would hold its rows for ever."""
    said = statements(ward.engine, [ward.arrival([{"id": "a", "taken_at": ward.now, **SICK}])], ward)
    assert [statement for statement in said if "COPY" in statement] == []


def test_what_the_database_cannot_do_is_not_waited_for(ward: Ward) -> None:
    """It has the SQLSTATE of a stale statement: tried once more, and then put aside like any other bad set."""
    with pytest.raises(DBAPIError) as refused, transaction(ward.engine) as session:
        session.execute(text("SELECT 'NaN'::numeric::int"))
    assert sqlstate(refused.value) in RETRIED
    assert not will_pass(refused.value)


def test_a_worker_that_stands_still_in_its_transaction_is_cut_off(ward: Ward) -> None:
    with transaction(ward.engine) as session:
        limit = driver(session).execute("SHOW idle_in_transaction_session_timeout").fetchone()
    assert limit == ("5s",)
    stopped = make_engine(ward.settings.database_url)
    with stopped.connect() as connection:
        connection.exec_driver_sql("SET idle_in_transaction_session_timeout = '50ms'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({DRAIN_LOCK}, 0)")
        with transaction(ward.engine) as session:
            driver(session).execute("SELECT pg_advisory_xact_lock(%s, %s)", (DRAIN_LOCK, 0))  # waits until it is cut
        with pytest.raises(DBAPIError) as cut:
            connection.exec_driver_sql("SELECT 1")
    assert will_pass(cut.value)  # whoever wakes up again leaves its batch to the others
    stopped.dispose()


def statements(engine: Engine, batch: Sequence[Arrival], ward: Ward) -> list[str]:
    """The statements of one batch."""
    seen: list[str] = []
    with transaction(engine) as session:
        connection = driver(session)
        execute = connection.execute

        def counting(query: Any, *args: Any, **options: Any) -> Any:
            seen.append(str(query))
            return execute(query, *args, **options)

        connection.execute = counting  # type: ignore[method-assign]
        process(session, batch, ward.now)
        connection.execute = execute  # type: ignore[method-assign]
    return seen
