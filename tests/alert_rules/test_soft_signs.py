"""Soft signs: how bad they are, what a nurse reads, and how long they stand beside what is measured."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.severity import Severity
from alert_rules.soft_signs import (
    COUNTS_FOR_US,
    SOFT_SIGNS,
    Sign,
    bits,
    cleared_by,
    counted,
    lately,
    listed,
    named,
    reasons_of,
)

some_signs = st.frozensets(st.sampled_from(Sign))


def worst(signs: frozenset[Sign]) -> Severity:
    return max((one.severity for one in reasons_of(signs, "told")), default=Severity.NONE)


def test_every_sign_has_a_question_and_words() -> None:
    assert set(SOFT_SIGNS) == set(Sign)
    assert all(sign.asks.endswith("?") and sign.says[0].islower() for sign in SOFT_SIGNS.values())


@pytest.mark.parametrize("sign", Sign)
def test_one_sign_is_amber_at_least_and_new_confusion_as_bad_as_in_news2(sign: Sign) -> None:
    assert worst(frozenset({sign})) == (Severity.RED if sign is Sign.NEW_CONFUSION else Severity.AMBER)


@given(some_signs, some_signs)
def test_more_signs_are_never_milder(some: frozenset[Sign], more: frozenset[Sign]) -> None:
    assert worst(some | more) >= worst(some)


def test_two_signs_at_once_are_amber_plus_and_three_red_whichever_they_are() -> None:
    mild = [sign for sign in Sign if sign is not Sign.NEW_CONFUSION]
    assert {worst(frozenset(two)) for two in combinations(mild, 2)} == {Severity.AMBER_PLUS}
    assert {worst(frozenset(three)) for three in combinations(mild, 3)} == {Severity.RED}


def test_a_nurse_reads_each_sign_and_who_told_it() -> None:
    (several, *each) = [one.text for one in reasons_of({Sign.OFF_LEGS, Sign.LESS_URINE}, "told by phone at 10:15")]
    assert several == "2 soft signs at once: amber plus"
    assert each == [
        "Off legs: cannot get about as usual (told by phone at 10:15)",
        "Passing less, or dark or strong, urine (told by phone at 10:15)",
    ]
    assert listed({Sign.LESS_URINE}) == "passing less, or dark or strong, urine"


@given(some_signs)
def test_an_answer_ends_just_what_it_does_not_name(signs: frozenset[Sign]) -> None:
    fired, ended = {one.rule for one in reasons_of(signs, "")}, cleared_by(signs)
    assert not fired & ended
    every = {one.rule for one in reasons_of(frozenset(Sign), "")}
    assert fired | ended == every


@given(st.lists(some_signs, min_size=1, max_size=8))
def test_signs_as_numbers_are_the_same_signs(several: list[frozenset[Sign]]) -> None:
    numbers = np.array([bits(signs) for signs in several], np.int32)
    assert [frozenset(named(int(one))) for one in numbers] == several
    assert counted(numbers).tolist() == [len(signs) for signs in several]


@pytest.mark.parametrize(
    ("since_us", "stands"), [(-1, False), (0, True), (COUNTS_FOR_US, True), (COUNTS_FOR_US + 1, False)]
)
def test_a_sign_stands_beside_the_sets_of_the_next_day_and_no_earlier_or_later_one(
    since_us: int, *, stands: bool
) -> None:
    told_us = np.array([10**15])
    assert bool(lately(told_us + since_us, np.array([1], np.int32), told_us)[0]) == stands
