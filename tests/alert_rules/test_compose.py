"""What is known of a patient at each set: what is carried, for how long, and whose word counts."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.compose import SLOTS, Known, newest
from alert_rules.news2 import Scale, score
from alert_rules.vitals import Consciousness, Vitals
from tests.alert_rules.composing import Drain, Taken, as_sets, composed, expected, vitals_of
from tests.alert_rules.vital_signs import SCALES, vital_signs

ALERT, CONFUSED = Vitals(consciousness=Consciousness.ALERT), Vitals(consciousness=Consciousness.CONFUSED)
A_MICROSECOND = 1 / 60_000_000  # in minutes

# --- how long a value counts


@pytest.mark.parametrize(
    ("value", "minutes"),
    [
        (Vitals(respiratory_rate=18), 60),
        (Vitals(spo2=95), 60),
        (Vitals(systolic=120), 60),
        (Vitals(pulse=80), 60),
        (Vitals(temperature_tenths=370), 60),
        (ALERT, 15),
        (CONFUSED, 15),
        (Vitals(on_oxygen=True), 24 * 60),
        (Vitals(on_oxygen=False), 24 * 60),
    ],
)
def test_a_value_counts_up_to_its_age_limit_and_not_a_microsecond_longer(value: Vitals, minutes: int) -> None:
    nothing = Vitals()
    assert composed(Taken(0, value), Taken(minutes, nothing))[1] == value
    assert composed(Taken(0, value), Taken(minutes + A_MICROSECOND, nothing))[1] == nothing


def test_a_newer_value_of_its_kind_takes_the_place_of_an_older_one() -> None:
    low, better = Taken(0, Vitals(spo2=88, pulse=120)), Taken(10, Vitals(spo2=97))
    assert composed(low, better, Taken(20, Vitals()))[2] == Vitals(spo2=97, pulse=120)


def test_what_was_known_before_the_batch_counts_as_if_it_came_with_it() -> None:
    drain = Drain(stays=1)
    drain.takes([Taken(0, Vitals(spo2=93), key="a")])
    drain.takes([Taken(60, Vitals(pulse=80), key="b"), Taken(61, Vitals(), key="c")])
    assert drain.scored["b"].values[1] == 93
    assert drain.scored["b"].origins[1] == "a"
    assert drain.scored["c"].values[1] is None


def test_one_patients_values_are_never_carried_to_another() -> None:
    drain = Drain(stays=2)
    drain.takes([Taken(0, Vitals(spo2=93), stay=0, key="a"), Taken(1, Vitals(pulse=80), stay=1, key="b")])
    assert drain.scored["b"].values[1] is None


def test_a_later_set_says_nothing_about_an_earlier_one() -> None:
    assert composed(Taken(0, Vitals(pulse=80)), Taken(1, Vitals(spo2=93)))[0] == Vitals(pulse=80)


# --- consciousness


def test_a_patients_own_alert_does_not_lift_a_confusion_that_a_nurse_saw() -> None:
    nurse, patient = Taken(0, CONFUSED), Taken(10, ALERT, own_word=True)
    assert composed(nurse, patient)[1] == CONFUSED


def test_once_the_nurses_finding_is_too_old_to_score_the_patients_word_is_still_not_taken_for_it() -> None:
    assert composed(Taken(0, CONFUSED), Taken(16, ALERT, own_word=True))[1] == Vitals()


def test_a_day_later_the_patients_own_word_counts_again() -> None:
    day = 24 * 60
    assert composed(Taken(0, CONFUSED), Taken(day, ALERT, own_word=True))[1] == Vitals()
    assert composed(Taken(0, CONFUSED), Taken(day + A_MICROSECOND, ALERT, own_word=True))[1] == ALERT


def test_a_nurse_who_sees_the_patient_alert_lifts_the_confusion_for_their_own_word_too() -> None:
    seen = [Taken(0, CONFUSED), Taken(5, ALERT), Taken(10, ALERT, own_word=True), Taken(40, ALERT, own_word=True)]
    assert composed(*seen)[1:] == [ALERT, ALERT, ALERT]


def test_a_patient_who_calls_themselves_confused_is_believed_and_does_not_unsay_it() -> None:
    patient = [Taken(0, CONFUSED, own_word=True), Taken(10, ALERT, own_word=True)]
    assert composed(*patient) == [CONFUSED, CONFUSED]


def test_a_patients_own_alert_counts_where_nobody_saw_otherwise() -> None:
    assert composed(Taken(0, ALERT, own_word=True), Taken(15, Vitals()))[1] == ALERT


# --- oxygen


def test_prescribed_oxygen_is_assumed_where_a_set_is_silent_even_after_air() -> None:
    for history in ([], [Taken(0, Vitals(on_oxygen=False), key="a")]):
        drain = Drain(stays=1)
        drain.takes([*history, Taken(10, Vitals(spo2=93), key="b", prescribed=True)])
        assert drain.scored["b"].values[2] == 1
        assert drain.scored["b"].oxygen_assumed


def test_oxygen_that_was_measured_is_not_assumed() -> None:
    drain = Drain(stays=1)
    drain.takes(
        [
            Taken(0, Vitals(on_oxygen=False), key="a", prescribed=True),
            Taken(10, Vitals(on_oxygen=True), key="b", prescribed=True),
            Taken(20, Vitals(), key="c", prescribed=True),
        ]
    )
    assert [drain.scored[key].values[2] for key in "abc"] == [0, 1, 1]
    assert not any(drain.scored[key].oxygen_assumed for key in "abc")


def test_where_none_is_prescribed_silence_about_oxygen_is_unknown() -> None:
    assert composed(Taken(0, Vitals(spo2=93)))[0] == Vitals(spo2=93)


# --- sets that come late


def test_a_late_set_is_made_of_its_neighbours_and_never_of_what_came_after_it() -> None:
    drain = Drain(stays=1)
    drain.takes([Taken(0, Vitals(pulse=80), key="a"), Taken(50, Vitals(pulse=120), key="c")])
    drain.takes([Taken(30, Vitals(spo2=93), key="b")])
    assert drain.scored["b"].values == (None, 93, None, None, 80, None, None)
    assert drain.scored["c"].values == (None, 93, None, None, 120, None, None)  # scored anew


def test_a_late_value_does_not_take_the_place_of_a_newer_one_that_is_known() -> None:
    drain = Drain(stays=1)
    drain.takes([Taken(50, Vitals(spo2=88), key="b")])
    drain.takes([Taken(30, Vitals(spo2=97), key="a"), Taken(60, Vitals(pulse=80), key="c")])
    assert drain.scored["c"].values[1] == 88
    assert drain.before.values[1, 0] == 88


# --- the newest value of each kind


@pytest.mark.parametrize(("key", "wins"), [("a", False), ("c", True)])
def test_of_two_values_of_one_instant_the_greater_key_is_the_newest(key: str, wins: bool) -> None:
    before = Known(np.full((SLOTS, 1), 90, np.int16), np.zeros((SLOTS, 1), np.int64), np.ones((SLOTS, 1), np.bool_))
    sets = as_sets([Taken(0, Vitals(spo2=93), key=key)], late=[True])
    rows = newest(sets, before, [key], [["b"]] * SLOTS)
    assert rows[1, 0] == (0 if wins else -1)
    assert rows[4, 0] == -1  # no pulse in it


# --- against the policy in plain words

times_min = st.builds(
    lambda coarse, fine: coarse + fine,
    st.sampled_from([0, 24 * 60, 48 * 60]),
    st.sampled_from([0, 5, 15, 20, 30, 60, 65]),
)


words_and_oxygen = st.builds(
    Vitals,
    consciousness=st.sampled_from([None, Consciousness.ALERT, Consciousness.ALERT, Consciousness.CONFUSED]),
    on_oxygen=st.sampled_from([None, None, False, True]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Taken]:
    """Sets of two stays, often of one instant or exactly an age limit apart."""
    sets = st.builds(
        Taken,
        at_min=times_min,
        vitals=vital_signs() | words_and_oxygen,
        stay=st.integers(0, 1),
        own_word=st.booleans(),
        prescribed=st.booleans(),
    )
    return [replace(one, key=f"{n:02}") for n, one in enumerate(draw(st.lists(sets, min_size=1, max_size=12)))]


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Taken]]:
    """The same sets in any order of arrival, in batches of any size."""
    history = draw(st.permutations(draw(histories())))
    cuts = sorted(draw(st.sets(st.integers(1, len(history)), max_size=4)))
    batches = [history[start:end] for start, end in zip([0, *cuts], [*cuts, len(history)], strict=True)]
    return [batch for batch in batches if batch]


@given(deliveries())
def test_whatever_the_order_and_the_batches_each_set_ends_up_as_the_policy_says(batches: list[list[Taken]]) -> None:
    drain = Drain(stays=2)
    for batch in batches:
        drain.takes(batch)
    for one in drain.stored:
        assert drain.scored[one.key] == expected(one, drain.stored)


@given(histories(), st.sampled_from(SCALES))
def test_what_is_carried_may_raise_a_score_and_never_lowers_it(history: list[Taken], scale: Scale) -> None:
    drain = Drain(stays=2)
    drain.takes(history)
    for one in history:
        assert score(vitals_of(drain.scored[one.key]), scale).score >= score(one.vitals, scale).score


@given(deliveries())
def test_whatever_the_order_what_is_known_at_last_is_the_newest_of_each_kind(batches: list[list[Taken]]) -> None:
    drain, at_once = Drain(stays=2), Drain(stays=2)
    for batch in batches:
        drain.takes(batch)
    at_once.takes([one for batch in batches for one in batch])
    assert drain.keys == at_once.keys
    assert (drain.before.values == at_once.before.values).all()
    assert (drain.before.taken_us == at_once.before.taken_us).all()


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_within_a_batch_changes_nothing(history: list[Taken], chance: Random) -> None:
    one, other = Drain(stays=2), Drain(stays=2)
    one.takes(history)
    other.takes(chance.sample(history, len(history)))
    assert one.scored == other.scored
    assert one.keys == other.keys
