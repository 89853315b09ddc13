"""Stories of ambers that were resolved, and are there again: on a ward whose pathway lets them pass for six hours."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from alert_rules.alarms import ENDED, Kind
from alert_rules.severity import Severity
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.concerns.raising import ConcernBody, raise_concern
from monitoring.concerns.tables import From
from monitoring.database import transaction
from monitoring.prompts.tables import NotRaised, Suppressed
from monitoring.reports.alert_burden import BurdenBy, alert_burden
from monitoring.reports.periods import Span
from tests.ward import SICK, VERY_SICK, WELL, Ward

LOWISH = WELL | {"systolic": 94}  # an amber limit of the pathway: 95
RAISED = WELL | {"respiratory_rate": 21, "pulse": 91, "spo2": 97}  # NEWS2 3


@pytest.fixture(autouse=True)
def _heart(ward: Ward) -> None:
    """The patient is on a ward for heart failure."""
    ward.opens("HEART", pathway="heart_failure")
    ward.code = "HEART"
    ward.patient = ward.admit()


def suppressed(ward: Ward) -> list[Suppressed]:
    """Everything that was not raised."""
    with Session(ward.engine) as session:
        return list(session.scalars(select(Suppressed).order_by("id")))


def _resolved(ward: Ward, vitals: dict[str, Any], outcome: str = "expected_for_patient") -> None:
    """At noon an amber, resolved five minutes later."""
    ward.at("12:00").receives(**vitals)
    assert ward.alert().severity == Severity.AMBER
    ward.now += timedelta(minutes=5)
    ward.resolves(ward.alert(), outcome)


def is_open(ward: Ward) -> bool:
    return any(one.kind == Kind.DETERIORATION and one.state not in ENDED for one in ward.alerts())


def test_the_same_amber_raises_nothing_until_its_time_is_over_and_is_recorded(ward: Ward) -> None:
    _resolved(ward, LOWISH)
    (alert,) = ward.alerts()
    assert ward.history(alert)[-1] == "the same raises nothing until 18:05"
    ward.at("14:00").receives(**LOWISH)
    ward.at("16:00").receives(**WELL | {"systolic": 95})  # better, and amber still
    assert not is_open(ward)
    first, second = suppressed(ward)
    assert (first.rule, first.severity, first.why, first.alert_id) == (
        "systolic_amber_low", Severity.AMBER, NotRaised.REFRACTORY, alert.id,
    )  # fmt: skip
    assert (first.values, second.values) == ({"systolic": ["94", "94"]}, {"systolic": ["94", "95"]})
    assert (len(first.sets), first.prompt_id) == (1, None)
    ward.at("18:05").receives(**LOWISH)
    assert ward.alert().severity == Severity.AMBER
    assert len(suppressed(ward)) == 2


def test_a_raised_score_is_the_same_while_no_parameter_scores_more(ward: Ward) -> None:
    _resolved(ward, RAISED)
    ward.at("14:00").receives(**RAISED)
    assert not is_open(ward)
    assert [one.rule for one in suppressed(ward)] == ["news2_low_medium"]
    ward.at("14:30").receives(**RAISED | {"pulse": 72, "temperature": 38.2})  # another parameter: NEWS2 3 as well
    assert is_open(ward)


@pytest.mark.parametrize(
    "vitals",
    [
        LOWISH | {"systolic": 93},  # worse
        LOWISH | {"spo2": 93},  # another vital sign
        LOWISH | {"wellness": "worse"},
        LOWISH | {"glucose": 21},
        WELL | {"systolic": 181},  # another limit
        LOWISH | {"temperature": 35.0},
        LOWISH | {"consciousness": "C", "assessed_by": "carer"},
        LOWISH | {"wellness": "much worse"},
        SICK | {"systolic": 94},
        VERY_SICK | {"systolic": 94},
        {name: value for name, value in RAISED.items() if name not in {"temperature", "consciousness"}}
        | {"systolic": 94},  # incomplete: somebody completes it by phone
    ],
    ids=str,
)
def test_whatever_is_worse_or_other_alerts_as_ever(ward: Ward, vitals: dict[str, Any]) -> None:
    _resolved(ward, LOWISH)
    ward.at("14:00").receives(**vitals)
    assert is_open(ward)
    assert suppressed(ward) == []


def test_the_value_when_it_was_resolved_counts_not_the_one_that_raised_it(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL | {"systolic": 92})
    ward.at("12:30").receives(**LOWISH)
    ward.resolves(ward.alert())
    ward.at("13:00").receives(**WELL | {"systolic": 93})
    assert is_open(ward)


@pytest.mark.parametrize("outcome", ["false_reading", "no_contact"])
def test_nothing_is_let_pass_that_nobody_saw_to(ward: Ward, outcome: str) -> None:
    _resolved(ward, LOWISH, outcome)
    ward.at("14:00").receives(**LOWISH)
    assert is_open(ward)


def test_after_something_worse_the_amber_that_is_left_alerts(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK | {"systolic": 94})
    ward.resolves(ward.alert())
    ward.at("13:00").receives(**LOWISH)
    assert is_open(ward)


def test_what_was_better_when_it_was_resolved_is_new_when_it_is_back(ward: Ward) -> None:
    ward.at("12:00").receives(**LOWISH)
    ward.at("12:30").receives(**WELL)
    ward.resolves(ward.alert())
    ward.at("13:00").receives(**LOWISH)
    assert is_open(ward)


def test_a_concern_ends_it_and_is_never_covered(ward: Ward) -> None:
    _resolved(ward, LOWISH)
    with transaction(ward.engine) as session:
        body = ConcernBody(id="c1", at=ward.now, from_=From.PATIENT, text="I feel odd", patient=ward.patient.id)
        raise_concern(Act(session, ward.staff[Role.CLINICIAN], ward.now), body, ward.settings)
    ward.resolves(ward.alert(Kind.CONCERN))
    ward.at("14:00").receives(**LOWISH)
    assert is_open(ward)


def test_a_new_plan_ends_it(ward: Ward) -> None:
    _resolved(ward, LOWISH)
    ward.plans(limits={"systolic": {"amber_low": 97}})
    ward.at("14:00").receives(**LOWISH)
    assert is_open(ward)


def test_on_another_ward_it_is_not_known(ward: Ward) -> None:
    _resolved(ward, LOWISH)
    ward.opens("HEART2", pathway="heart_failure")
    ward.transfers("HEART2")
    ward.at("14:00").receives(**LOWISH)
    assert is_open(ward)


def test_where_the_pathway_names_no_time_the_same_alerts_again(ward: Ward) -> None:
    ward.code = "WARD1"
    ward.patient = ward.admit()
    _resolved(ward, WELL | {"spo2": 93})
    ward.at("12:30").receives(**WELL | {"spo2": 93})
    assert is_open(ward)


def test_what_was_taken_before_it_was_resolved_alerts(ward: Ward) -> None:
    _resolved(ward, LOWISH)
    ward.now += timedelta(minutes=1)
    ward.receives(taken=ward.now - timedelta(minutes=3), **LOWISH)
    assert is_open(ward)


def test_an_accepted_amber_is_let_pass_as_any_other_and_beyond_it_is_red(ward: Ward) -> None:
    ward.accepts(down_to=88)
    _resolved(ward, WELL | {"systolic": 89})
    ward.at("14:00").receives(**WELL | {"systolic": 89})
    assert not is_open(ward)
    assert {one.rule for one in suppressed(ward)} == {
        "systolic_low", "systolic_amber_low", "single_red", "news2_low_medium",
    }  # fmt: skip
    ward.at("15:00").receives(**WELL | {"systolic": 87})
    assert ward.alert().severity == Severity.RED


def test_each_set_that_raised_nothing_is_counted_once(ward: Ward) -> None:
    both = LOWISH | {"pulse": 91}  # NEWS2 3
    _resolved(ward, both)
    ward.at("14:00").receives(**both)
    ward.at("16:00").receives(**both)
    with Session(ward.engine) as session:
        ward.now += timedelta(hours=1)
        span = Span(ward.now - timedelta(days=1), ward.now)
        report = alert_burden(ward.act(session, Role.ADMIN), span, BurdenBy.RULE)
    assert (report.total.suppressed, report.total.refractory) == (2, 2)
    assert {row.group: row.refractory for row in report.groups if row.refractory} == {
        "news2_low_medium": 2, "systolic_amber_low": 2,
    }  # fmt: skip
