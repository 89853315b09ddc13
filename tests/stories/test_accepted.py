"""Stories of a value that a senior clinician accepted of a patient."""

from datetime import timedelta

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from tests.ward import VERY_SICK, WELL, Ward

LOW = WELL | {"systolic": 88}
LOWER = WELL | {"systolic": 87}


def test_as_far_as_is_accepted_a_red_is_amber_and_beyond_it_steps_up_at_once(ward: Ward) -> None:
    ward.at("09:00").receives(**LOW)
    assert ward.alert().severity == Severity.RED
    ward.resolves(ward.alert(), "expected_for_patient")
    ward.accepts(down_to=88)
    ward.at("12:00").receives(**LOW)
    assert (ward.alert().severity, ward.known().newest_severity) == (Severity.AMBER, Severity.AMBER)
    ward.acknowledges(ward.alert())
    ward.at("16:00").receives(**LOWER)
    alert = ward.alert()
    assert (alert.severity, alert.state) == (Severity.RED, State.OPEN)
    assert "systolic_beyond_accepted_low" in {reason["rule"] for reason in alert.reasons}


def test_news2_of_seven_alarms_whatever_is_accepted(ward: Ward) -> None:
    ward.accepts(down_to=88)
    ward.at("12:00").receives(**VERY_SICK | {"systolic": 89})
    assert ward.alert().severity == Severity.CRITICAL


def test_accepted_while_an_alert_is_open_the_alert_stays_as_bad_and_the_same_is_no_news(ward: Ward) -> None:
    ward.at("09:00").receives(**LOW)
    ward.acknowledges(ward.alert())
    ward.accepts(down_to=88)
    ward.at("12:00").receives(**LOW)
    ward.at("12:30").receives(**WELL | {"systolic": 89})
    alert = ward.alert()
    assert (alert.severity, alert.state) == (Severity.RED, State.ACKNOWLEDGED)
    assert ward.history(alert) == ["raised", "acknowledged"]


def test_beyond_it_is_news_too_where_the_alert_is_red_already(ward: Ward) -> None:
    ward.accepts(down_to=88)
    ward.at("09:00").receives(**LOW | {"pulse": 135})  # NEWS2 6
    assert ward.alert().severity == Severity.RED
    ward.acknowledges(ward.alert())
    ward.at("09:30").receives(**LOWER | {"pulse": 135})
    assert ward.history(ward.alert()) == ["raised", "acknowledged", "worsened"]
    ward.acknowledges(ward.alert())
    ward.at("09:40").receives(**LOW | {"pulse": 135})
    ward.at("09:50").receives(**LOWER | {"pulse": 135})
    assert ward.history(ward.alert())[3:] == ["acknowledged", "worsened"]


def test_once_it_is_over_the_next_set_alarms_as_before(ward: Ward) -> None:
    ward.accepts(down_to=88, until=ward.now + timedelta(hours=6))
    ward.at("12:00").receives(**LOW)
    assert ward.alert().severity == Severity.AMBER
    ward.at("14:00").receives(**LOW)
    assert ward.history(ward.alert()) == ["raised", "stepped_up"]
    assert ward.alert().severity == Severity.RED


def test_withdrawn_it_holds_for_what_was_taken_before_and_for_nothing_after(ward: Ward) -> None:
    accepted = ward.accepts(down_to=88)
    ward.now += timedelta(hours=2)
    ward.withdraws(accepted)
    ward.now += timedelta(minutes=20)
    ward.receives(taken=ward.now - timedelta(minutes=30), **LOW)
    assert ward.alert().severity == Severity.AMBER
    ward.receives(**LOW)
    assert ward.alert().severity == Severity.RED


def test_what_was_taken_before_it_was_accepted_alarms_as_ever(ward: Ward) -> None:
    ward.now += timedelta(hours=1)
    ward.accepts(down_to=88)
    ward.now += timedelta(minutes=5)
    ward.receives(taken=ward.now - timedelta(minutes=10), **LOW)
    assert ward.alert().severity == Severity.RED


def test_it_is_of_one_patient_and_goes_with_them_to_another_ward(ward: Ward) -> None:
    other = ward.admit()
    ward.accepts(down_to=88)
    ward.opens("WARD2")
    ward.transfers("WARD2")
    ward.at("12:00").receives_sets([{"id": "a", "taken_at": ward.now, **LOW}])
    ward.receives(patient=other, **LOW)
    assert (ward.alert().severity, ward.alert(patient=other).severity) == (Severity.AMBER, Severity.RED)


def test_a_set_whose_patient_is_in_doubt_is_judged_without_it(ward: Ward) -> None:
    ward.accepts(down_to=88)
    ward.at("12:00").receives_sets([{"id": "a", "taken_at": ward.now + timedelta(hours=3), **LOW}])
    assert ward.alert(Kind.DATA_QUALITY).severity == Severity.RED
