"""The table of a referral's states: what it says of any walk, that every answer keeps to it, and the page's diagram."""

from contextlib import nullcontext
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.access.roles import Role
from monitoring.patients.register import register
from monitoring.refusals import Conflict
from monitoring.ucr.states import LIVE, NEXT, UNSEEN, WAITING, Move, NotNow, Outcome, State, complete, moved
from tests.monitoring.referring import acts
from tests.monitoring.ucr_steps import asks, does, has_team, stored
from tests.ward import Ward, person

WAY_TO: dict[State, list[Move]] = {
    State.SENT: [],
    State.ACCEPTED: [Move.ACCEPT],
    State.DECLINED: [Move.DECLINE],
    State.DISPATCHED: [Move.ACCEPT, Move.DISPATCH],
    State.ARRIVED: [Move.ACCEPT, Move.DISPATCH, Move.ARRIVE],
    State.COMPLETED: [Move.ACCEPT, Move.ARRIVE, Move.COMPLETE],
    State.CANCELLED: [Move.CANCEL],
    State.UNPLACED: [],
}


@given(st.sampled_from((State.SENT, State.UNPLACED)), st.lists(st.sampled_from(Move), max_size=12))
def test_what_has_ended_stays_ended_and_nobody_is_seen_by_a_team_that_did_not_accept(
    first: State, walk: list[Move]
) -> None:
    states = [first]
    for move in walk:
        try:
            states.append(moved(states[-1], move))
        except NotNow:
            states.append(states[-1])
    for before, then in pairwise(states):
        assert before in LIVE or then == before
        assert then is not State.ARRIVED or before in {State.ACCEPTED, State.DISPATCHED, State.ARRIVED}
    possible = {move for move in Move if states[-1] in NEXT[move]}
    assert bool(possible) == (states[-1] in LIVE)
    assert (Move.CANCEL in possible) == (states[-1] in WAITING)


def test_only_what_needs_no_visit_ends_without_one() -> None:
    for state, outcome in product(State, Outcome):
        possible = state is State.ARRIVED or (state in {State.ACCEPTED, State.DISPATCHED} and outcome in UNSEEN)
        try:
            assert complete(state, outcome) is State.COMPLETED
            assert possible
        except NotNow:
            assert not possible


def test_every_answer_from_every_state_does_what_the_table_says(ward: Ward) -> None:
    has_team(ward, "ANY", max_active=100)
    for state, move in product(State, reversed(Move)):  # SEND last: from then on there is a team for everybody
        patient = acts(ward, lambda act: register(act, person(postcode_district="LE1"))).id
        made = asks(ward, patient, skills=["iv"] if state is State.UNPLACED else []).id
        for step in WAY_TO[state]:
            does(ward, made, step)
        assert stored(ward, made).state == state
        if (state, move) == (State.UNPLACED, Move.SEND):
            has_team(ward, "SKILLED", skills=["iv"], max_active=100)
        expected = _after(state, move)
        with nullcontext() if expected else pytest.raises(Conflict) as refused:
            does(ward, made, move, role=Role.COORDINATOR if move is Move.SEND else Role.ADMIN)
        assert refused is None or refused.value.current.state == state  # type: ignore[attr-defined]
        assert stored(ward, made).state == (expected or state), (state, move)


def _after(state: State, move: Move) -> State | None:
    """To complete is one answer: which of the two moves it is, the state says."""
    both = {Move.COMPLETE, Move.COMPLETE_UNSEEN}
    ways = both if move is Move.COMPLETE_UNSEEN else {move}
    return next((NEXT[way][state] for way in ways if state in NEXT[way]), None)
