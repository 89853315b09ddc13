"""The rules of pathways through the drain: what was measured days before, usual values, and what the alert says."""

import re
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from alert_rules.alarms import Kind, State
from alert_rules.pathway import pathways
from alert_rules.severity import Severity
from monitoring.access.roles import Role
from monitoring.alerts.basis import WITHHELD
from monitoring.bulk import as_rows
from monitoring.database import driver, transaction
from monitoring.reports.alert_burden import BurdenBy, alert_burden
from monitoring.reports.periods import Span
from tests.ward import WELL, Patient, Ward
from tests.workers.records import current
from workers.drain.windows import EARLIER

DAY = timedelta(days=1)


@pytest.fixture
def heart(ward: Ward) -> Patient:
    """Somebody on a heart failure ward, for a week already."""
    return _on(ward, "heart_failure", readings_per_day=0)


def _on(ward: Ward, pathway: str, **plan: Any) -> Patient:
    code, ward.code = ward.code, pathway.upper()[:20]
    ward.opens(ward.code, pathway=pathway, funded=99, staffed=99, **{"from": (ward.now - 8 * DAY).isoformat()})
    patient = ward.admit(at=ward.now - 7 * DAY)
    ward.code = code
    if plan:
        ward.plans(patient, **plan)
    return patient


def test_weight_gained_over_two_days_alerts_and_says_from_when(ward: Ward, heart: Patient) -> None:
    for weight in (70.2, 70.9):
        ward.receives(patient=heart, weight=weight)
        ward.at(DAY)
    assert ward.alerts(heart) == []
    ward.receives_sets([{"id": "third", "taken_at": ward.now, "weight": 71.7}], patient=heart)
    alert = ward.alert(patient=heart)
    assert alert.severity == Severity.AMBER
    assert alert.reasons == [
        {
            "rule": "weight_up_in_2_days",
            "severity": "amber",
            "text": "Weight 71.70 kg: up 1.50 from 70.20 48 h before (1.50 or more within 48 h)",
        }
    ]
    assert alert.why["pathway_version"] == pathways()["heart_failure"].version
    assert alert.why["looked_back"] == {
        "weight": [{"value": "70.90", "age_min": 1440}, {"value": "70.20", "age_min": 2880}]
    }
    assert current(ward, "third", patient=heart).severity == Severity.AMBER


def test_a_batch_looks_back_within_itself_and_into_what_is_stored(ward: Ward, heart: Patient) -> None:
    start = ward.now - 2 * DAY
    ward.receives(patient=heart, taken=start, weight=70.2)
    ward.receives_sets(
        [
            {"id": "b", "taken_at": start + DAY, "weight": 70.9},
            {"id": "c", "taken_at": start + 2 * DAY, "weight": 71.7},
        ],
        patient=heart,
    )
    assert ward.alert(patient=heart).reasons[0]["rule"] == "weight_up_in_2_days"


def test_in_whatever_order_sets_come_each_is_worth_the_same(ward: Ward) -> None:
    """The late ones are found by what they change days later, and what is scored again is scored anew."""
    taken = {"a": (0, 70.0), "b": (30, 70.9), "c": (48, 71.5), "d": (90, 71.6), "e": (110, 73.2)}
    found: set[tuple[int, ...]] = set()
    for order in permutations(taken, 3):
        patient = _on(ward, "heart_failure") if not found else _another(ward)
        rest = [name for name in taken if name not in order]
        for batch in ([order[0]], [order[1], rest[0]], [order[2], rest[1]]):
            sets = [
                {"id": name, "taken_at": ward.now + timedelta(hours=hours) - 6 * DAY, "weight": weight}
                for name in batch
                for hours, weight in [taken[name]]
            ]
            ward.receives_sets(sets, patient=patient)
        found.add(tuple(current(ward, name, patient=patient).severity for name in taken))
    assert found == {(0, 0, 1, 0, 1)}


def _another(ward: Ward) -> Patient:
    code, ward.code = ward.code, "HEART_FAILURE"
    patient = ward.admit(at=ward.now - 7 * DAY)
    ward.code = code
    return patient


def test_a_weight_that_the_plan_expects_and_nobody_takes_is_missed(ward: Ward) -> None:
    patient = _on(ward, "heart_failure", expects=["spo2", "weight"], readings_per_day=0)
    ward.receives(patient=patient, weight=70)
    ward.at(timedelta(hours=35)).receives(patient=patient, **WELL)
    assert ward.alerts(patient) == []
    ward.at(timedelta(hours=1)).receives(patient=patient, **WELL)
    assert ward.alert(patient=patient).reasons[0]["text"] == "No weight for 36 h (36 h or longer)"
    before = ward.alert(patient=patient).basis["rules"]
    ward.at(timedelta(hours=1)).receives(patient=patient, weight=70)
    assert (before, ward.alert(patient=patient).basis["rules"]) == (["no_weight"], [])


def test_where_the_plan_does_not_expect_a_weight_nobody_misses_it(ward: Ward, heart: Patient) -> None:
    ward.receives(patient=heart, **WELL)
    assert ward.alerts(heart) == []


def test_a_patient_is_held_against_their_own_usual_values(ward: Ward) -> None:
    ward.plans(baselines={"news2": 0, "systolic": 160})
    ward.receives(**WELL | {"systolic": 120})
    assert ward.alerts() == []
    ward.at("08:30").receives(**WELL | {"systolic": 119})
    assert ward.alert().severity == Severity.RED
    assert ward.alert().reasons[0]["text"] == ("Systolic blood pressure 119 mmHg: 41 below the usual 160 (41 or more)")
    ward.at("08:40").receives(**WELL | {"pulse": 111})
    assert ward.history(ward.alert()) == ["raised", "worsened"]


