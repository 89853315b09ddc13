"""Overtaken or not: a set is history only where newer ones measured again what made it bad."""

from datetime import timedelta
from typing import Any

import pytest

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from tests.ward import VERY_SICK, WELL, Ward
from tests.workers.records import rows
from tests.workers.test_late_sets import kinds, posts

BAD: dict[str, Any] = {"spo2": 84, "pulse": 118, "respiratory_rate": 26}  # NEWS2 8, and nothing said of oxygen


def sole(ward: Ward) -> tuple[str, int]:
    """Kind and severity of the one alert, but for readings that did not come."""
    (alert,) = [one for one in ward.alerts() if one.kind != Kind.OVERDUE]
    return alert.kind, alert.severity


CRITICAL = (Kind.DETERIORATION, Severity.CRITICAL)


@pytest.mark.parametrize(
    "newer", [{"weight": 70}, {"wellness": "same"}, {"declined": "asleep"}, {"glucose": 6, "systolic": 125}]
)
@pytest.mark.parametrize("age", ["12:09", "11:00"], ids=["a minute", "an hour"])
def test_what_measured_something_else_overtakes_nothing(ward: Ward, newer: dict[str, Any], age: str) -> None:
    ward.at("12:10")
    posts(ward, "newer", "12:10", **newer)
    posts(ward, "bad", age, **BAD)
    assert sole(ward) == CRITICAL


def test_a_scale_whose_clock_is_fast_holds_no_live_set_down(ward: Ward) -> None:
    ward.at("12:00").receives(weight=70, taken=ward.now + timedelta(minutes=4))
    ward.at("12:01").receives(**BAD)
    assert sole(ward) == CRITICAL


@pytest.mark.parametrize("together", [True, False])
def test_what_comes_together_alerts_as_what_comes_one_by_one(ward: Ward, together: bool) -> None:
    ward.at("13:10")
    sets = [
        {"id": "bad", "taken_at": ward.now - timedelta(minutes=65), **VERY_SICK},
        {"id": "weight", "taken_at": ward.now - timedelta(minutes=64), "weight": 70},
    ]
    for batch in [sets] if together else [sets[:1], sets[1:]]:
        ward.receives_sets(batch)
    assert sole(ward) == CRITICAL


def test_an_old_set_that_is_the_newest_known_says_how_old_it_is(ward: Ward) -> None:
    ward.at("21:00")
    posts(ward, "bad", "08:00", **BAD)
    posts(ward, "weight", "20:00", weight=70)
    assert ward.alert().reasons[-1]["text"] == "Taken 13 h 0 min before it arrived, and not measured since"


def test_low_glucose_of_an_hour_ago_is_not_overtaken_by_a_pulse(ward: Ward) -> None:
    ward.at("13:10")
    posts(ward, "pulse", "12:06", pulse=70)
    posts(ward, "glucose", "12:05", glucose=2.4)
    assert sole(ward) == CRITICAL


def test_a_carers_finding_is_not_overtaken_by_the_patients_own_word(ward: Ward) -> None:
    ward.at("12:20")
    posts(ward, "pulse", "12:20", pulse=70)
    posts(ward, "own", "12:10", consciousness="A")
    posts(ward, "carer", "12:04", consciousness="V", assessed_by="carer")
    assert sole(ward) == CRITICAL


def test_what_was_measured_again_is_history_and_the_rest_still_stands(ward: Ward) -> None:
    ward.plans(limits={"weight": {"amber_high": 80}})
    ward.at("12:30")
    posts(ward, "newer", "12:20", spo2=97)
    posts(ward, "bad", "12:10", spo2=84, weight=81)
    assert ward.alert().severity == Severity.AMBER
    assert [reason["rule"] for reason in ward.alert().reasons] == ["weight_amber_high"]
    assert ward.alert(Kind.LATE_DETERIORATION).reasons[0]["text"].endswith("was critical")


