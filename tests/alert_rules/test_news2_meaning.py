"""What NEWS2 says of sets that are not whole, of risk, of patients it is not for, and of carried scores."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.news2 import (
    RESPONSES,
    RISKS,
    NotScorable,
    Risk,
    Scale,
    mismatch,
    not_scorable,
    response,
    risk_of,
    score,
)
from alert_rules.news2_arrays import score_arrays
from alert_rules.vitals import PARAMETERS, Consciousness, VitalArrays, Vitals
from tests.alert_rules.vital_signs import FIELDS, SCALES, vital_signs

# --- what is not known


@given(vital_signs(), st.sampled_from(SCALES), st.sampled_from(FIELDS))
def test_measuring_less_never_raises_the_score_nor_lowers_the_worst_it_can_be(
    vitals: Vitals, scale: Scale, field: str
) -> None:
    more, less = score(vitals, scale), score(replace(vitals, **{field: None}), scale)
    assert less.score <= more.score <= more.score_max <= less.score_max
    assert less.risk.rank <= more.risk.rank <= more.risk_max.rank <= less.risk_max.rank
    assert less.single_red <= more.single_red


@given(vital_signs(), vital_signs(), st.sampled_from(SCALES))
def test_whatever_the_missing_values_are_the_score_lies_in_the_range(
    some: Vitals, others: Vitals, scale: Scale
) -> None:
    filled = replace(
        some,
        **{name: getattr(others, name) for name in FIELDS if getattr(some, name) is None},
    )
    partial, fuller = score(some, scale), score(filled, scale)
    assert partial.score <= fuller.score <= fuller.score_max <= partial.score_max


@given(vital_signs(), st.sampled_from(SCALES))
def test_a_score_names_what_is_missing_and_is_complete_without(vitals: Vitals, scale: Scale) -> None:
    news2 = score(vitals, scale)
    missing = [name for name, units in zip(PARAMETERS, vitals.chart_units(), strict=True) if units is None]
    assert list(news2.missing) == missing
    assert [name for name, points in news2.points.items() if points is None] == missing
    assert news2.complete == (not missing)


@given(vital_signs(complete=True), st.sampled_from(SCALES))
def test_a_complete_score_is_one_number(vitals: Vitals, scale: Scale) -> None:
    news2 = score(vitals, scale)
    assert (news2.complete, news2.score, news2.risk) == (True, news2.score_max, news2.risk_max)


def test_scale_1_needs_no_oxygen_status_to_score_spo2() -> None:
    for on_oxygen in (None, False, True):
        assert score(Vitals(spo2=93, on_oxygen=on_oxygen), 1).points["spo2"] == 2


def test_an_assumed_oxygen_scores_but_the_set_is_not_complete() -> None:
    vitals = Vitals(18, 95, True, 120, 80, Consciousness.ALERT, 370)
    news2 = score(vitals, 2, assumed={"oxygen"})
    assert (news2.score, news2.score_max, news2.missing) == (4, 4, ())
    assert (news2.complete, news2.assumed) == (False, ("oxygen",))
    both = score_arrays(VitalArrays.of([vitals, vitals]), np.array([True, True]), np.array([True, False]))
    assert (both.complete.tolist(), both.score.tolist()) == ([False, True], [4, 4])


@pytest.mark.parametrize("assumed", [{"oxygen"}, {"temperature_tenths"}, "oxygen"])
def test_only_a_parameter_with_a_value_can_be_assumed(assumed: set[str] | str) -> None:
    with pytest.raises(ValueError, match="assumed"):
        score(Vitals(temperature_tenths=370), 1, assumed)


# --- risk and response


@pytest.mark.parametrize("total", range(21))
def test_the_risk_of_a_total_is_as_chart_2_says(total: int) -> None:
    high_or_medium = Risk.HIGH if total >= 7 else Risk.MEDIUM if total >= 5 else None
    assert risk_of(total, single_red=False) is (high_or_medium or Risk.LOW)
    assert risk_of(total, single_red=True) is (high_or_medium or Risk.LOW_MEDIUM)


def test_risks_rank_as_they_read_and_what_is_not_scored_is_below_all() -> None:
    assert [risk.rank for risk in (Risk.LOW, Risk.LOW_MEDIUM, Risk.MEDIUM, Risk.HIGH)] == [0, 1, 2, 3]
    assert Risk.NOT_APPLICABLE.rank == -1
    assert all(RISKS[risk.rank] is risk for risk in Risk)


@pytest.mark.parametrize(
    ("total", "single_red", "hours"),
    [
        (0, False, (12, 12)),
        (1, False, (4, 6)),
        (4, False, (4, 6)),
        (3, True, (1, 1)),
        (5, False, (1, 1)),
        (6, True, (1, 1)),
        (7, False, (0, 0)),
        (20, True, (0, 0)),
    ],
)
def test_the_response_says_when_to_look_again(total: int, single_red: bool, hours: tuple[int, int]) -> None:
    found = response(risk_of(total, single_red=single_red), total)
    assert found is not None
    assert (found.hours_min, found.hours_max) == hours


def test_every_risk_has_its_own_response_and_no_score_has_none() -> None:
    assert {one.risk for one in RESPONSES} == set(Risk) - {Risk.NOT_APPLICABLE}
    assert response(Risk.NOT_APPLICABLE, 0) is None


@pytest.mark.parametrize(
    ("age_years", "pregnant", "spinal_cord_injury", "reason"),
    [
        (15, False, False, NotScorable.UNDER_16),
        (16, False, False, None),
        (16, "unknown", False, None),
        (30, True, False, NotScorable.PREGNANT),
        (80, False, True, NotScorable.SPINAL_CORD_INJURY),
        (80, "unknown", True, NotScorable.SPINAL_CORD_INJURY),
    ],
)
def test_the_young_the_pregnant_and_the_spine_injured_are_not_scored(
    age_years: int, pregnant: bool | Literal["unknown"], spinal_cord_injury: bool, reason: str | None
) -> None:
    assert not_scorable(age_years, pregnant, spinal_cord_injury) == reason


# --- scores that messages carry

FIVE = Vitals(21, 93, False, 120, 95, Consciousness.ALERT, 375)


def test_a_carried_score_that_the_readings_give_is_no_mismatch() -> None:
    assert mismatch(5, score(FIVE, 1)) is None


@pytest.mark.parametrize("reported", [4, 6])
def test_a_carried_score_that_the_readings_do_not_give_is_told(reported: int) -> None:
    assert mismatch(reported, score(FIVE, 1)) == f"reported {reported}, by the chart 5"


def test_a_carried_score_is_wrong_only_outside_what_the_readings_allow() -> None:
    without_consciousness = score(replace(FIVE, consciousness=None), 1)
    assert mismatch(5, without_consciousness) is None
    assert mismatch(8, without_consciousness) is None
    assert mismatch(9, without_consciousness) == "reported 9, by the chart 5 to 8"
