"""Holds that ran out: the bed is free at that instant, is told, and goes to the next."""

from datetime import timedelta
from uuid import UUID

import pytest

from monitoring.flow import decisions
from monitoring.flow.decisions import AcceptBody, AdmitBody, EndBody
from monitoring.flow.states import HOLD, Move, State
from monitoring.wards.beds import Beds, beds
from tests.monitoring.referring import acts, moves, refers
from tests.monitoring.test_referral_states import state_of
from tests.ward import Ward
from tests.workers.records import change, rows
from tests.workers.test_alerts_at_once import together
from workers.holds import expire_holds

TICK = timedelta(microseconds=1)


def count(ward: Ward, code: str, ago: timedelta = timedelta()) -> Beds:
    """A ward's beds, now or before."""
    (key,) = rows(ward.engine, "SELECT id FROM ward WHERE code = :code", code=code)
    return acts(ward, lambda act: beds(act.session, [key.id], act.now - ago))[key.id]


def told(ward: Ward) -> list[tuple[int, list[str]]]:
    """Beds reserved and to whom a free one is offered, as the events told."""
    found = rows(ward.engine, "SELECT data FROM event WHERE kind = 'occupancy' AND ward = 'SMALL' ORDER BY id")
    return [
        (row.data["occupancy"]["reserved"], [one["referral"] for one in row.data["occupancy"]["offered"]])
        for row in found
    ]


def accept(ward: Ward, referral: UUID) -> None:
    """A bed is held."""
    acts(ward, lambda act: decisions.accept(act, referral, AcceptBody()))


def test_a_bed_that_nobody_came_for_is_offered_to_the_next(ward: Ward) -> None:
    ward.opens("SMALL", staffed=1, funded=1)
    first, second = refers(ward, "SMALL"), refers(ward, "SMALL")
    accept(ward, first)
    moves(ward, second, Move.WAIT)
    ward.now += HOLD - TICK
    assert expire_holds(ward.engine, ward.now) == 0
    ward.now += TICK
    assert expire_holds(ward.engine, ward.now) == 1
    assert expire_holds(ward.engine, ward.now) == 0
    assert state_of(ward, first) is State.HOLD_EXPIRED
    assert told(ward)[-1] == (0, [str(second)])
    accept(ward, second)
    assert (state_of(ward, second), count(ward, "SMALL").available) == (State.ACCEPTED, 0)


def test_its_history_says_when_the_hold_ended_and_that_the_clock_ended_it(ward: Ward) -> None:
    referral = refers(ward, ward.code)
    accept(ward, referral)
    ended_at = ward.now + HOLD
    ward.now += HOLD + timedelta(minutes=3)
    expire_holds(ward.engine, ward.now)
    (entry,) = rows(ward.engine, "SELECT * FROM referral_history WHERE what = 'hold_expired'")
    assert (entry.at, entry.recorded_at, entry.by, entry.from_state) == (ended_at, ward.now, None, "accepted")
    (hold,) = rows(ward.engine, "SELECT ended_at FROM bed_hold")
    assert hold.ended_at == ended_at


def test_the_bed_is_free_from_that_instant_on_though_no_timekeeper_runs(ward: Ward) -> None:
    ward.opens("SMALL", staffed=1, funded=1)
    first, second = refers(ward, "SMALL"), refers(ward, "SMALL")
    accept(ward, first)
    ward.now += HOLD
    assert count(ward, "SMALL").reserved == 0
    accept(ward, second)
    assert state_of(ward, second) is State.ACCEPTED
    moves(ward, first, Move.WAIT)  # its own hold is over as well: it stands behind now
    assert state_of(ward, first) is State.WAITING


def test_who_comes_late_is_admitted_where_a_bed_is_free(ward: Ward) -> None:
    referral = refers(ward, ward.code)
    accept(ward, referral)
    ward.now += HOLD + timedelta(minutes=1)
    acts(ward, lambda act: decisions.admit(act, referral, AdmitBody()))
    history = rows(ward.engine, "SELECT what FROM referral_history ORDER BY id")
    assert [row.what for row in history] == ["received", "accepted", "hold_expired", "admitted"]


def test_who_came_in_time_and_is_recorded_late_had_one_bed_and_never_two(ward: Ward) -> None:
    ward.opens("SMALL", staffed=2, funded=2)
    referral = refers(ward, "SMALL")
    accept(ward, referral)
    came_at = ward.now + HOLD / 2
    ward.now += HOLD + timedelta(minutes=1)
    expire_holds(ward.engine, ward.now)
    acts(ward, lambda act: decisions.admit(act, referral, AdmitBody(at=came_at)))
    before, after = (count(ward, "SMALL", ward.now - at) for at in (came_at - TICK, came_at))
    assert (before.reserved, before.occupied) == (1, 0)
    assert (after.reserved, after.occupied) == (0, 1)


def test_a_withdrawal_told_late_gave_the_bed_back_when_it_came(ward: Ward) -> None:
    referral = refers(ward, ward.code)
    accept(ward, referral)
    at = ward.now + timedelta(minutes=30)
    ward.now += timedelta(hours=1)
    acts(ward, lambda act: decisions.end(act, referral, Move.WITHDRAW, EndBody(reason="better", at=at)))
    assert [count(ward, ward.code, ward.now - at + ago).reserved for ago in (TICK, timedelta())] == [1, 0]


@pytest.mark.parametrize("move", [Move.TRIAGE, Move.DECLINE])
def test_a_bed_is_offered_by_whoever_finds_that_its_hold_ran_out_before_the_timekeeper(ward: Ward, move: Move) -> None:
    ward.opens("SMALL", staffed=1, funded=1)
    first, second = refers(ward, "SMALL"), refers(ward, "SMALL")
    accept(ward, first)
    moves(ward, second, Move.WAIT)
    ward.now += HOLD
    moves(ward, first, move)
    assert expire_holds(ward.engine, ward.now) == 0
    assert told(ward)[-1] == (0, [str(second)])


def test_two_timekeepers_at_once_expire_once(ward: Ward) -> None:
    referrals = [refers(ward, ward.code) for _ in range(5)]
    for referral in referrals:
        accept(ward, referral)
    ward.now += HOLD
    together(*[lambda: expire_holds(ward.engine, ward.now)] * 3)
    expire_holds(ward.engine, ward.now)
    entries = rows(ward.engine, "SELECT count(*) FROM referral_history WHERE what = 'hold_expired'")
    assert entries[0][0] == len(referrals)


def test_a_ward_that_somebody_is_at_work_on_is_passed_over(ward: Ward) -> None:
    ward.opens("SMALL", staffed=1, funded=1)
    for code in ("SMALL", ward.code):
        accept(ward, refers(ward, code))
    ward.now += HOLD
    with ward.engine.connect() as holder:
        holder.exec_driver_sql("SELECT * FROM ward WHERE code = 'SMALL' FOR NO KEY UPDATE")
        assert expire_holds(ward.engine, ward.now) == 1
    assert expire_holds(ward.engine, ward.now) == 1


def test_one_hold_that_cannot_be_ended_does_not_keep_other_wards(ward: Ward) -> None:
    ward.opens("SMALL", staffed=1, funded=1)
    bad, good = refers(ward, "SMALL"), refers(ward, ward.code)
    for referral in (bad, good):
        accept(ward, referral)
    change(ward.engine, "UPDATE referral SET state = 'declined' WHERE public_id = :id", id=bad)  # no use case does so
    ward.now += HOLD
    assert expire_holds(ward.engine, ward.now) == 1
    assert state_of(ward, good) is State.HOLD_EXPIRED
