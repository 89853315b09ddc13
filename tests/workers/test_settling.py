"""Settling: what came lately moves to where the history is, and nobody can tell that it did."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from monitoring.database import AnyRow, transaction
from tests.monitoring.outages import until
from tests.ward import SICK, WELL, Ward
from tests.workers.records import change, count, current, kept_aside, rows
from workers.settling import RECENT_MAX, SETTLED_AT_ONCE, Settling, settle

MONTH = timedelta(days=31)
PARTS = ("ledger_recent", "reading_recent")


def settle_all(engine: Engine) -> None:
    """Move all there is, as the timekeeper does from second to second where too much is recent."""
    settling = Settling()
    while any(recent(engine)):
        settle(engine, settling, most=-1)


def recent(engine: Engine) -> list[int]:
    """How many ids and readings are in the recent parts."""
    return [count(engine, f"{table} WHERE recent") for table in ("ledger", "reading")]


def stored(engine: Engine) -> Sequence[AnyRow]:
    """Every reading, whatever part it is in."""
    whole = "to_jsonb(reading) - 'recent' AS whole"
    return rows(engine, f"SELECT {whole} FROM reading ORDER BY episode_id, taken_at, set")


def waiting(engine: Engine) -> int:
    """How many wait for somebody else's lock."""
    return count(engine, "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def sets(ward: Ward, numbers: Sequence[int], **vitals: Any) -> list[dict[str, Any]]:
    """Sets by their numbers, a minute apart."""
    return [{"id": f"s{n}", "taken_at": ward.now - timedelta(minutes=n), **(vitals or WELL)} for n in numbers]


def test_what_is_settled_is_as_it_was_and_in_the_part_of_its_month(ward: Ward) -> None:
    ward.receives(**SICK, weight=70.5)
    ward.now += MONTH
    ward.receives(**WELL, glucose=5.5)
    before = stored(ward.engine)
    settle_all(ward.engine)
    assert stored(ward.engine) == before
    parts = rows(ward.engine, "SELECT tableoid::regclass::text AS part FROM reading ORDER BY taken_at")
    assert [row.part for row in parts] == ["reading_2026_03", "reading_2026_04"]


def test_a_settled_id_sent_again_changes_nothing_and_with_other_content_is_kept_aside_once(ward: Ward) -> None:
    first = {"id": "a", "taken_at": ward.now, **WELL}
    ward.receives_sets([first])
    settle_all(ward.engine)
    ward.now += MONTH
    again = first | {"taken_at": ward.now}  # of another month: the id is the device's over all time
    done = ward.receives_sets([first, again, {"id": "b", "taken_at": ward.now, **WELL}])
    assert (done.sets, done.repeats, done.kept) == (1, 1, 1)
    assert ward.receives_sets([again]).kept == 0
    assert kept_aside(ward.engine) == [("a", "same id, other content")]
    assert [count(ward.engine, table) for table in ("ledger", "reading")] == [2, 2]


def test_a_late_set_changes_the_score_of_a_settled_one(ward: Ward) -> None:
    ward.receives_sets([{"id": "early", "taken_at": ward.now + timedelta(minutes=4), "pulse": 72}])
    settle_all(ward.engine)
    ward.receives_sets([{"id": "late", "taken_at": ward.now, "respiratory_rate": 26}])
    assert current(ward, "early").uses == ("late",)


def test_who_sends_an_id_again_while_it_is_on_its_way_waits_and_changes_nothing(ward: Ward) -> None:
    ward.now += MONTH
    ward.receives_sets(sets(ward, [1, 2]))
    again = [*sets(ward, [3]), *sets(ward, [1]), *sets(ward, [2], **SICK)]
    with ThreadPoolExecutor() as threads:
        with transaction(ward.engine) as session:
            moved = session.execute(text("SELECT settle_ledger(0, 10), settle_reading(0, 10)")).one()
            assert None not in moved
            done = threads.submit(ward.receives_sets, again)
            until(lambda: waiting(ward.engine) == 1)
        assert (done.result().sets, done.result().repeats, done.result().kept) == (1, 1, 1)
    assert [count(ward.engine, f"ledger WHERE {which}") for which in ("recent", "NOT recent")] == [1, 2]
    assert count(ward.engine, "reading") == 3


def test_who_enters_while_everything_is_being_settled_enters_once(ward: Ward) -> None:
    ward.now += MONTH

    def send(numbers: Sequence[int]) -> None:
        for start in range(0, len(numbers), 5):
            ward.receives_sets(sets(ward, numbers[start : start + 5]))

    whole = range(60)
    orders = [whole, whole[::-1], [*whole[30:], *whole[:30]], whole[::2]]
    settling = Settling()
    with ThreadPoolExecutor() as threads:
        senders = [threads.submit(send, order) for order in orders]
        while not all(sender.done() for sender in senders):
            settle(ward.engine, settling, most=-1)
        assert [sender.result() for sender in senders] == [None] * len(orders)
    settle_all(ward.engine)
    assert [count(ward.engine, table) for table in ("ledger", "reading")] == [60, 60]
    assert kept_aside(ward.engine) == []


def test_each_device_has_its_turn_and_the_parts_are_left_in_peace_while_they_are_small(ward: Ward) -> None:
    other = ward.admit()
    ward.now += MONTH
    for start in (0, SETTLED_AT_ONCE):
        ward.receives_sets(sets(ward, range(start, start + SETTLED_AT_ONCE), pulse=72))
    ward.receives_sets(sets(ward, range(3)), patient=other)
    settling = Settling()
    settle(ward.engine, settling)
    assert recent(ward.engine) == [2 * SETTLED_AT_ONCE + 3] * 2  # far less than would be in anybody's way
    assert SETTLED_AT_ONCE < RECENT_MAX
    settle(ward.engine, settling, most=-1)
    assert recent(ward.engine) == [SETTLED_AT_ONCE + 3] * 2
    settle(ward.engine, settling, most=-1)  # what was left of the first
    settle(ward.engine, settling, most=-1)  # the second
    assert recent(ward.engine) == [0, 0]
    ward.receives_sets([{"id": "new", "taken_at": ward.now, **WELL}])
    settle(ward.engine, settling, most=-1)
    settle(ward.engine, settling, most=-1)  # none was left after the last: the first has its turn again
    assert recent(ward.engine) == [0, 0]


@pytest.mark.parametrize("part", PARTS)
def test_nothing_but_settling_takes_a_row_from_a_recent_part(ward: Ward, part: str) -> None:
    ward.receives(**WELL)
    for statement in (f"DELETE FROM {part}", f"UPDATE {part.removesuffix('_recent')} SET recent = false"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            change(ward.engine, statement)
