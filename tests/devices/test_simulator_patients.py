"""Simulated patients: believable while they are stable, and ill exactly as scripted."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import islice
from statistics import correlation, fmean, median

import pytest

from devices.simulator import PROFILES, SCRIPTS, SentSet, bulk, cohort, sendings
from tests.devices.simulated import (
    HOUR,
    LONDON,
    MONDAY,
    WEEK,
    check_contract,
    first_time,
    mean_of,
    news2,
    story_of,
    with_right_clock,
)


def test_a_few_device_clocks_are_wrong() -> None:
    clocks = [patient.hub.clock_offset_s for patient in cohort(["general"], 400, seed=7)]
    assert 0.02 < fmean(offset != 0 for offset in clocks) < 0.1


def test_stable_patients_score_low_in_nearly_all_sets() -> None:
    told = first_time(sendings(cohort(list(PROFILES), 70, seed=7), MONDAY, MONDAY + 2 * WEEK, 7))
    totals = [
        (points.score - (points.points["oxygen"] or 0), points.risk.rank)
        for patient, one in told
        for points in [news2(patient, one)]
    ]
    assert fmean(total <= 2 for total, _ in totals) > 0.95
    assert fmean(rank <= 1 for _, rank in totals) > 0.99
    assert fmean(total > 0 for total, _ in totals) > 0.05  # people, not dolls


def test_most_sets_are_not_a_whole_news2_and_only_people_answer_for_consciousness() -> None:
    told = list(first_time(sendings(cohort(list(PROFILES), 70, seed=7), MONDAY, MONDAY + WEEK, 7)))
    assert 0.1 < fmean(news2(patient, one).complete for patient, one in told) < 0.5
    assert all(one.assessed_by in {"patient", "carer"} for _, one in told if one.consciousness)
    nobody = [one for patient, one in told if patient.home.answers is None]
    assert nobody
    assert not any(one.consciousness or one.wellness or one.assessed_by for one in nobody)


def test_what_a_home_has_no_instrument_for_is_never_sent() -> None:
    told = list(first_time(sendings(cohort(list(PROFILES), 35, seed=7), MONDAY, MONDAY + WEEK, 7)))
    unmeasured = [(patient, one) for patient, one in told if "respiratory_rate" not in patient.kit]
    assert unmeasured
    assert all(one.respiratory_rate is None for _, one in unmeasured)


def test_some_sets_are_declined_with_a_reason_and_nothing_else() -> None:
    told = list(first_time(sendings(cohort(list(PROFILES), 70, seed=7), MONDAY, MONDAY + WEEK, 7)))
    declined = [one for _, one in told if one.declined]
    assert 0.002 < len(declined) / len(told) < 0.03
    assert all(one == SentSet(one.id, one.taken_at, declined=one.declined) for one in declined)


def test_instruments_show_what_they_can_resolve() -> None:
    told = list(first_time(sendings(cohort(["heart_failure"], 40, seed=7), MONDAY, MONDAY + WEEK, 7)))
    temperatures = {one.temperature for _, one in told if one.temperature is not None}
    weights = {one.weight for _, one in told if one.weight is not None}
    assert any(str(value).endswith("5") and len(str(value)) == 5 for value in temperatures)  # 36.85, a patch
    assert any(str(value).endswith(".25") for value in weights)
    assert all(len(str(value).partition(".")[2]) <= 2 for value in temperatures | weights)
    assert all(isinstance(one.spo2, int | None) for _, one in told)


def test_batteries_run_down_and_are_told_now_and_then() -> None:
    told = [one for _, one in first_time(sendings(cohort(["general"], 20, seed=7), MONDAY, MONDAY + 2 * WEEK, 7))]
    levels = [one.battery for one in told if one.battery is not None]
    assert 0.1 < len(levels) / len(told) < 0.3
    assert min(levels) < 15
    assert max(levels) > 90


def test_copd_keeps_to_scale_two_and_some_have_oxygen_at_home() -> None:
    patients = cohort(["copd"], 40, seed=7)
    told = list(first_time(sendings(patients, MONDAY, MONDAY + WEEK, 7)))
    good = [one.spo2 for _, one in told if one.spo2 is not None and one.quality is None]
    assert {patient.spo2_scale for patient in patients} == {2}
    assert fmean(88 <= spo2 <= 92 for spo2 in good) > 0.9
    assert 0.15 < fmean(patient.home_oxygen_l_min > 0 for patient in patients) < 0.65
    flows = {(patient.home_oxygen_l_min, one.oxygen_flow) for patient, one in told if one.oxygen_flow is not None}
    assert all(prescribed == told_flow for prescribed, told_flow in flows)


def test_temperature_and_pressure_are_higher_in_the_afternoon_than_in_the_early_morning() -> None:
    patients = [with_right_clock(patient) for patient in cohort(["general"], 100, seed=7)]
    by_hour: dict[int, list[dict[str, object]]] = {5: [], 17: []}
    for post in islice(bulk(patients, MONDAY, HOUR, seed=7), 48 * len(patients)):
        (one,) = check_contract(post.body)
        hour = datetime.fromisoformat(str(one["taken_at"])).astimezone(LONDON).hour
        by_hour.get(hour, []).append(one)
    for vital, least in (("temperature", 0.35), ("systolic", 5), ("pulse", 3)):
        early, late = (fmean(float(str(one[vital])) for one in by_hour[hour] if vital in one) for hour in (5, 17))
        assert late - early > least, vital


def test_readings_an_hour_apart_are_more_alike_than_readings_a_day_apart() -> None:
    patients = cohort(["general"], 1, seed=7)
    sets = [check_contract(post.body)[0] for post in islice(bulk(patients, MONDAY, HOUR, seed=7), 24 * 40)]
    pulses = [float(str(one.get("pulse", patients[0].usual["pulse"]))) for one in sets]
    same_hour = [pulse - fmean(pulses[hour % 24 :: 24]) for hour, pulse in enumerate(pulses)]
    assert correlation(same_hour[:-1], same_hour[1:]) > correlation(same_hour[:-24], same_hour[24:]) + 0.15


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_nothing_is_different_before_a_script_begins(script: str) -> None:
    well = cohort(["frailty"], 8, seed=3)
    ill = [patient.begins(script, MONDAY + timedelta(hours=36)) for patient in well]
    before, after = (
        [(sending.at, sending.body) for sending in sendings(patients, MONDAY, MONDAY + timedelta(hours=36), 3)]
        for patients in (well, ill)
    )
    assert before
    assert before == after


@pytest.mark.parametrize(
    ("script", "pathway", "hours"),
    [
        ("sepsis", "general", 24),
        ("sepsis_without_fever", "frailty", 32),
        ("neutropenic_sepsis", "acute_oncology", 12),
    ],
)
def test_sepsis_takes_news2_to_seven_and_more_within_its_hours(script: str, pathway: str, hours: int) -> None:
    story = [
        (hour, "respiratory_rate" in patient.kit, news2(patient, one).score)
        for patient, one, hour in story_of(script, pathway, n=40)
        if not one.declined
    ]
    assert SCRIPTS[script].hours[-1] == hours
    assert median(points for hour, _, points in story if hour < 0) <= 1
    at_worst = [(counts_breaths, points) for hour, counts_breaths, points in story if hour >= hours]
    assert fmean(points >= 7 for counts_breaths, points in at_worst if counts_breaths) > 0.97
    assert fmean(points >= 7 for _, points in at_worst) > 0.85
    assert fmean(points >= 5 for _, points in at_worst) > 0.96


def test_silent_hypoxia_takes_the_saturation_and_leaves_the_pulse() -> None:
    story = story_of("silent_hypoxia", "acute_respiratory")
    assert mean_of("spo2", story, 24, 60) - mean_of("spo2", story, -36, 0) < -9
    assert abs(mean_of("pulse", story, 24, 60) - mean_of("pulse", story, -36, 0)) < 3
    felt = Counter(one.wellness for _, one, hour in story if hour >= 24 and one.wellness)
    assert felt["same"] > 0.85 * felt.total()


def test_heart_failure_shows_on_the_scale_before_it_shows_in_the_breath() -> None:
    story = story_of("heart_failure_decompensation", "heart_failure", n=30, days=8)
    assert mean_of("weight", story, 44, 52) - mean_of("weight", story, -36, 0) > 1.5
    assert mean_of("respiratory_rate", story, 44, 52) - mean_of("respiratory_rate", story, -36, 0) < 2
    assert mean_of("respiratory_rate", story, 120, 150) - mean_of("respiratory_rate", story, -36, 0) > 6


def test_diuresis_takes_the_fluid_off_again() -> None:
    story = story_of("diuresis", "heart_failure", n=30, days=9)
    assert mean_of("weight", story, 160, 185) - mean_of("weight", story, -36, 0) < -2.3


def test_a_pneumonia_that_responds_gets_worse_and_then_well_again() -> None:
    story = story_of("pneumonia_that_responds", "acute_respiratory", days=8)
    before, at_worst, after = (
        fmean(news2(patient, one).score for patient, one, hour in story if from_h <= hour < to_h)
        for from_h, to_h in ((-36, 0), (20, 32), (120, 150))
    )
    assert at_worst > before + 3
    assert after < before + 0.7


def test_a_copd_exacerbation_lowers_saturation_and_makes_those_with_oxygen_turn_it_up() -> None:
    story = story_of("copd_exacerbation", "copd", n=30)
    assert mean_of("spo2", story, 48, 80) - mean_of("spo2", story, -36, 0) < -5
    raised = {one.oxygen_flow - p.home_oxygen_l_min for p, one, h in story if h > 40 and one.oxygen_flow}
    assert raised == {1.0}
    assert any(one.oxygen_flow == 0 for p, one, h in story if h > 40 and not p.home_oxygen_l_min)


def test_dehydration_lowers_the_pressure_raises_the_pulse_and_takes_weight() -> None:
    story = story_of("dehydration", "frailty", n=40)
    for vital, least in (("systolic", -28), ("pulse", 22), ("weight", -1.8)):
        moved = mean_of(vital, story, 48, 80) - mean_of(vital, story, -36, 0)
        assert moved == pytest.approx(least, rel=0.35), vital


def test_a_carer_tells_of_new_confusion_and_a_confused_patient_stops_answering() -> None:
    story = story_of("new_confusion", "frailty", n=40)
    confused = [(patient, one) for patient, one, hour in story if hour >= 8]
    by_carer = {one.consciousness for patient, one in confused if patient.home.answers == "carer"}
    by_patient = {one.consciousness for patient, one in confused if patient.home.answers == "patient"}
    assert by_carer == {"C", None}
    assert by_patient == {None}


def test_who_falls_off_the_map_takes_no_further_set() -> None:
    hours = [hour for _, _, hour in story_of("falls_off_the_map", "recovery")]
    assert hours
    assert max(hours) < 0


def test_who_was_away_for_a_day_comes_back() -> None:
    hours = [hour for _, _, hour in story_of("away_for_a_day", "recovery")]
    assert not [hour for hour in hours if 0 <= hour < 26]
    assert max(hours) > 26


def test_scripts_add_up() -> None:
    well, twice = (
        fmean(
            one.temperature
            for _, one in first_time(sendings(patients, MONDAY + timedelta(days=2), MONDAY + WEEK, 3))
            if one.temperature is not None
        )
        for stable in [cohort(["acute_oncology"], 20, seed=3)]
        for patients in (
            stable,
            [one.begins("dehydration", MONDAY).begins("dehydration", MONDAY) for one in stable],
        )
    )
    assert twice - well == pytest.approx(0.8, abs=0.05)


def test_people_who_feel_worse_say_so() -> None:
    story = story_of("sepsis", "general", n=40)
    well = Counter(one.wellness for _, one, hour in story if hour < 0 and one.wellness)
    ill = Counter(one.wellness for _, one, hour in story if hour >= 12 and one.wellness)
    assert well["worse"] + well["much worse"] < 0.05 * well.total()
    assert ill["worse"] + ill["much worse"] > 0.9 * ill.total()


def test_every_script_says_a_value_for_each_of_its_hours() -> None:
    for script in SCRIPTS.values():
        assert list(script.hours) == sorted(set(script.hours))
        assert all(len(values) == len(script.hours) for values in script.offsets.values())
        assert all(values[0] == 0 for values in script.offsets.values())
