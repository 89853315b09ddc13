"""What hubs post, and when: the same by seed, within the contract, each set once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from devices.simulator import PROFILES, SCRIPTS, SentSet, bulk, cohort, sendings
from tests.devices.simulated import (
    HOUR,
    LONDON,
    MONDAY,
    WEEK,
    check_contract,
    first_time,
    taken,
    with_right_clock,
)


def test_the_same_seed_tells_the_same_story() -> None:
    stories = [
        [(sending.at, sending.body) for sending in sendings(cohort(list(PROFILES), 14, 7), MONDAY, MONDAY + WEEK, 7)]
        for _ in range(2)
    ]
    assert stories[0] == stories[1]


def test_another_seed_tells_another_story_of_the_same_people() -> None:
    patients = cohort(["general"], 3, seed=7)
    bodies = [{sending.body for sending in sendings(patients, MONDAY, MONDAY + WEEK, seed)} for seed in (7, 8)]
    assert not bodies[0] & bodies[1]


def test_another_seed_makes_other_people() -> None:
    assert cohort(["general"], 1, seed=7)[0].usual != cohort(["general"], 1, seed=8)[0].usual


def test_the_first_patients_are_the_same_in_a_larger_cohort() -> None:
    assert cohort(list(PROFILES), 20, seed=7)[:5] == cohort(list(PROFILES), 5, seed=7)


def test_a_patients_story_is_the_same_whoever_else_is_simulated() -> None:
    patients = cohort(list(PROFILES), 14, seed=7)
    among_all = [one for one in sendings(patients, MONDAY, MONDAY + WEEK, 7) if one.patient is patients[3]]
    assert list(sendings([patients[3]], MONDAY, MONDAY + WEEK, 7)) == among_all


def test_a_later_end_only_adds_to_the_story() -> None:
    patients = cohort(list(PROFILES), 14, seed=7)
    week = list(sendings(patients, MONDAY, MONDAY + WEEK, 7))
    longer = list(sendings(patients, MONDAY, MONDAY + 2 * WEEK, 7))
    assert longer[: len(week)] == week
    assert all(sending.at >= MONDAY + WEEK for sending in longer[len(week) :])


def test_nothing_is_taken_before_the_start_or_posted_after_the_end() -> None:
    start, end = MONDAY + timedelta(hours=10), MONDAY + timedelta(hours=50, minutes=3)
    patients = [with_right_clock(patient) for patient in cohort(["general"], 30, seed=7)]
    told = list(sendings(patients, start, end, 7))
    assert min(taken(one) for _, one in first_time(told)) >= start
    assert told[-1].at < end


def test_a_ward_without_patients_posts_nothing() -> None:
    assert list(sendings([], MONDAY, MONDAY + WEEK, 7)) == []


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    script=st.sampled_from(sorted(SCRIPTS)),
    other=st.sampled_from(sorted(SCRIPTS)),
    hour=st.integers(0, 90),
)
def test_every_posting_keeps_to_the_contract(seed: int, script: str, other: str, hour: int) -> None:
    began = MONDAY + hour * HOUR
    patients = [
        patient.begins(script, began).begins(other, began)
        for patient in cohort(list(PROFILES), 2 * len(PROFILES), seed)
    ]
    for sending in sendings(patients, MONDAY, MONDAY + WEEK, seed):
        check_contract(sending.body)
    for post in islice(bulk(patients, MONDAY, timedelta(hours=3), seed, per_post=5), 3 * len(patients)):
        check_contract(post.body)


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_not_even_ten_times_the_worst_shows_what_no_instrument_can_show(script: str) -> None:
    patients = cohort(list(PROFILES), len(PROFILES), seed=7)
    for _ in range(10):
        patients = [patient.begins(script, MONDAY - 12 * WEEK) for patient in patients]
    for post in islice(bulk(patients, MONDAY, HOUR, seed=7), 100):
        check_contract(post.body)


def test_postings_come_in_order_and_after_what_is_in_them_was_taken() -> None:
    patients = [with_right_clock(patient) for patient in cohort(list(PROFILES), 21, seed=7)]
    told = list(sendings(patients, MONDAY, MONDAY + 2 * WEEK, 7))
    assert all(before.at <= after.at for before, after in pairwise(told))
    assert all(taken(one) < sending.at for sending in told for one in sending.sets)
    assert all(taken(a) < taken(b) for sending in told for a, b in pairwise(sending.sets))


def test_a_set_sent_again_is_the_very_same_and_an_id_never_means_two_things() -> None:
    told = list(sendings(cohort(list(PROFILES), 70, seed=7), MONDAY, MONDAY + WEEK, 7))
    first = {(sending.patient.number, sending.body): sending.at for sending in told if not sending.again}
    again = [sending for sending in told if sending.again]
    assert 0.005 < len(again) / len(told) < 0.03
    assert all(first[sending.patient.number, sending.body] < sending.at for sending in again)
    ids = [(patient.number, one.id) for patient, one in first_time(told)]
    assert len(ids) == len(set(ids))


def test_a_hub_that_was_cut_off_delivers_each_set_once_late_and_in_one_array() -> None:
    patients = cohort(["general"], 20, seed=7)
    steady = [replace(one, hub=replace(with_right_clock(one).hub, outages_per_day=0.0)) for one in patients]
    flaky = [replace(one, hub=replace(with_right_clock(one).hub, outages_per_day=0.8)) for one in patients]
    on_time = list(sendings(steady, MONDAY, MONDAY + 2 * WEEK, 7))
    told = list(sendings(flaky, MONDAY, MONDAY + 4 * WEEK, 7))
    late = [s for s in told if not s.again and s.at - taken(s.sets[0]) > timedelta(minutes=10)]
    assert all(s.at - taken(s.sets[0]) <= timedelta(minutes=1) for s in on_time if not s.again)
    assert sum(len(sending.sets) > 1 for sending in late) > 50
    assert max(sending.at - taken(sending.sets[0]) for sending in late) > timedelta(hours=24)
    once = Counter((patient.number, one) for patient, one in first_time(told))
    assert {(patient.number, one) for patient, one in first_time(on_time)} <= set(once)
    assert set(once.values()) == {1}


def test_a_hub_sends_what_it_kept_before_anything_newer() -> None:
    patients = cohort(["general"], 20, seed=7)
    flaky = [replace(one, hub=replace(with_right_clock(one).hub, outages_per_day=1.0)) for one in patients]
    told = list(first_time(sendings(flaky, MONDAY, MONDAY + 4 * WEEK, 7)))
    for patient in flaky:
        instants = [taken(one) for whose, one in told if whose is patient]
        assert instants == sorted(instants)


def test_a_wrong_clock_moves_what_the_hub_says_and_nothing_else() -> None:
    right = [with_right_clock(patient) for patient in cohort(["general"], 3, seed=7)]
    wrong = [replace(patient, hub=replace(patient.hub, clock_offset_s=-7200)) for patient in right]
    for true, told in zip(*(sendings(ward, MONDAY, MONDAY + WEEK, 7) for ward in (right, wrong)), strict=True):
        assert true.at == told.at
        for one, late in zip(true.sets, told.sets, strict=True):
            assert taken(late) == taken(one) - 2 * HOUR
            assert structs.replace(late, taken_at=one.taken_at) == one


def test_sets_are_taken_by_the_schedule_give_or_take_human_habit() -> None:
    patients = [with_right_clock(patient) for patient in cohort(["general", "heart_failure"], 40, seed=7)]
    due = {"general": (8, 12, 16, 20), "heart_failure": (8, 14, 20)}
    off = [
        min(
            (taken(one).astimezone(LONDON).replace(tzinfo=None) - at for at in times(one, due[patient.pathway])),
            key=abs,
        )
        for patient, one in first_time(sendings(patients, MONDAY, MONDAY + WEEK, 7))
        if taken(one).astimezone(LONDON).hour >= 7
    ]
    assert min(off) >= timedelta(minutes=-45)
    assert max(off) <= timedelta(minutes=75)
    assert len(set(off)) > len(off) / 4
    assert 0.7 < len(off) / (20 * 7 * (4 + 3)) < 0.97  # the rest was missed


def times(one: SentSet, hours: Sequence[int]) -> list[datetime]:
    day = taken(one).astimezone(LONDON).date()
    return [datetime.combine(day, time(hour)) for hour in hours]


@pytest.mark.parametrize("night", [datetime(2026, 3, 29, tzinfo=LONDON), datetime(2026, 10, 25, tzinfo=LONDON)])
def test_the_clocks_going_forward_or_back_leaves_the_schedule_where_it_is(night: datetime) -> None:
    patients = [with_right_clock(patient) for patient in cohort(["general"], 40, seed=7)]
    start, end = night - timedelta(days=1), night + timedelta(days=2)
    hours = Counter(
        (taken(one) + timedelta(minutes=45)).astimezone(LONDON).hour
        for _, one in first_time(sendings(patients, start, end, 7))
    )
    assert sum(hours[hour] for hour in (8, 9, 12, 13, 16, 17, 20, 21)) > 0.97 * hours.total()


@pytest.mark.parametrize("night", [datetime(2026, 3, 29, tzinfo=LONDON), datetime(2026, 10, 25, tzinfo=LONDON)])
def test_a_hub_on_local_time_means_the_same_instants_when_the_clocks_change(night: datetime) -> None:
    patients = cohort(["general"], 6, seed=7)
    universal, local = (
        [
            datetime.fromisoformat(str(check_contract(post.body)[0]["taken_at"]))
            for post in islice(bulk(hubs, night - 3 * HOUR, timedelta(minutes=10), seed=7), 6 * 60)
        ]
        for hubs in (
            [with_right_clock(patient) for patient in patients],
            [with_right_clock(patient, local_time=True) for patient in patients],
        )
    )
    assert universal == local
    assert {instant.utcoffset() for instant in local} == {timedelta(0), HOUR}


def test_bulk_gives_every_hub_its_turn_in_rising_time_with_the_same_seed_the_same_bytes() -> None:
    patients = [with_right_clock(patient) for patient in cohort(list(PROFILES), 50, seed=7)]
    posts = list(islice(bulk(patients, MONDAY, timedelta(minutes=5), seed=7), 500))
    instants = [datetime.fromisoformat(str(check_contract(post.body)[0]["taken_at"])) for post in posts]
    assert Counter(post.patient.number for post in posts) == dict.fromkeys(range(50), 10)
    assert instants == sorted(instants)
    assert instants[-1] < MONDAY + timedelta(minutes=50)
    assert posts == list(islice(bulk(patients, MONDAY, timedelta(minutes=5), seed=7), 500))


def test_bulk_puts_as_many_sets_into_a_post_as_asked_and_no_id_twice() -> None:
    patients = cohort(list(PROFILES), 7, seed=7)
    posts = list(islice(bulk(patients, MONDAY, timedelta(seconds=1), seed=7, per_post=100), 21))
    sets = [(post.patient.number, check_contract(post.body)) for post in posts]
    assert {len(of_post) for _, of_post in sets} == {100}
    assert len({(number, one["id"]) for number, of_post in sets for one in of_post}) == 2100


@pytest.mark.parametrize(
    ("n", "start", "every", "per_post"),
    [
        (0, MONDAY, HOUR, 1),
        (1, MONDAY.replace(tzinfo=None), HOUR, 1),
        (1, MONDAY, timedelta(milliseconds=999), 1),
        (1, MONDAY, HOUR, 0),
        (1, MONDAY, HOUR, 1001),
    ],
)
def test_bulk_refuses_what_it_cannot_make(n: int, start: datetime, every: timedelta, per_post: int) -> None:
    with pytest.raises(ValueError, match="needs patients"):
        next(bulk(cohort(["general"], n, seed=7), start, every, 7, per_post))


def test_instants_without_an_offset_are_refused() -> None:
    naive = MONDAY.replace(tzinfo=None)
    (patient,) = cohort(["general"], 1, seed=7)
    with pytest.raises(ValueError, match="offset"):
        next(sendings([patient], naive, MONDAY, 7))
    with pytest.raises(ValueError, match="offset"):
        next(sendings([patient], MONDAY, naive, 7))
    with pytest.raises(ValueError, match="offset"):
        patient.begins("sepsis", naive)


def test_scripts_and_pathways_that_do_not_exist_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="sepsiss"):
        cohort(["general"], 1, seed=7)[0].begins("sepsiss", MONDAY.astimezone(UTC))
    with pytest.raises(ValueError, match="surgery"):
        cohort(["general", "surgery"], 2, seed=7)
