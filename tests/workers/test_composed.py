"""What a set is scored with: its own values and those still fresh, by the plan that was in force when it was taken."""

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest

from alert_rules.severity import Severity
from monitoring.database import driver_of
from monitoring.patients.plan import LimitsBody, PlanBody
from tests.ward import SICK, VERY_SICK, WELL, Ward
from tests.workers.records import count, current, kept_aside
from workers.drain import hearing

WITHOUT_SCORE = PlanBody(
    limits={
        "respiratory_rate": LimitsBody(red_low=8, red_high=30),
        "spo2": LimitsBody(red_low=90),
        "pulse": LimitsBody(red_low=40, red_high=140),
        "systolic": LimitsBody(red_low=80, red_high=220),
        "temperature": LimitsBody(red_low=35, red_high=39),
    },
    reason="NEWS2 does not apply",
    review_on=date(2027, 1, 1),
)


def test_a_score_names_the_sets_whose_values_it_carries(ward: Ward) -> None:
    ward.receives_sets([{"id": "pressure", "taken_at": ward.now, "systolic": 95, "pulse": 70}])
    ward.at("08:30").receives_sets([{"id": "breath", "taken_at": ward.now, "respiratory_rate": 22}])
    ward.at("08:50").receives_sets([{"id": "finger", "taken_at": ward.now, "spo2": 93, "pulse": 112}])
    finger = current(ward, "finger")
    assert (finger.points, finger.score) == ("22-22--", 8)
    assert finger.uses == ("breath", "pressure")
    assert ward.alert().why["readings"][1:] != []


def test_confusion_that_somebody_saw_is_carried_over_the_patients_own_alert(ward: Ward) -> None:
    ward.receives_sets([{"id": "nurse", "taken_at": ward.now, "consciousness": "C", "assessed_by": "staff"}])
    ward.at("08:10").receives_sets([{"id": "own", "taken_at": ward.now, "consciousness": "A", "spo2": 97}])
    assert current(ward, "own").points == "-0---3-"
    assert current(ward, "own").uses == ("nurse",)


def test_values_beyond_their_age_limit_are_not_scored(ward: Ward) -> None:
    ward.receives_sets([{"id": "old", "taken_at": ward.now, "respiratory_rate": 30}])
    ward.at("09:01").receives_sets([{"id": "new", "taken_at": ward.now, "spo2": 97}])
    assert current(ward, "new").points == "-0-----"
    assert current(ward, "new").uses == ()


def test_the_plan_in_force_when_a_set_was_taken_scores_it(ward: Ward) -> None:
    ward.at("10:00").plans(spo2_scale=2)
    ward.at("11:00").receives_sets(
        [
            {"id": "before", "taken_at": ward.now - timedelta(minutes=90), "spo2": 90, "oxygen_flow": 0},
            {"id": "after", "taken_at": ward.now, "spo2": 90, "oxygen_flow": 0},
        ]
    )
    assert (current(ward, "before").scale, current(ward, "before").points) == (1, "-30----")
    assert (current(ward, "after").scale, current(ward, "after").points) == (2, "-00----")


def test_a_plans_own_limits_alert(ward: Ward) -> None:
    ward.plans(limits={"pulse": {"red_high": 70}})
    ward.receives(**WELL)
    assert ward.alert().severity == Severity.RED
    assert "70 or more" in ward.alert().reasons[0]["text"]


def test_comfort_care_is_charted_and_neither_scored_nor_alerted(ward: Ward) -> None:
    ward.plans(monitoring="comfort")
    ward.receives_sets([{"id": "a", "taken_at": ward.now, **VERY_SICK}])
    assert (current(ward, "a").points, current(ward, "a").not_scored) == (None, "comfort")
    assert ward.alerts() == []
    assert ward.known().overdue_at is None


def test_confusion_that_is_usual_is_not_new(ward: Ward) -> None:
    ward.plans(usual_consciousness="C")
    ward.receives_sets([{"id": "a", "taken_at": ward.now, **WELL | {"consciousness": "C"}}])
    assert current(ward, "a").score == 0
    assert ward.alerts() == []


