"""Stories of readings that did not come."""

from datetime import date, timedelta
from typing import Any

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from monitoring.patients.plan import PlanBody
from tests.ward import SICK, VERY_SICK, WELL, Ward

ONCE_A_DAY = PlanBody(readings_per_day=1, reason="decided", review_on=date(2026, 4, 1))


def overdue(ward: Ward) -> tuple[int, str]:
    """The overdue alert as it stands."""
    alert = ward.alert(Kind.OVERDUE)
    return alert.severity, alert.state


def test_a_patient_who_never_sent_anything_is_overdue_an_hour_after_the_first_set_was_due(ward: Ward) -> None:
    ward.at("12:59")
    assert ward.alerts() == []
    ward.at("13:00")
    alert = ward.alert(Kind.OVERDUE)
    assert alert.severity == Severity.AMBER
    assert alert.reasons[0]["text"] == "A set of readings did not come; none since admission 5 h ago"


def test_silence_after_a_worrying_set_is_amber_plus(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    ward.at("17:00")
    assert overdue(ward) == (Severity.AMBER_PLUS, State.OPEN)


def test_silence_beside_an_open_red_alert_is_amber_plus_though_the_last_set_was_well(ward: Ward) -> None:
    ward.at("11:50").receives(**VERY_SICK)
    ward.at("12:00").receives(**WELL)
    ward.at("17:00")
    assert overdue(ward) == (Severity.AMBER_PLUS, State.OPEN)


def test_two_slots_missed_ask_for_a_welfare_check(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL)
    ward.at("17:00").at("21:00")
    alert = ward.alert(Kind.OVERDUE)
    assert alert.severity == Severity.RED
    assert "2 sets of readings in a row" in alert.reasons[0]["text"]
    assert ward.history(alert) == ["raised", "stepped_up"]


def test_slots_missed_while_no_timekeeper_ran_are_counted_at_once(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL)
    ward.at("23:00")
    assert ward.alert(Kind.OVERDUE).severity == Severity.RED
    assert ward.history(ward.alert(Kind.OVERDUE)) == ["raised"]
    assert ward.known().missed == 2


def test_a_day_of_silence_asks_for_a_welfare_check_to_the_hour(ward: Ward) -> None:
    ward.plans(readings_per_day=2)  # 08:00 and 20:00
    ward.at("09:00").receives(**WELL)
    ward.at("21:00")
    assert overdue(ward) == (Severity.AMBER, State.OPEN)
    ward.at(timedelta(hours=11, minutes=59))
    assert overdue(ward) == (Severity.AMBER, State.OPEN)
    ward.at(timedelta(minutes=1))  # a day after the last set, and no second slot has passed its grace
    assert overdue(ward)[0] == Severity.RED


def test_silence_ends_with_what_was_due_only(ward: Ward) -> None:
    ward.plans(expects=["spo2", "pulse"])
    ward.at("12:00").receives(spo2=97, pulse=70)
    ward.at("17:00")
    ward.at("17:10").receives(weight=70)
    ward.at("17:20").receives(spo2=97)
    assert overdue(ward) == (Severity.AMBER, State.OPEN)
    ward.at("17:30").receives(pulse=70)
    (alert,) = ward.alerts()
    assert (alert.state, ward.history(alert)) == (State.EXPIRED, ["raised", "readings_came"])
    assert (ward.known().missed, ward.known().due_at) == (0, ward.now.replace(hour=20, minute=0))


def test_a_weight_or_an_answer_ends_no_silence_where_no_kit_is_named(ward: Ward) -> None:
    ward.at("08:05").receives(**WELL)
    ward.at("13:05").receives(weight=70)
    ward.receives(consciousness="A")
    ward.receives(glucose=6)
    assert overdue(ward) == (Severity.AMBER, State.OPEN)
    ward.at("13:10").receives(pulse=72)
    assert ward.alerts()[0].state == State.EXPIRED


def test_what_was_measured_an_hour_before_answers_no_slot_by_a_weight(ward: Ward) -> None:
    ward.plans(expects=["spo2", "pulse"])
    ward.at("10:30").receives(spo2=97, pulse=70)
    due_at = ward.known().due_at
    ward.at("11:10").receives(weight=70)
    assert (ward.known().due_at, ward.known().heard_at) == (due_at, ward.now.replace(hour=10, minute=30))


def test_a_weight_after_a_worrying_set_takes_no_worry_away(ward: Ward) -> None:
    ward.at("08:05").receives(**SICK)
    ward.acknowledges(ward.alert())
    ward.resolves(ward.alert())
    ward.at("08:10").receives(weight=70)
    ward.at("13:05")
    assert overdue(ward) == (Severity.AMBER_PLUS, State.OPEN)


def test_an_extra_set_puts_no_slot_off(ward: Ward) -> None:
    ward.at("08:05").receives(**WELL)
    ward.at("10:05").receives(**WELL)
    ward.at("12:59")
    assert ward.alerts() == []
    ward.at("13:00")
    assert overdue(ward) == (Severity.AMBER, State.OPEN)


def test_a_set_in_the_night_is_followed_by_the_morning(ward: Ward) -> None:
    ward.at("20:00").receives(**WELL)
    ward.at("26:05").receives(**SICK)
    ward.at("33:00")  # 09:00
    assert overdue(ward) == (Severity.AMBER_PLUS, State.OPEN)


def test_who_sends_once_a_day_is_overdue_after_the_next_slot_whenever_they_sent(ward: Ward) -> None:
    ward.plans(readings_per_day=1)  # 10:00
    ward.at("10:00").receives(**WELL)
    ward.at("22:05").receives(**VERY_SICK)
    ward.at("34:59")
    assert [alert.kind for alert in ward.alerts()] == [Kind.DETERIORATION]
    ward.at("35:00")
    assert overdue(ward) == (Severity.AMBER_PLUS, State.OPEN)


def test_who_sends_once_a_day_may_be_late_within_the_grace(ward: Ward) -> None:
    ward.plans(readings_per_day=1)  # 10:00
    ward.at("09:30").receives(**WELL)
    ward.at("34:40").receives(**WELL)
    assert ward.alerts() == []
    ward.at("59:00")
    assert overdue(ward) == (Severity.RED, State.OPEN)


def test_a_plan_forgives_no_set_that_is_owed(ward: Ward) -> None:
    ward.at("08:05").receives(**SICK)
    ward.at("12:30").plans(readings_per_day=4)
    ward.at("13:00")
    assert overdue(ward) == (Severity.AMBER_PLUS, State.OPEN)
    ward.at("16:30").plans(readings_per_day=2)
    ward.at("17:00")
    assert overdue(ward) == (Severity.RED, State.OPEN)


def test_who_was_entered_a_day_after_admission_has_four_hours_to_send(ward: Ward) -> None:
    ward.at("12:00")
    patient = ward.admit(at=ward.now - timedelta(hours=3))
    ward.at("16:59")
    assert ward.alerts(patient) == []
    ward.at("17:00")
    alert = ward.alert(Kind.OVERDUE, patient)
    assert alert.severity == Severity.AMBER
    assert alert.reasons[0]["text"].endswith("none since admission 8 h ago")


def test_the_day_of_silence_of_who_was_entered_late_begins_when_they_were(ward: Ward) -> None:
    ward.plans(readings_per_day=1)
    ward.at("30:00")
    patient = ward.admit(plan=ONCE_A_DAY, at=ward.now - timedelta(hours=22))
    ward.at("35:00")
    assert ward.alert(Kind.OVERDUE, patient).severity == Severity.AMBER
    ward.at("53:59")
    assert ward.alert(Kind.OVERDUE, patient).severity == Severity.AMBER
    ward.at("54:00")
    assert ward.alert(Kind.OVERDUE, patient).severity == Severity.RED


def test_two_sets_declined_in_a_row_ask_for_a_welfare_check(ward: Ward) -> None:
    ward.at("12:00").receives(declined="no")
    assert ward.alerts() == []
    ward.at("12:30").receives(declined="no")
    alert = ward.alert(Kind.OVERDUE)
    assert alert.severity == Severity.RED
    assert alert.reasons[0]["text"].startswith("2 sets of readings in a row were declined: welfare check")
    ward.at("12:40").receives(**WELL)
    assert ward.alerts()[0].state == State.EXPIRED


def test_a_set_between_two_declined_ones_makes_them_two_first_ones(ward: Ward) -> None:
    ward.at("08:10").receives(declined="no")
    ward.at("12:00").receives(**WELL)
    ward.at("16:00").receives(declined="no")
    ward.receives(declined="only a test", quality="test")
    assert ward.alerts() == []


def test_who_is_to_send_nothing_may_decline(ward: Ward) -> None:
    ward.plans(monitoring="comfort")
    ward.at("12:00").receives(declined="no")
    ward.at("12:30").receives(declined="no")
    assert ward.alerts() == []


def test_silence_beside_an_unverified_red_value_is_amber_plus(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL)
    ward.receives(spo2=84, taken=ward.now + timedelta(hours=1))
    ward.at("17:00")
    assert overdue(ward) == (Severity.AMBER_PLUS, State.OPEN)


def test_silence_after_a_good_set_beside_an_open_alert_that_is_not_red_is_amber(ward: Ward) -> None:
    ward.at("11:50").receives(**WELL | {"temperature": 35.0})
    assert ward.alert().severity == Severity.AMBER_PLUS
    ward.at("12:00").receives(**WELL)
    ward.at("17:00")
    assert overdue(ward) == (Severity.AMBER, State.OPEN)


def test_a_patient_who_owes_a_weight_is_heard_by_it(ward: Ward) -> None:
    ward.plans(expects=["weight"])
    ward.at("12:00").receives(weight=70.5)
    assert ward.known().heard_at == ward.now


def test_a_late_set_that_completes_a_stored_one_ends_silence(ward: Ward) -> None:
    ward.plans(expects=["spo2", "pulse"])
    ward.at("13:00")
    ward.at("13:05").receives(pulse=70)
    assert overdue(ward) == (Severity.AMBER, State.OPEN)
    ward.at("13:10").receives(spo2=97, taken=ward.now - timedelta(minutes=9))
    assert ward.alerts()[0].state == State.EXPIRED


def test_comfort_care_is_never_overdue(ward: Ward) -> None:
    ward.plans(monitoring="comfort")
    ward.at("23:00")
    assert ward.alerts() == []


def test_comfort_care_that_began_meanwhile_is_not_overdue(ward: Ward) -> None:
    """The plan was decided ahead; readings came until it began."""
    ward.at("10:00")
    begins = ward.now.replace(hour=16, minute=30)
    ahead: dict[str, Any] = {"monitoring": "comfort", "from": begins}
    ward.plans(**ahead)
    ward.at("12:00").receives(**WELL)
    assert ward.known().due_at is not None
    ward.at("17:30")
    assert ward.alerts() == []
    assert ward.known().overdue_at is None


def test_a_set_taken_before_the_plan_changed_does_not_bring_the_old_times_back(ward: Ward) -> None:
    ward.plans(readings_per_day=1)  # 10:00
    ward.at("12:00").plans(readings_per_day=4)
    due_at = ward.known().due_at
    ward.at("12:05").receives(taken=ward.now - timedelta(minutes=10), **WELL)
    assert due_at is not None
    assert ward.known().due_at == due_at.replace(hour=16)


def test_no_readings_expected_are_never_overdue(ward: Ward) -> None:
    ward.plans(readings_per_day=0)
    ward.at("12:00").receives(**WELL)
    ward.at("23:00")
    assert ward.alerts() == []
