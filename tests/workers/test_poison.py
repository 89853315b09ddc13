"""Poison: what can't be read or processed is kept aside as it came, told, and holds up nobody."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from redis import Redis
from sqlalchemy import Engine, event

from devices.reading import Arrival, ReadingSet
from monitoring.intake.stream import stream_name
from tests.ward import SICK, WELL, Ward
from tests.workers.records import count, drain_all, kept_aside, put, put_raw, rows

POISON = "could not be processed"


def sets(ward: Ward, *ids: str) -> list[ReadingSet]:
    """Sound sets."""
    return list(ward.arrival([{"id": own_id, "taken_at": ward.now, **WELL} for own_id in ids]).sets)


def arrival(ward: Ward, *some: ReadingSet) -> Arrival:
    """A request of sets that never passed the door."""
    return Arrival(source=ward.patient.device_key, received_at=ward.now, sets=list(some))


def spoilt(ward: Ward, own_id: str = "bad", **fields: Any) -> ReadingSet:
    """A set that the door would have refused."""
    return ReadingSet(id=own_id, taken_at=ward.now, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"own_id": "bad\0"},  # the database refuses it: DataError
        {"pulse": 72, "declined": "\0"},  # jsonb refuses it
        {"spo2": 70_000},  # OverflowError in 16 bits
        {"weight": 1e308},  # a number of 300 digits in 32 bits
        {"pulse": 72, "oxygen_flow_hundredths": 70_000},  # out of range of a column
    ],
    ids=["nul in an id", "nul in a text", "too large to score", "too large for a limit", "too large to store"],
)
def test_a_set_that_cannot_be_processed_is_kept_aside_alone(ward: Ward, queue: Redis, fields: dict[str, Any]) -> None:
    good = sets(ward, "a", "b", "c", "d")
    put(queue, arrival(ward, *good[:2]), arrival(ward, good[2], spoilt(ward, **fields), good[3]))
    told = drain_all(ward, queue)
    assert (told.sets, count(ward.engine, "reading")) == (4, 4)
    assert kept_aside(ward.engine) == [(fields.get("own_id", "bad").replace("\0", "\\0"), POISON)]
    assert queue.xlen(stream_name(0)) == 0


def test_poison_is_told_once_however_often_it_is_sent(ward: Ward, queue: Redis) -> None:
    for _ in range(2):
        put(queue, arrival(ward, spoilt(ward, spo2=70_000)))
        drain_all(ward, queue)
    (told,) = rows(ward.engine, "SELECT kind, ward, data FROM event WHERE kind = 'system'")
    assert told.data == {
        "at": told.data["at"],
        "ward": None,
        "system": {"problem": "kept_aside", "detail": told.data["system"]["detail"]},
    }


def test_two_culprits_in_one_batch_are_both_found(ward: Ward, queue: Redis) -> None:
    good = sets(ward, *(f"g{n}" for n in range(30)))
    culprits = [spoilt(ward, f"bad{n}", spo2=70_000) for n in range(2)]
    put(queue, arrival(ward, *good[:9], culprits[0], *good[9:]), arrival(ward, culprits[1]))
    drain_all(ward, queue)
    assert count(ward.engine, "reading") == 30
    assert sorted(kept_aside(ward.engine)) == [("bad0", POISON), ("bad1", POISON)]


def test_what_else_an_arrival_tells_takes_none_of_its_sets_along(ward: Ward, queue: Redis) -> None:
    put(queue, msgspec.structs.replace(arrival(ward, *sets(ward, "a", "b")), battery=10**12))  # no such integer there
    drain_all(ward, queue)
    assert [row.id for row in rows(ward.engine, "SELECT id FROM reading ORDER BY id")] == ["a", "b"]
    assert kept_aside(ward.engine) == []


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\0\xfe", b'{"source": 1}', b"[" * 5000], ids=repr)
def test_an_entry_that_cannot_be_read_is_kept_aside_as_it_came(ward: Ward, queue: Redis, payload: bytes) -> None:
    put(queue, arrival(ward, *sets(ward, "a")))
    entry = put_raw(queue, payload)
    put(queue, arrival(ward, *sets(ward, "b")))
    drain_all(ward, queue)
    assert count(ward.engine, "reading") == 2
    assert kept_aside(ward.engine) == [(entry.decode(), POISON)]
    assert queue.xlen(stream_name(0)) == 0


def test_a_batch_that_failed_for_a_moment_is_processed_whole(ward: Ward, queue: Redis) -> None:
    """Two drains that raise the first alert of one patient at once: the second finds it when it tries again."""
    put(queue, arrival(ward, *ward.arrival([{"id": "a", "taken_at": ward.now, **SICK}]).sets, *sets(ward, "b")))
    failures = _fail_once(ward.engine, "INSERT INTO alert ")
    drain_all(ward, queue)
    assert failures == ["failed"]
    assert count(ward.engine, "reading") == 2
    assert ward.history(ward.alert()) == ["raised"]
    assert kept_aside(ward.engine) == []


def _fail_once(engine: Engine, statement: str) -> list[str]:
    failures: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _(connection: Any, cursor: Any, text: str, *__: Any) -> None:
        if not failures and text.startswith(statement):
            failures.append("failed")
            cursor.execute("SELECT 1/0")

    return failures


def test_a_lock_that_somebody_holds_is_no_poison(ward: Ward, queue: Redis) -> None:
    """What waits too long is tried again later, and stays on the stream meanwhile."""
    put(queue, arrival(ward, *sets(ward, "a")))

    @event.listens_for(ward.engine, "checkout")
    def _(connection: Any, *__: Any) -> None:
        connection.execute("SET lock_timeout = '50ms'")
        connection.commit()

    with ward.engine.connect() as holder:
        holder.exec_driver_sql("SELECT * FROM latest_vitals FOR UPDATE")
        with pytest.raises(Exception, match="lock timeout"):
            drain_all(ward, queue)
    assert (kept_aside(ward.engine), queue.xlen(stream_name(0))) == ([], 1)
    assert drain_all(ward, queue).sets == 1


def test_the_log_of_a_failing_batch_holds_no_patient_data(
    ward: Ward, queue: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    """The database quotes the row that it refuses."""
    put(
        queue,
        arrival(ward, spoilt(ward, "private-4711", pulse=72, declined="secret words", oxygen_flow_hundredths=70_000)),
    )
    drain_all(ward, queue)
    said = "".join(capsys.readouterr())
    assert "batch_failed" in said
    assert "secret words" not in said
    assert "private-4711" not in said


def test_a_kept_entry_can_be_read_again(ward: Ward, queue: Redis) -> None:
    bad = spoilt(ward, spo2=70_000)
    put(queue, arrival(ward, bad))
    drain_all(ward, queue)
    (row,) = rows(ward.engine, "SELECT document, received_at FROM set_aside")
    assert msgspec.json.decode(row.document["as_it_came"], type=ReadingSet) == bad
    assert row.received_at == datetime(2026, 3, 10, 8, tzinfo=UTC)
