"""Stories of readings that a patient is asked to repeat before an alert is raised."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from alert_rules.alarms import Kind, State
from alert_rules.repeating import Ended, Why
from alert_rules.severity import Severity
from monitoring.database import transaction
from monitoring.escalation.tables import Message
from monitoring.prompts.tables import NotRaised, Prompt, Suppressed
from monitoring.refusals import Conflict
from tests.ward import SICK, VERY_SICK, WELL, Patient, Ward
from tests.workers.records import change, count, rows
from workers.prompts import ask_by_sms, raise_unrepeated

COLD = WELL | {"spo2": 93}  # at the amber limit of the pathway
"""A single amber: one finger may have been cold."""


@pytest.fixture
def home(ward: Ward) -> Patient:
    """Somebody on a ward that repeats first."""
    return _admitted(ward, "HOME", "oximetry_at_home")


def _admitted(ward: Ward, code: str, pathway: str, **patient: Any) -> Patient:
    before, ward.code = ward.code, code
    ward.opens(code, pathway=pathway)
    found = ward.admit(**patient)
    ward.code = before
    return found


def prompts(ward: Ward) -> list[Prompt]:
    """Every prompt, oldest first."""
    with Session(ward.engine) as session:
        return list(session.scalars(select(Prompt).order_by("id")))


def suppressed(ward: Ward) -> list[Suppressed]:
    """Everything that was not raised."""
    with Session(ward.engine) as session:
        return list(session.scalars(select(Suppressed).order_by("id")))


def test_a_normal_repeat_raises_nothing_and_is_counted_with_both_values(ward: Ward, home: Patient) -> None:
    ward.at("12:00").receives(patient=home, **COLD)
    (asked,) = prompts(ward)
    assert (asked.why, asked.vitals, asked.until_at) == (Why.AMBER, ["spo2"], ward.now + timedelta(minutes=15))
    assert ward.known(home).repeat_by == asked.until_at
    ward.at("12:04").receives(patient=home, **WELL)
    ward.at("12:30")
    assert ward.alerts(home) == []
    assert (prompts(ward)[0].outcome, ward.known(home).repeat_by) == (Ended.REPEATED, None)
    (one,) = suppressed(ward)
    assert (one.rule, one.severity, one.why) == ("spo2_amber_low", Severity.AMBER, NotRaised.REPEATED)
    assert (one.values, len(one.sets)) == ({"spo2": ["93", "97"]}, 2)


def test_a_repeat_that_is_amber_still_raises_at_once_and_the_history_says_that_it_was_repeated(
    ward: Ward, home: Patient
) -> None:
    ward.at("12:00").receives(patient=home, **COLD)
    ward.at("12:04").receives(patient=home, **COLD | {"spo2": 94})
    alert = ward.alert(patient=home)
    assert (alert.severity, alert.raised_at, alert.reasons[0]["text"][:9]) == (Severity.AMBER, ward.now, "SpO2 94 %")
    assert ward.history(alert) == ["raised", "repeated"]
    (note,) = rows(ward.engine, "SELECT note FROM alert_history WHERE what = 'repeated'")[0]
    assert note.startswith("Asked at 12:00 to repeat: SpO2 93 %")
    assert (prompts(ward)[0].outcome, suppressed(ward)) == (Ended.RAISED, [])
    ward.at("12:20")
    assert len(ward.alerts(home)) == 1


def test_no_repeat_in_a_quarter_of_an_hour_raises_the_first_set_once_whoever_looks(ward: Ward, home: Patient) -> None:
    ward.at("12:00").receives(patient=home, **COLD)
    ward.at("12:14")
    assert ward.alerts(home) == []
    ward.now += timedelta(minutes=1)
    with transaction(ward.engine) as session:  # another timekeeper is at it, and dies
        session.execute(text("SELECT FROM latest_vitals WHERE repeat_by IS NOT NULL FOR UPDATE"))
        assert raise_unrepeated(ward.engine, ward.now) == 0
        session.rollback()
    assert [raise_unrepeated(ward.engine, ward.now) for _ in range(2)] == [1, 0]
    alert = ward.alert(patient=home)
    assert ward.history(alert) == ["raised", "not repeated in time"]
    assert alert.why["taken_at"].startswith("2026-03-10T12:00")
    assert (alert.severity, alert.state, alert.raised_at) == (Severity.AMBER, State.OPEN, ward.now)
    assert ward.known(home).newest_severity == Severity.AMBER_PLUS  # silence from now on worries


def test_what_nobody_looked_at_in_time_is_raised_by_the_next_set_though_that_is_normal(
    ward: Ward, home: Patient
) -> None:
    ward.at("12:00").receives(patient=home, **COLD)
    ward.now += timedelta(minutes=20)
    ward.receives(patient=home, **WELL)
    assert ward.history(ward.alert(patient=home)) == ["raised", "not repeated in time"]


@pytest.mark.parametrize("vitals", [SICK, VERY_SICK, WELL | {"spo2": 92}, WELL | {"wellness": "worse"}])
def test_nobody_waits_for_what_is_worse_than_an_amber_or_no_reading(
    ward: Ward, home: Patient, vitals: dict[str, Any]
) -> None:
    ward.receives(patient=home, **vitals)
    assert ward.alert(patient=home).state == State.OPEN
    assert prompts(ward) == []


def test_a_worse_set_while_a_repeat_is_awaited_alerts_at_once(ward: Ward, home: Patient) -> None:
    ward.at("12:00").receives(patient=home, **COLD)
    ward.at("12:02").receives(patient=home, **VERY_SICK)
    assert ward.alert(patient=home).severity == Severity.CRITICAL
    assert prompts(ward)[0].outcome == Ended.RAISED


def test_what_worsens_an_open_alert_is_not_asked_about(ward: Ward, home: Patient) -> None:
    ward.at("12:00").receives(patient=home, **WELL | {"wellness": "worse"})
    ward.at("12:10").receives(patient=home, **COLD)
    assert ward.history(ward.alert(patient=home)) == ["raised", "worsened"]
    assert prompts(ward) == []


def test_where_the_pathway_does_not_repeat_first_an_amber_alerts_at_once(ward: Ward) -> None:
    ward.receives(**WELL | {"spo2": 93})
    assert (ward.alert().severity, count(ward.engine, "prompt")) == (Severity.AMBER, 0)


def test_another_vital_sign_is_no_repeat_and_half_a_repeat_is_half(ward: Ward, home: Patient) -> None:
    ward.at("12:00").receives(patient=home, **WELL | {"spo2": 93, "pulse": 111})
    assert prompts(ward)[0].vitals == ["pulse", "spo2"]
    ward.at("12:02").receives(patient=home, temperature=36.9)
    ward.at("12:04").receives(patient=home, pulse=70)
    assert (ward.alerts(home), prompts(ward)[0].vitals) in (([], ["spo2"]), ([], ["pulse", "spo2"]))
    ward.at("12:06").receives(patient=home, spo2=97, pulse=70)
    assert (ward.alerts(home), prompts(ward)[0].outcome) == ([], Ended.REPEATED)


def test_in_one_batch_a_dip_repeated_and_a_dip_again_are_two_askings(ward: Ward, home: Patient) -> None:
    spo2 = {"a": 93, "b": 97, "c": 93}
    sets = [
        {"id": name, "taken_at": ward.now + timedelta(minutes=n), **WELL, "spo2": value}
        for n, (name, value) in enumerate(spo2.items())
    ]
    ward.now += timedelta(minutes=5)
    ward.receives_sets(sets, patient=home)
    assert [one.outcome for one in prompts(ward)] == [Ended.REPEATED, None]
    assert [one.values for one in suppressed(ward)] == [{"spo2": ["93", "97"]}]


# --- low quality


@pytest.mark.parametrize(("vitals", "severity"), [(SICK, Severity.RED), (VERY_SICK, Severity.CRITICAL)])
def test_a_red_of_low_quality_alerts_as_it_stands_after_ten_minutes(
    ward: Ward, vitals: dict[str, Any], severity: Severity
) -> None:
    ward.at("12:00").receives(**vitals, quality="low")
    assert (ward.alerts(), prompts(ward)[0].why) == ([], Why.LOW_QUALITY)
    ward.at("12:05").receives(**WELL, quality="low")  # no better a reading
    ward.at("12:09")
    assert ward.alerts() == []
    ward.at("12:10")
    assert (ward.alert().severity, ward.alert().why["quality"]) == (severity, "low")
    assert ward.history(ward.alert()) == ["raised", "not repeated in time"]


def test_a_good_reading_takes_the_place_of_one_of_low_quality(ward: Ward) -> None:
    ward.at("12:00").receives(**VERY_SICK, quality="low")
    ward.at("12:05").receives(**WELL)
    ward.at("12:30")
    assert ward.alerts() == []
    assert {one.rule for one in suppressed(ward)} >= {"news2_high"}


def test_what_a_good_reading_does_not_measure_again_is_not_lost(ward: Ward) -> None:
    ward.at("12:00").receives(spo2=80, pulse=140, quality="low")
    ward.at("12:05").receives(pulse=72)
    ward.at("12:10")
    assert ward.alert().severity == Severity.CRITICAL


def test_a_patient_with_an_alert_is_asked_nothing_about_a_worse_reading_of_low_quality(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    ward.at("12:05").receives(**VERY_SICK, quality="low")
    assert (ward.alert().severity, prompts(ward)) == (Severity.CRITICAL, [])


# --- how it ends otherwise


def test_who_leaves_is_asked_nothing_any_more_but_not_before_a_red_is_known(ward: Ward, home: Patient) -> None:
    ward.at("12:00").receives(**VERY_SICK, quality="low")
    with pytest.raises(Conflict, match="may be red"):
        ward.discharges()
    ward.receives(patient=home, **COLD)
    ward.discharges(home)
    assert [one.outcome for one in prompts(ward)] == [None, Ended.NOT_WATCHED]
    ward.discharges(outcome="died")
    ward.at("13:00")
    assert {one.outcome for one in prompts(ward)} == {Ended.NOT_WATCHED}
    assert ward.alerts() == ward.alerts(home) == []
    assert {one.why for one in suppressed(ward)} == {NotRaised.NOT_WATCHED}


def test_a_repeat_is_awaited_on_the_ward_that_a_patient_came_to(ward: Ward, home: Patient) -> None:
    ward.at("12:00").receives(patient=home, **COLD)
    ward.transfers("WARD1", home)
    ward.at("12:15")
    (code,) = rows(ward.engine, "SELECT ward.code FROM alert JOIN ward ON ward.id = alert.ward_id")[0]
    assert code == "WARD1"


# --- SMS


def _messages(ward: Ward) -> list[Message]:
    with Session(ward.engine) as session:
        return list(session.scalars(select(Message).order_by("id")))


def test_an_sms_says_nothing_of_the_patient_goes_once_and_not_at_night(ward: Ward) -> None:
    patient = _admitted(ward, "HOME", "oximetry_at_home", phones=["01603 111111", "07700 900123"])
    ward.at("12:00").receives(patient=patient, **COLD)
    assert ask_by_sms(ward.engine, ward.now) == 0  # unless the ward says so
    change(ward.engine, "UPDATE ward SET prompts_by_sms = true")
    assert [ask_by_sms(ward.engine, ward.now) for _ in range(2)] == [1, 0]
    (message,) = _messages(ward)
    assert (message.address, message.give_up_at) == ("07700900123", ward.now + timedelta(minutes=15))
    assert message.body["data"] == {"prompt": str(prompts(ward)[0].public_id)}
    ward.discharges(patient)
    assert [one.state for one in _messages(ward)] == ["cancelled"]
    night = _admitted(ward, "NIGHT", "oximetry_at_home", phones=["07700 900124"])
    change(ward.engine, "UPDATE ward SET prompts_by_sms = true")
    ward.at("22:00").receives(patient=night, **COLD)
    assert ask_by_sms(ward.engine, ward.now) == 0
    ward.now += timedelta(hours=10)
    assert ask_by_sms(ward.engine, ward.now) == 0  # it is over


def test_a_row_that_cannot_be_judged_holds_up_nobody(ward: Ward, home: Patient) -> None:
    ward.at("12:00").receives(patient=home, **COLD)
    ward.receives(**SICK, quality="low")
    change(ward.engine, "UPDATE prompt SET evidence = '{}' WHERE why = 'amber'")
    ward.at("12:15")
    assert ward.alert(Kind.DETERIORATION).severity == Severity.RED
    assert ward.known(home).repeat_by == ward.now + timedelta(minutes=1)
    with transaction(ward.engine) as session:
        assert session.get_one(Prompt, prompts(ward)[0].id).outcome is None
