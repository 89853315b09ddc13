"""Small numbers: whoever knows all that is published, and how, still can't work out a number under 5."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from monitoring.equity.small_cells import ROUNDED_TO, published
from monitoring.reports.small_numbers import SHOWN_FROM

TABLES = st.lists(st.integers(0, 60) | st.integers(0, 6), min_size=1, max_size=12)


def told(numbers: list[int]) -> tuple[int | None, ...]:
    """What a reader sees of a table where each person counts once: its groups, then their total."""
    people = dict(enumerate(numbers))
    groups, total = published(people, people, sum(numbers))
    return (*map(groups.get, people), total)


@given(TABLES)
def test_tables_that_differ_in_nothing_but_small_numbers_are_published_alike(numbers: list[int]) -> None:
    small = [nth for nth, number in enumerate(numbers) if number < SHOWN_FROM][:3]
    for others in product(range(SHOWN_FROM), repeat=len(small)):
        changed = dict(enumerate(numbers)) | dict(zip(small, others, strict=True))
        assert told([*changed.values()]) == told(numbers)


@given(TABLES)
def test_what_is_shown_is_of_five_or_more_and_rounded(numbers: list[int]) -> None:
    *groups, total = told(numbers)
    for number, seen in zip(numbers, groups, strict=True):
        assert (seen is None) == (number < SHOWN_FROM)
        assert seen is None or (seen % ROUNDED_TO == 0 and abs(seen - number) <= ROUNDED_TO // 2)
    assert total is None or total % ROUNDED_TO == 0


@given(st.lists(st.integers(SHOWN_FROM, 1000), min_size=1, max_size=8))
def test_with_nothing_hidden_the_total_counts_everybody(numbers: list[int]) -> None:
    total = told(numbers)[-1]
    assert total is not None
    assert abs(total - sum(numbers)) <= ROUNDED_TO // 2


def test_worked_examples() -> None:
    assert told([3, 40, 52]) == (None, 40, 50, 90)
    assert told([0, 23, 23, 23, 23]) == (None, 25, 25, 25, 25, 100)  # of 92, told as 90, only nobody could be left
    assert told([4, 4]) == (None, None, None)
    assert told([40]) == (40, 40)


def test_a_number_is_hidden_with_its_few_people_however_large() -> None:
    assert published({"a": 4, "b": 6}, {"a": 90, "b": 31}, 121) == ({"b": 30}, 30)
