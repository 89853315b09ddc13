"""Stories of one patient: what their readings raise, and what people do about it."""

from datetime import timedelta

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from tests.ward import SICK, VERY_SICK, WELL, Ward


def test_a_very_sick_patient_raises_a_critical_alert(ward: Ward) -> None:
    ward.at("12:00").receives(**VERY_SICK)
    alert = ward.alert()
    assert (alert.severity, alert.state) == (Severity.CRITICAL, State.OPEN)
    assert alert.due_at == ward.now + timedelta(minutes=5)
    assert alert.reasons[0]["text"] == "NEWS2 10: emergency response threshold (7 or more)"


def test_a_well_patient_raises_nothing(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL)
    assert ward.alerts() == []


def test_getting_worse_steps_the_one_alert_up(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    assert ward.alert().severity == Severity.RED
    ward.at("12:10").receives(**VERY_SICK)
    assert ward.alert().severity == Severity.CRITICAL
    assert ward.history(ward.alert()) == ["raised", "stepped_up"]


def test_getting_better_does_not_close_the_alert(ward: Ward) -> None:
    ward.at("12:00").receives(**VERY_SICK)
    ward.at("13:00").receives(**WELL)
    assert ward.alert().severity == Severity.CRITICAL


def test_worsening_after_acknowledgement_reopens_the_alert(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    ward.acknowledges(ward.alert())
    ward.at("12:30").receives(**VERY_SICK)
    assert ward.alert().state == State.OPEN
    assert ward.history(ward.alert())[-1] == "worsened"


def test_staying_as_sick_after_acknowledgement_is_silent(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    ward.acknowledges(ward.alert())
    ward.at("12:30").receives(**SICK)
    assert ward.alert().state == State.ACKNOWLEDGED


def test_readings_that_do_not_come_raise_an_overdue_alert_and_their_coming_ends_it(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL)  # admitted at 08:00, heard at 12:00: next due at 16:00
    ward.at("16:59")
    assert ward.alerts() == []
    ward.at("17:01")
    assert ward.alert(Kind.OVERDUE).severity == Severity.AMBER
    ward.at("17:30").receives(**WELL)
    (alert,) = ward.alerts()
    assert alert.state == State.EXPIRED


def test_two_missed_slots_ask_for_a_welfare_check(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL)
    ward.at("17:01")
    ward.at("21:01")
    assert ward.alert(Kind.OVERDUE).severity == Severity.RED
