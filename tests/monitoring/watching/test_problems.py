"""When a problem is told: after a short patience, once, and when it is over."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.watching.clock import JUMP_S, REMEMBERED_S, Clocks
from monitoring.watching.problems import CALM_S, KINDS, Found, Trouble, after_look
from tests.ward import DAY

DOWN: Found = {"database": "not available"}
UP: Found = {"database": None}
UNKNOWN: Found = {}
PATIENCE_S = KINDS["database"].patience_s


def after(seconds: float) -> datetime:
    """An instant of the wall's clock."""
    return datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(seconds=seconds)


def seen(*looks: tuple[float, Found], may_open: bool = True) -> list[tuple[float, str]]:
    """What opened and ended at which look."""
    troubles: dict[str, Trouble] = {}
    told = []
    for now_s, found in looks:
        before = {name for name, one in troubles.items() if one.is_open}
        troubles, ended = after_look(troubles, found, now_s, may_open=may_open)
        told += [(now_s, f"{name} opened") for name, one in troubles.items() if one.is_open and name not in before]
        told += [(now_s, f"{name} ended") for name in ended]
    return told


def test_a_blip_is_told_to_nobody() -> None:
    assert seen((0, DOWN), (PATIENCE_S - 1, DOWN), (PATIENCE_S, UP), (PATIENCE_S + 1, DOWN)) == []


def test_what_lasts_is_told_once_and_again_when_it_has_been_well_for_a_while() -> None:
    looks = [(float(at), DOWN) for at in range(0, 100, 2)] + [(float(at), UP) for at in range(100, 200, 2)]
    assert seen(*looks) == [(PATIENCE_S, "database opened"), (100 + CALM_S, "database ended")]


def test_what_comes_and_goes_is_one_problem() -> None:
    looks = [(float(at), DOWN if at % 20 < 12 else UP) for at in range(0, 200, 2)]
    assert seen(*looks) == [(PATIENCE_S, "database opened")]


def test_what_cannot_be_looked_at_is_neither_over_nor_new() -> None:
    assert seen((0, DOWN), (50, UNKNOWN), (60, DOWN)) == [(60, "database opened")]
    assert seen((0, DOWN), (20, DOWN), (30, UP), (40, UNKNOWN), (70, UP), (90, UP), (100, UP)) == [
        (20, "database opened"),
        (100, "database ended"),
    ]


def test_while_the_other_parts_are_only_starting_nothing_is_told() -> None:
    assert seen((0, DOWN), (50, DOWN), may_open=False) == []


def test_what_is_late_by_its_own_measure_is_told_at_once() -> None:
    assert seen((0, {"unscored": "1 request waits"})) == [(0, "unscored opened")]


@given(st.lists(st.tuples(st.floats(0.1, 40), st.sampled_from([DOWN, UP, UNKNOWN])), max_size=60))
def test_openings_and_ends_take_turns_and_each_lasted_long_enough(steps: list[tuple[float, Found]]) -> None:
    at_s, looks = 0.0, []
    for step_s, found in steps:
        at_s += step_s
        looks.append((at_s, found))
    told = seen(*looks)
    assert [what for _, what in told] == ["database opened", "database ended"] * (len(told) // 2) + [
        "database opened"
    ] * (len(told) % 2)
    for (before_s, _), (after_s, what) in pairwise(told):
        assert after_s - before_s >= (CALM_S if what.endswith("ended") else PATIENCE_S)


def test_a_clock_that_is_put_right_slowly_does_not_jump() -> None:
    clocks = Clocks()
    assert [clocks.look(after(at * (1 + JUMP_S / 3)), at) for at in range(10)] == [None] * 10


@pytest.mark.parametrize(("by_s", "said"), [(3600, "by 3600 s forward"), (-90, "by 90 s back")])
def test_a_clock_that_jumps_is_told_and_remembered_for_a_while(by_s: float, said: str) -> None:
    clocks = Clocks()
    assert clocks.look(after(0), 0) is None
    assert clocks.look(after(2), 2) is None
    told = clocks.look(after(4 + by_s), 4)
    assert told is not None
    assert told.startswith(said)
    assert clocks.look(after(REMEMBERED_S + by_s), REMEMBERED_S) == told
    assert clocks.look(after(REMEMBERED_S + 5 + by_s), REMEMBERED_S + 5) is None