def test_home_oxygen_is_assumed_where_a_set_is_silent_and_said_so(ward: Ward) -> None:
    ward.plans(home_oxygen_l_min=2)
    silent = {name: value for name, value in WELL.items() if name != "oxygen_flow"}
    ward.receives_sets([{"id": "a", "taken_at": ward.now, **silent}])
    found = current(ward, "a")
    assert (found.points, found.score, found.oxygen_assumed) == ("0020000", 2, True)


@pytest.mark.parametrize(
    ("why", "person"),
    [
        ("under 16", {"birth_date": date(2015, 1, 1)}),
        ("pregnant", {"pregnant": True}),
        ("spinal", {"spinal_cord_injury": True}),
    ],
)
def test_a_patient_to_whom_news2_does_not_apply_is_watched_by_limits(
    ward: Ward, why: str, person: dict[str, Any]
) -> None:
    patient = ward.admit(plan=WITHOUT_SCORE, **person)
    ward.receives_sets([{"id": "sick", "taken_at": ward.now, **SICK}], patient=patient)
    found = current(ward, "sick", patient=patient)
    assert found.points is None
    assert why in str(found.not_scored).replace("_", " ")
    assert ward.alerts(patient) == []
    ward.at("08:30").receives_sets([{"id": "slow", "taken_at": ward.now, "spo2": 90}], patient=patient)
    assert ward.alert(patient=patient).severity == Severity.RED


def test_late_sets_of_a_patient_without_a_score_rewrite_nothing(ward: Ward) -> None:
    patient = ward.admit(plan=WITHOUT_SCORE, spinal_cord_injury=True)
    ward.at("09:00").receives_sets([{"id": "new", "taken_at": ward.now, "spo2": 97}], patient=patient)
    late = {"id": "late", "taken_at": ward.now - timedelta(minutes=5), "pulse": 70}
    ward.receives_sets([late], patient=patient)
    assert count(ward.engine, "rescored") == 0


def test_a_test_set_is_stored_and_never_scored(ward: Ward) -> None:
    ward.receives_sets([{"id": "t", "taken_at": ward.now, "quality": "test", **VERY_SICK}])
    assert current(ward, "t").not_scored == "test"
    assert ward.alerts() == []
    assert ward.known().newest_at is None
    ward.at("08:10").receives_sets([{"id": "real", "taken_at": ward.now, "spo2": 97}])
    assert current(ward, "real").points == "-0-----"


def test_a_declined_set_is_no_set(ward: Ward) -> None:
    due_at = ward.known().due_at
    ward.at("12:00").receives_sets([{"id": "d", "taken_at": ward.now, "declined": "asleep"}])
    assert current(ward, "d").not_scored == "declined"
    assert ward.known().due_at == due_at
    assert ward.known().heard_at is None


def test_sets_of_weight_alone_have_no_score(ward: Ward) -> None:
    ward.receives_sets([{"id": "w", "taken_at": ward.now, "weight": 70.25}])
    assert current(ward, "w").not_scored == "no_scored_vital"
    assert kept_aside(ward.engine) == []


def test_declined_sets_are_counted_without_a_look_at_others(ward: Ward) -> None:
    whole_stay = [{"id": f"s{n}", "taken_at": ward.now - timedelta(seconds=n), "weight": 70} for n in range(500)]
    ward.receives_sets(whole_stay)  # no vital sign: nothing was heard since admission
    asked = json.dumps([{"episode_id": ward.patient.episode_id, "since": str(ward.now - timedelta(days=1))}])
    with ward.engine.connect() as connection:
        plan = driver_of(connection).execute(f"EXPLAIN {hearing._DECLINED}", (asked,)).fetchall()
    read = re.findall(
        r"Index (?:Only )?Scan (?:using|on) reading_\d{4}_\d{2}_(\w+)", "\n".join(line for (line,) in plan)
    )
    assert set(read) == {"episode_id_taken_at_idx"}  # as the months name what `reading_declined` is in each of them
