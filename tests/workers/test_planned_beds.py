"""Beds that were planned: told, and offered to who waits, at the instant from which they count."""

from datetime import datetime, timedelta
from typing import Any

from monitoring.flow.states import Move
from monitoring.wards.capacity import CapacityBody, set_capacity
from monitoring.wards.closing import CloseBody, ReopenBody, close_ward, reopen_ward
from tests.monitoring.referring import acts, moves, refers
from tests.ward import Ward
from tests.workers.records import rows
from tests.workers.test_alerts_at_once import together
from workers.planned_beds import tell_planned_beds

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def plans(ward: Ward, code: str, staffed: int, from_at: datetime) -> None:
    """From then on a ward has so many beds."""
    acts(ward, lambda act: set_capacity(act, code, CapacityBody(funded=40, staffed=staffed, from_=from_at)))


def told(ward: Ward, code: str = "SMALL") -> list[tuple[int, list[str]]]:
    """Beds staffed and to whom a free one is offered, as the events told."""
    found = rows(ward.engine, "SELECT data FROM event WHERE kind = 'occupancy' AND ward = :code ORDER BY id", code=code)
    shown: list[dict[str, Any]] = [row.data["occupancy"] for row in found]
    return [(one["staffed"], [offer["referral"] for offer in one["offered"]]) for one in shown]


def later(ward: Ward, by: timedelta) -> int:
    """The clock is turned, and the timekeeper looks."""
    ward.now += by
    return tell_planned_beds(ward.engine, ward.now)


def test_a_planned_bed_is_offered_to_the_first_who_waits_when_it_comes(ward: Ward) -> None:
    ward.opens("SMALL", staffed=0)
    first, second = refers(ward, "SMALL"), refers(ward, "SMALL")
    for referral in (first, second):
        moves(ward, referral, Move.WAIT)
    plans(ward, "SMALL", 1, ward.now + HOUR)
    before = told(ward)
    assert before[-1] == (0, [])
    assert later(ward, HOUR - TICK) == 0
    assert told(ward) == before
    assert later(ward, TICK) == 1
    assert later(ward, HOUR) == 0
    assert told(ward) == [*before, (1, [str(first)])]


def test_each_of_several_plans_is_told_in_whatever_order_they_were_made(ward: Ward) -> None:
    ward.opens("SMALL", staffed=1)
    for hours, staffed in ((3, 30), (1, 10), (2, 20)):
        plans(ward, "SMALL", staffed, ward.now + hours * HOUR)
    assert [later(ward, HOUR) for _ in range(4)] == [1, 1, 1, 0]
    assert told(ward) == [(10, []), (20, []), (30, [])]


def test_plans_that_came_while_nobody_kept_time_are_told_at_once_as_they_now_are(ward: Ward) -> None:
    for code, hours in (("SMALL", 1), ("OTHER", 2)):
        ward.opens(code, staffed=1)
        plans(ward, code, 5, ward.now + HOUR)
        plans(ward, code, 7, ward.now + hours * 2 * HOUR)
    assert later(ward, 3 * HOUR) == 2
    assert (told(ward), told(ward, "OTHER")) == ([(7, [])], [(5, [])])
    assert later(ward, HOUR) == 1
    assert told(ward, "OTHER")[-1] == (7, [])


def test_a_ward_that_opens_later_is_told_when_it_opens(ward: Ward) -> None:
    ward.opens("SMALL", staffed=3, **{"from": ward.now + HOUR})
    assert later(ward, HOUR) == 1
    assert told(ward) == [(3, [])]


def test_what_closing_took_back_is_not_told(ward: Ward) -> None:
    ward.opens("SMALL", staffed=1)
    plans(ward, "SMALL", 5, ward.now + HOUR)
    acts(ward, lambda act: close_ward(act, "SMALL", CloseBody("summer")))
    acts(ward, lambda act: reopen_ward(act, "SMALL", ReopenBody(reason="winter", funded=2, staffed=2)))
    assert later(ward, HOUR) == 0
    assert told(ward) == [(0, []), (2, [])]


def test_two_timekeepers_at_once_tell_once(ward: Ward) -> None:
    codes = [f"W{number}" for number in range(5)]
    for code in codes:
        ward.opens(code, staffed=1)
        plans(ward, code, 2, ward.now + HOUR)
    ward.now += HOUR
    together(*[lambda: tell_planned_beds(ward.engine, ward.now)] * 3)
    tell_planned_beds(ward.engine, ward.now)
    assert [told(ward, code) for code in codes] == [[(2, [])]] * 5


def test_a_ward_that_somebody_is_at_work_on_is_told_a_moment_later(ward: Ward) -> None:
    for code in ("SMALL", "OTHER"):
        ward.opens(code, staffed=1)
        plans(ward, code, 2, ward.now + HOUR)
    ward.now += HOUR
    with ward.engine.connect() as holder:
        holder.exec_driver_sql("SELECT * FROM ward WHERE code = 'SMALL' FOR NO KEY UPDATE")
        assert tell_planned_beds(ward.engine, ward.now) == 1
    assert tell_planned_beds(ward.engine, ward.now) == 1
    assert told(ward) == [(2, [])]


def test_what_is_due_is_found_by_its_index(ward: Ward) -> None:
    with ward.engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        plan = connection.exec_driver_sql(
            "EXPLAIN SELECT id FROM ward WHERE beds_change_at <= now() ORDER BY beds_change_at LIMIT 200"
        )
        assert "ward_beds_change" in "\n".join(plan.scalars())