def test_an_spo2_that_is_normal_and_below_the_patients_own_alerts_where_lungs_are_the_illness(ward: Ward) -> None:
    lungs = _on(ward, "acute_respiratory", baselines={"news2": 0, "spo2": 99}, readings_per_day=0)
    ward.receives(patient=lungs, **WELL | {"spo2": 97})
    assert ward.alerts(lungs) == []
    ward.at("08:30").receives(patient=lungs, **WELL | {"spo2": 96})
    alert = ward.alert(patient=lungs)
    assert (alert.severity, [one["rule"] for one in alert.reasons]) == (Severity.AMBER_PLUS, ["spo2_below_usual"])


def test_an_spo2_that_falls_alerts_while_it_is_no_low_one_yet(ward: Ward) -> None:
    lungs = _on(ward, "acute_respiratory", readings_per_day=0)
    for hours, spo2 in ((0, 99), (2, 97)):
        ward.at(timedelta(hours=hours)).receives(patient=lungs, **WELL | {"spo2": spo2})
    assert ward.alerts(lungs) == []
    ward.at(timedelta(hours=2)).receives(patient=lungs, **WELL | {"spo2": 95})
    ward.at(timedelta(minutes=15))  # asked to measure again first, and nothing came
    found = ward.alert(patient=lungs)
    assert (found.severity, [one["rule"] for one in found.reasons]) == (Severity.AMBER, ["spo2_falling"])


def test_low_pressure_with_a_patient_who_feels_worse_is_red(ward: Ward, heart: Patient) -> None:
    ward.receives(patient=heart, **WELL | {"systolic": 99, "wellness": "worse"})
    texts = [reason["text"] for reason in ward.alert(patient=heart).reasons]
    assert ward.alert(patient=heart).severity == Severity.RED
    assert texts[0] == "Systolic blood pressure 99 mmHg (100 or less) and feels worse"


def test_fever_under_therapy_is_critical_and_names_the_line(ward: Ward) -> None:
    patient = _on(ward, "acute_oncology")
    ward.receives(patient=patient, **WELL | {"temperature": 37.4})
    assert ward.alerts(patient) == []
    ward.receives(patient=patient, **WELL | {"temperature": 37.5})
    alert = ward.alert(patient=patient)
    assert alert.severity == Severity.CRITICAL
    assert alert.reasons[0]["text"] == "Temperature 37.5 °C (37.5 or more): the acute oncology 24-hour line, or 999"


def test_readings_that_cannot_be_relied_on_tell_of_the_kit_until_a_good_one(ward: Ward) -> None:
    patient = _on(ward, "acute_respiratory")
    for _ in range(3):
        ward.at(timedelta(hours=1)).receives(patient=patient, **WELL | {"quality": "low"})
    alert = ward.alert(Kind.DATA_QUALITY, patient)
    assert alert.reasons[0]["text"] == "3 of the last 4 sets are of low quality or improbable"
    ward.at(timedelta(hours=1)).receives(patient=patient, **WELL)
    assert [one.state for one in ward.alerts(patient)] == [State.EXPIRED]


def test_an_amber_that_was_nearly_better_is_not_told_again_and_that_is_noted(ward: Ward) -> None:
    def sends(spo2: int) -> list[str]:
        ward.at(timedelta(minutes=10)).receives(**WELL | {"spo2": spo2})
        return ward.history(ward.alert())

    assert sends(93) == ["raised"]
    ward.acknowledges(ward.alert())
    assert sends(94) == ["raised", "acknowledged"]
    assert sends(93) == ["raised", "acknowledged", WITHHELD]
    assert ward.alert().state == State.ACKNOWLEDGED
    sends(95)
    assert sends(93)[-1] == "worsened"
    ward.acknowledges(ward.alert())
    assert sends(91)[-1] == "worsened"  # red
    ward.acknowledges(ward.alert())
    sends(92)
    assert sends(91)[-1] == "worsened"  # what is red is told by its own bound
    with transaction(ward.engine) as session:
        span = Span(ward.now - DAY, ward.now + DAY)
        total = alert_burden(ward.act(session, Role.CLINICIAN), span, BurdenBy.ALL).total
        assert (total.alerts, total.withheld) == (1, 1)


def test_a_value_carried_says_how_old_it_is(ward: Ward) -> None:
    ward.receives(respiratory_rate=26)
    ward.at(timedelta(minutes=40)).receives(spo2=90)
    assert ward.alert().why["ages_min"] == {"respiratory_rate": 40}


def test_history_is_read_by_its_index_within_its_months_and_only_where_rules_look_back(ward: Ward) -> None:
    assert not pathways()["general"].looks_back
    ward.receives(**WELL)  # makes the month
    asked = {"place": 0, "episode_id": 1, "vital": 6, "since": ward.now - DAY, "until": ward.now, "readings": 12}
    with transaction(ward.engine) as session:
        driver(session).execute("SET LOCAL enable_seqscan = off")
        values = {"asked": as_rows([asked]), "since": ward.now - DAY, "until": ward.now}
        plan = "\n".join(line for (line,) in driver(session).execute("EXPLAIN " + EARLIER, values))
    assert set(re.findall(r"Scan.* on (reading_\w+)", plan)) == {"reading_recent", f"reading_{ward.now:%Y_%m}"}
    assert "Index Cond: ((episode_id = asked.episode_id) AND (taken_at >= asked.since)" in plan
    assert "Sort  (" not in plan.split("Limit")[1]  # a merge of what each index gives in order
