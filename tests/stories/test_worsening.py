"""Stories of one alert while somebody has it: what is worse is never silent, and what is better is no excuse."""

from datetime import timedelta
from typing import Any

import pytest

from alert_rules.alarms import State
from alert_rules.severity import Severity
from tests.ward import SICK, VERY_SICK, WELL, Ward
from tests.workers.records import change, rows
from workers.sepsis import NOT_ANSWERED

STAFFED = {day: ["08:00", "18:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def staff_by_day(ward: Ward) -> None:
    """The ward is staffed from 08:00 to 18:00."""
    hours = ", ".join(f"'{day}', jsonb_build_array('08:00', '18:00')" for day in STAFFED)
    change(ward.engine, f"UPDATE ward SET staffed_hours = jsonb_build_object({hours})")


def rules_told(ward: Ward) -> list[str]:
    """Why the alert stands."""
    return [reason["rule"] for reason in ward.alert().reasons]


def test_what_is_worse_while_nobody_has_answered_is_shown_at_once(ward: Ward) -> None:
    change(ward.engine, "UPDATE ward SET pathway = 'acute_respiratory'")
    ward.at("12:00").receives(**WELL | {"pulse": 135})
    first = ward.alert()
    events = len(rows(ward.engine, "SELECT id FROM event"))
    ward.at("12:05").receives(**WELL | {"pulse": 135, "spo2": 91})
    alert = ward.alert()
    assert any("999" in reason["text"] for reason in alert.reasons)
    assert alert.news2 is not None
    assert alert.news2["score"] == 6
    assert (alert.state, alert.version, ward.history(alert)) == (State.OPEN, first.version + 1, ["raised", "worsened"])
    assert alert.due_at == first.due_at  # as bad as it was: nobody gets more time
    assert len(rows(ward.engine, "SELECT id FROM event")) == events + 1


def test_the_history_says_what_each_change_was(ward: Ward) -> None:
    ward.at("12:00").receives(glucose=2.9)
    ward.receives(glucose=7)
    ward.receives(glucose=1.8)
    told = rows(ward.engine, "SELECT note FROM alert_history ORDER BY id")
    assert [row.note for row in told] == [f"Glucose {value} mmol/L: hypoglycaemia (below 3.0)" for value in (2.9, 1.8)]


@pytest.mark.parametrize(
    ("ill", "better", "ill_again"),
    [
        ({"glucose": 2.5, **WELL}, {"glucose": 7, **WELL}, {"glucose": 1.8, **WELL}),
        ({"spo2": 88, "pulse": 80}, {"spo2": 97, "pulse": 80}, {"spo2": 75, "pulse": 80}),
        ({"spo2": 93, "pulse": 95}, {"spo2": 97, "pulse": 72}, {"spo2": 92, "pulse": 105}),
        (VERY_SICK, WELL, VERY_SICK),
    ],
    ids=["glucose", "a kit that never gives a whole set", "a score of parts", "a whole score"],
)
@pytest.mark.parametrize("answered", ["before", "after"])
def test_a_relapse_is_told_whenever_the_alert_was_answered(
    ward: Ward, ill: dict[str, Any], better: dict[str, Any], ill_again: dict[str, Any], answered: str
) -> None:
    ward.at("09:00").receives(**ill)
    if answered == "before":
        ward.acknowledges(ward.alert())
    ward.at("10:30").receives(**better)
    if answered == "after":
        ward.acknowledges(ward.alert())
    ward.at("12:00").receives(**ill_again)
    assert ward.alert().state == State.OPEN
    assert ward.history(ward.alert()) == ["raised", "acknowledged", "worsened"]


def test_a_relapse_beyond_a_limit_of_the_plan_is_told(ward: Ward) -> None:
    ward.plans(limits={"pulse": {"red_high": 100}})
    ward.at("08:30").receives(pulse=101)
    ward.acknowledges(ward.alert())
    ward.at("12:00").receives(pulse=72)
    ward.at("16:00").receives(pulse=129)
    assert ward.alert().state == State.OPEN


def test_the_parts_of_a_kit_one_after_the_other_tell_nothing_new(ward: Ward) -> None:
    for clock in ("08:30", "12:00", "16:00"):
        ward.at(clock).receives(spo2=94)
        ward.at(timedelta(minutes=1)).receives(pulse=112)
        if clock == "08:30":
            ward.acknowledges(ward.alert())
    assert ward.history(ward.alert()) == ["raised", "acknowledged"]


def test_after_full_recovery_an_alert_opens_again_as_bad_as_the_patient_is(ward: Ward) -> None:
    staff_by_day(ward)
    ward.at("09:00").receives(**VERY_SICK)
    ward.acknowledges(ward.alert())
    ward.at("12:00").receives(**WELL)
    assert ward.alert().severity == Severity.CRITICAL
    ward.at("23:00").receives(**WELL | {"pulse": 95, "spo2": 95, "temperature": 38.1})
    alert = ward.alert()
    assert (alert.severity, alert.state) == (Severity.AMBER, State.OPEN)
    assert alert.due_at == ward.now.replace(day=ward.now.day + 1, hour=9)
    what_it_was = "SELECT severity FROM alert_history WHERE alert_id = :id AND what <> :else ORDER BY id"
    past = rows(ward.engine, what_it_was, id=alert.id, **{"else": NOT_ANSWERED})
    assert [row.severity for row in past] == [Severity.CRITICAL, Severity.CRITICAL, Severity.AMBER]


def test_an_alert_shows_why_it_is_as_bad_as_it_is_though_something_milder_came_last(ward: Ward) -> None:
    ward.at("09:00").receives(**VERY_SICK)
    ward.at("10:00").receives(**WELL)
    ward.at("10:30").receives(**WELL | {"pulse": 112, "spo2": 95})
    assert ward.alert().severity == Severity.CRITICAL
    assert [rules_told(ward)[0], rules_told(ward)[-1]] == ["news2_high", "news2_low_medium"]


def test_a_set_to_be_completed_is_due_in_a_quarter_of_an_hour_at_any_hour(ward: Ward) -> None:
    staff_by_day(ward)
    ward.at("23:00").receives(spo2=94, pulse=112)
    assert ward.alert().severity == Severity.AMBER
    assert ward.alert().due_at == ward.now + timedelta(minutes=15)


@pytest.mark.parametrize("answered", [False, True])
def test_a_set_that_is_newly_to_be_completed_is_told(ward: Ward, answered: bool) -> None:
    ward.at("12:00").receives(**WELL | {"pulse": 112, "spo2": 95})
    if answered:
        ward.acknowledges(ward.alert())
    ward.at("12:30").receives(**{name: value for name, value in WELL.items() if name == "systolic"})
    ward.at("14:00").receives(spo2=95, pulse=112)
    alert = ward.alert()
    assert (alert.state, rules_told(ward)[-1]) == (State.OPEN, "complete_the_set")
    assert alert.due_at == (ward.now + timedelta(minutes=15) if answered else ward.now.replace(hour=13))


def test_a_task_that_is_known_is_not_told_again_until_a_whole_set_came(ward: Ward) -> None:
    ward.at("12:00").receives(spo2=94, pulse=112)
    ward.acknowledges(ward.alert())
    ward.at("14:00").receives(spo2=94, pulse=112)
    assert ward.alert().state == State.ACKNOWLEDGED
    ward.at("14:10").receives(**WELL | {"spo2": 94, "pulse": 112})
    ward.at("16:00").receives(spo2=94, pulse=112)
    assert ward.alert().state == State.OPEN


def test_in_comfort_care_nothing_that_comes_changes_what_an_alert_stands_for(ward: Ward) -> None:
    ward.at("09:00").receives(**SICK)
    ward.acknowledges(ward.alert())
    ward.plans(monitoring="comfort")
    ward.at("12:00").receives(**WELL)
    basis = ward.alert().basis
    assert basis["points"]["pulse"] == 2