def test_posts_seconds_out_of_order_raise_one_alert(ward: Ward) -> None:
    ward.at("12:00").receives(pulse=72)
    ward.receives(spo2=84, taken=ward.now - timedelta(seconds=5))
    assert sole(ward) == CRITICAL


def test_a_late_set_that_the_open_alert_already_stands_for_is_not_told_twice(ward: Ward) -> None:
    ward.at("12:30")
    posts(ward, "newer", "12:20", spo2=83)
    posts(ward, "late", "12:10", spo2=84)
    assert kinds(ward) == [Kind.DETERIORATION]


def test_a_late_set_whose_finding_has_passed_since_is_told(ward: Ward) -> None:
    ward.at("12:30")
    posts(ward, "ill", "12:00", spo2=83)
    posts(ward, "well", "12:20", spo2=97)
    posts(ward, "late", "12:10", spo2=82)
    assert kinds(ward) == [Kind.DETERIORATION, Kind.LATE_DETERIORATION]


def test_a_late_set_that_was_bad_in_another_way_is_told_beside_an_alert_that_is_as_bad(ward: Ward) -> None:
    ward.at("12:30")
    posts(ward, "newer", "12:20", **WELL | {"spo2": 83})
    posts(ward, "late", "11:10", **WELL | {"respiratory_rate": 22, "pulse": 112, "temperature": 39.2, "systolic": 105})
    assert kinds(ward) == [Kind.DETERIORATION, Kind.LATE_DETERIORATION]


def test_a_day_later_the_patients_own_word_ends_a_confusion_and_another_is_new(ward: Ward) -> None:
    ward.at("12:00").receives(consciousness="C", assessed_by="carer")
    ward.acknowledges(ward.alert())
    for hours in (4, 21):  # the first is too early
        ward.at(timedelta(hours=hours)).receives(**WELL)
        assert ("new_confusion" in ward.alert().basis["rules"]) == (hours == 4)
    ward.at(timedelta(hours=1)).receives(consciousness="C", assessed_by="carer")
    assert ward.alert().state == State.OPEN


def test_a_late_recovery_counts_where_nobody_measured_since(ward: Ward) -> None:
    ward.at("12:00").receives(pulse=135)
    ward.acknowledges(ward.alert())
    ward.at("13:30").receives(weight=70)
    ward.receives(pulse=72, taken=ward.now - timedelta(minutes=1))
    ward.at("14:00").receives(pulse=135)
    assert ward.alert().state == State.OPEN


def test_a_late_value_from_before_says_nothing_of_what_was_measured_since(ward: Ward) -> None:
    ward.at("12:00").receives(**VERY_SICK)
    ward.acknowledges(ward.alert())
    ward.at("12:09").receives(**VERY_SICK)
    ward.receives(taken=ward.now - timedelta(minutes=5), **WELL)
    ward.at("12:14").receives(**VERY_SICK)
    assert ward.alert().state == State.ACKNOWLEDGED


def test_what_was_resolved_is_not_raised_again_by_its_own_set(ward: Ward) -> None:
    """A harmless late set beside it changes what it was made of, and not how bad it was."""
    ward.at("12:00").receives(spo2=85)
    ward.resolves(ward.alert(), "false_reading")
    ward.at("12:03").receives(pulse=70, taken=ward.now - timedelta(minutes=5))
    assert len(rows(ward.engine, "SELECT 1 FROM rescored")) == 1
    assert [alert.state for alert in ward.alerts()] == [State.RESOLVED]


def test_a_late_set_that_makes_an_open_alert_worse_is_told(ward: Ward) -> None:
    ward.at("12:00").receives(**VERY_SICK | {"systolic": 125})
    ward.acknowledges(ward.alert())
    ward.at("12:03").receives(consciousness="C", assessed_by="carer", taken=ward.now - timedelta(minutes=5))
    assert ward.alert().state == State.OPEN
