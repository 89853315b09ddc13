"""Small numbers: whoever knows all that is published, and how, still can't work out a number under 5."""

from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.equity.small_cells import ROUNDED_TO, rounded, shown
from monitoring.reports.small_numbers import SHOWN_FROM

Published = tuple[int | None, ...]
TABLES = st.lists(st.integers(0, 60) | st.integers(0, 6), min_size=1, max_size=12)


def published(numbers: tuple[int, ...]) -> Published:
    """What a reader sees of a table: its groups, then their total."""
    told = shown(dict(enumerate(numbers)))
    groups = (rounded(number) if nth in told.groups else None for nth, number in enumerate(numbers))
    return (*groups, rounded(sum(numbers)) if told.total else None)


@pytest.mark.parametrize(("groups", "largest"), [(1, 42), (2, 42), (3, 22), (4, 12), (5, 7)])
def test_no_small_number_follows_from_all_that_is_published(groups: int, largest: int) -> None:
    """Every table there is, put together by what is published of it: a hidden number is never the same in all."""
    could_be: defaultdict[Published, list[set[int]]] = defaultdict(lambda: [set() for _ in range(groups)])
    for numbers in product(range(largest + 1), repeat=groups):
        for seen, number in zip(could_be[published(numbers)], numbers, strict=True):
            seen.add(number)
    for said, possible in could_be.items():
        for shown_as, values in zip(said, possible, strict=False):  # the last said is the total
            assert shown_as is not None or len(values) > 1, (said, values)


@given(TABLES)
def test_a_table_that_differs_in_a_small_number_is_published_alike(numbers: list[int]) -> None:
    """The same for larger tables, by example: a neighbour changes with the small one, or none has to."""
    seen = published(tuple(numbers))
    for nth, number in enumerate(numbers):
        if number < SHOWN_FROM:
            others = [[*numbers[:nth], value, *numbers[nth + 1 :]] for value in range(SHOWN_FROM) if value != number]
            moved = [
                [*one[:other], max(0, one[other] + by), *one[other + 1 :]]
                for one in others
                for other in range(len(numbers))
                if other != nth
                for by in range(-SHOWN_FROM, SHOWN_FROM + 1)
            ]
            assert any(published(tuple(one)) == seen for one in (*others, *moved)), numbers


@given(TABLES)
def test_what_is_shown_is_of_five_or_more_and_rounded(numbers: list[int]) -> None:
    for number, seen in zip((*numbers, sum(numbers)), published(tuple(numbers)), strict=True):
        if seen is not None:
            assert number >= SHOWN_FROM
            assert seen % ROUNDED_TO == 0
            assert abs(seen - number) <= ROUNDED_TO // 2


@given(st.lists(st.integers(SHOWN_FROM, 1000), min_size=1, max_size=8))
def test_nothing_is_hidden_where_every_group_is_large_enough(numbers: list[int]) -> None:
    assert None not in published(tuple(numbers))


def test_worked_examples() -> None:
    assert published((3, 40, 52)) == (None, 40, 50, 95)  # 5 are left over: anything from 1 to 4
    assert published((200, 150, 2, 0)) == (200, 150, None, None, 350)
    assert published((0, 8, 8)) == (None, None, 10, 15)  # 16 in all, as 15, beside 10 and 10 would tell of nobody
    assert published((4, 4)) == (None, None, None)  # 8, published as 10, would tell of two fours
    assert published((1, 2)) == (None, None, None)
    assert published((40,)) == (40, 40)
