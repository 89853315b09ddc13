"""The table of a referral's states: what it says of any walk through it, and that every decision keeps to it."""

from contextlib import suppress
from datetime import timedelta
from itertools import pairwise, product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.flow.states import LIVE, NEXT, PRIORITIES, Move, NotNow, Priority, State, moved
from monitoring.refusals import Conflict
from monitoring.wards.beds import beds
from tests.monitoring.referring import WAY_TO, acts, moves, refers, set_beds
from tests.ward import Ward
from tests.workers.records import rows

EXITS = (Move.DECLINE, Move.REDIRECT, Move.WITHDRAW)
WALKS = st.lists(st.sampled_from(list(Move)), max_size=12)


def after(walk: list[Move]) -> list[State]:
    """The states that a walk comes through; a move that is refused leads nowhere."""
    states = [State.RECEIVED]
    for move in walk:
        try:
            states.append(moved(states[-1], move))
        except NotNow:
            states.append(states[-1])
    return states


@given(WALKS)
def test_what_has_ended_stays_ended_and_what_lives_can_always_end(walk: list[Move]) -> None:
    states = after(walk)
    for before, then in pairwise(states):
        assert before in LIVE or then == before
    possible = {move for move in Move if states[-1] in NEXT[move]}
    assert possible >= set(EXITS) if states[-1] in LIVE else not possible


@given(WALKS)
def test_a_bed_is_held_by_acceptance_only_and_nobody_is_admitted_without_one(walk: list[Move]) -> None:
    states = after(walk)
    for before, then, move in zip(states, states[1:], walk, strict=False):
        if before == then:
            continue
        assert (then is State.ACCEPTED) == (move is Move.ACCEPT)
        assert then not in {State.ADMITTED, State.NOT_ONBOARDED} or State.ACCEPTED in states
        assert then is not State.HOLD_EXPIRED or before is State.ACCEPTED


@given(WALKS)
def test_triage_takes_nobody_out_of_the_waiting_list_nor_into_it(walk: list[Move]) -> None:
    states = after(walk)
    for before, then, move in zip(states, states[1:], walk, strict=False):
        assert move is not Move.TRIAGE or (before is State.WAITING) == (then is State.WAITING)


def test_every_state_is_reached_by_some_way() -> None:
    assert {after(way)[-1] for way in WAY_TO.values()} | {moved(State.RECEIVED, Move.WAIT)} == set(State)


def test_priorities_stand_in_the_nhs_order() -> None:
    names = (Priority.EMERGENCY, Priority.VERY_URGENT, Priority.URGENT, Priority.ROUTINE)
    assert names == PRIORITIES


def state_of(ward: Ward, referral: object) -> State:
    """Where a referral stands in the database."""
    (row,) = rows(ward.engine, "SELECT state FROM referral WHERE public_id = :id", id=referral)
    return State(row.state)


def has_beds(ward: Ward, **staffed: int) -> None:
    """These wards have so many beds from now on."""
    ward.now += timedelta(microseconds=1)
    for code, number in staffed.items():
        set_beds(ward.engine, code, number, ward.now)


def test_every_decision_from_every_state_does_what_the_table_says(ward: Ward) -> None:
    ward.opens("MANY", staffed=1000, funded=1000)
    ward.opens("NONE", staffed=0, funded=0)
    for state, move in product(State, Move):
        referral = refers(ward, "NONE" if state is State.WAITING else "MANY")
        for step in WAY_TO.get(state, [Move.WAIT]):
            moves(ward, referral, step)
        assert state_of(ward, referral) is state
        has_beds(ward, MANY=0 if move is Move.WAIT else 1000, NONE=0 if move is Move.WAIT else 1000)
        refused = False
        try:
            moves(ward, referral, move)
        except Conflict:
            refused = True
        assert state_of(ward, referral) is NEXT[move].get(state, state), (state, move)
        asked = move is not Move.EXPIRE  # nobody asks for it: the clock finds a hold or none
        assert refused == (asked and state not in NEXT[move]), (state, move)
        has_beds(ward, MANY=1000, NONE=0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(list(Move))), max_size=14))
def test_beds_are_held_for_who_is_accepted_and_taken_by_who_is_admitted(
    ward: Ward, walk: list[tuple[int, Move]]
) -> None:
    (row,) = rows(ward.engine, "SELECT count(*) FROM ward")
    code = f"W{row[0]}"
    ward.opens(code, staffed=2, funded=2)
    everybody = [refers(ward, code) for _ in range(4)]
    (key,) = rows(ward.engine, "SELECT id FROM ward WHERE code = :code", code=code)
    for who, move in walk:
        with suppress(Conflict):
            moves(ward, everybody[who], move)
        states = [
            State(row.state) for row in rows(ward.engine, "SELECT state FROM referral WHERE ward_id = :id", id=key.id)
        ]
        counted = acts(ward, lambda act: beds(act.session, [key.id], act.now))[key.id]
        assert counted.reserved == states.count(State.ACCEPTED)
        assert counted.occupied == states.count(State.ADMITTED)
        assert counted.available >= 0
