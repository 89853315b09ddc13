"""Stories of a patient to whom NEWS2 ceases to apply while they are on the ward."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from monitoring.patients.plan import PlanBody
from monitoring.refusals import Conflict
from tests.ward import SICK, VERY_SICK, WELL, Ward

LIMITS: dict[str, Any] = {
    "respiratory_rate": {"red_low": 8, "red_high": 30},
    "spo2": {"red_low": 90},
    "pulse": {"red_low": 40, "red_high": 140},
    "systolic": {"red_low": 80, "red_high": 220},
    "temperature": {"red_low": 35, "red_high": 39},
}


def test_nobody_ceases_to_be_watched_by_a_correction(ward: Ward) -> None:
    with pytest.raises(Conflict):
        ward.corrects(pregnant=True)
    ward.at("12:00").receives(**VERY_SICK)
    assert ward.alert().severity == Severity.CRITICAL


def test_from_then_on_limits_alert_and_no_score_does(ward: Ward) -> None:
    ward.at("10:00").plans(limits=LIMITS)
    ward.corrects(pregnant=True)
    ward.at("12:00").receives(**SICK)
    assert ward.alerts() == []
    ward.at("13:00").receives(**SICK | {"pulse": 140})
    alert = ward.alert()
    assert (alert.severity, alert.news2) == (Severity.RED, None)
    assert [reason["rule"] for reason in alert.reasons] == ["pulse_red_high"]


def test_a_score_that_does_not_apply_reopens_no_alert_and_a_new_limit_does(ward: Ward) -> None:
    ward.at("10:00").plans(limits=LIMITS)
    ward.corrects(pregnant=True)
    ward.at("12:00").receives(**WELL | {"pulse": 140})
    ward.acknowledges(ward.alert())
    ward.at("12:30").receives(**VERY_SICK | {"pulse": 140, "spo2": 91})
    assert ward.alert().state == State.ACKNOWLEDGED
    ward.at("13:00").receives(**VERY_SICK | {"pulse": 140, "spo2": 90})
    assert ward.alert().state == State.OPEN
    assert ward.history(ward.alert())[-1] == "worsened"


def test_an_alert_that_a_score_raised_stays_until_somebody_answers_it(ward: Ward) -> None:
    ward.at("10:00").plans(limits=LIMITS)
    ward.receives(**SICK)
    ward.acknowledges(ward.alert())
    ward.corrects(spinal_cord_injury=True)
    ward.at("12:00").receives(**WELL)
    assert ward.alert().state == State.ACKNOWLEDGED
    ward.at("13:00").receives(**WELL | {"systolic": 80})
    assert ward.alert().state == State.OPEN


def test_who_turns_sixteen_on_the_ward_is_scored_from_that_day_on(ward: Ward) -> None:
    body = msgspec.convert({"limits": LIMITS, "reason": "young", "review_on": "2026-04-01"}, PlanBody)
    patient = ward.admit(plan=body, birth_date=date(2010, 3, 11))  # sixteen tomorrow
    ward.at("23:00").receives(patient=patient, **SICK)
    ward.at("25:00").receives(patient=patient, **SICK)
    alert = ward.alert(patient=patient)
    assert (alert.severity, alert.raised_at) == (Severity.RED, ward.now)
    ward.receives(patient=patient, taken=ward.now - timedelta(hours=2, minutes=30), **SICK)
    assert [one.kind for one in ward.alerts(patient) if one.kind != Kind.OVERDUE] == [Kind.DETERIORATION]


def test_readings_that_do_not_come_are_missed_as_before(ward: Ward) -> None:
    ward.at("10:00").plans(limits=LIMITS)
    ward.corrects(pregnant=True)
    due_at = ward.known().due_at
    assert due_at is not None
    ward.at(due_at - ward.now + timedelta(minutes=61))
    assert len(ward.alerts()) == 1
