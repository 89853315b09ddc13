"""An alert that nobody answers finds somebody: what a ward lives through, with a clock that can be turned."""

from datetime import datetime, timedelta

import msgspec
import pytest

from alert_rules.alarms import State
from monitoring.access.roles import Role
from monitoring.alerts import answers
from monitoring.database import transaction
from monitoring.duty.rotas import RotaBody, set_rota
from monitoring.escalation import by_hand
from monitoring.escalation.following import HOSPITAL_NOW, NO_HOSPITAL_NOW
from monitoring.escalation.tables import MessageState
from tests.ward import SICK, VERY_SICK, WELL, Ward

CALL_CENTRE = "https://call-centre.example/hook"
FALLBACK = {"tell": "fallback", "by": ["webhook"], "to": CALL_CENTRE, "wait_s": 600}
RED = [{"tell": "clinician", "wait_s": 900}, {"tell": "coordinator", "wait_s": 600}, FALLBACK]
CRITICAL = [{"tell": "clinician", "wait_s": 300}, FALLBACK]
AMBER = [{"tell": "clinician", "wait_s": 3600, "when": "staffed"}, {**FALLBACK, "when": "staffed"}]
MILD = WELL | {"respiratory_rate": 21, "pulse": 95}  # NEWS2 3


@pytest.fixture
def manned(ward: Ward) -> Ward:
    """A ward whose clinician and coordinator can be told, with somebody always there behind them."""
    ward.reaches(Role.CLINICIAN, "https://pager.example/clinician")
    ward.reaches(Role.COORDINATOR, "https://pager.example/coordinator")
    ward.sets_ladders(red=RED, critical=CRITICAL, amber=AMBER)
    return ward


@pytest.fixture(autouse=True)
def climbing(ward: Ward) -> None:
    """Turning the clock takes what is due."""
    ward.climbs = True


def test_an_unanswered_alert_climbs_and_then_keeps_calling_who_is_always_there(manned: Ward) -> None:
    manned.at("12:00").receives(**SICK)
    for clock in ("12:00", "12:14", "12:15", "12:24", "12:25", "12:35", "12:45"):
        manned.at(clock)
    assert manned.told == [
        "12:00 clinician", "12:15 coordinator", "12:25 fallback", "12:35 fallback", "12:45 fallback",
    ]  # fmt: skip
    addresses = [message.address.rpartition("/")[2] for message in manned.messages(manned.alert())]
    assert addresses == ["clinician", "coordinator", "hook", "hook", "hook"]


def test_what_fell_due_while_nobody_kept_the_time_is_made_up_for_in_order(manned: Ward) -> None:
    manned.at("12:00").receives(**SICK)
    manned.at("12:00").at("13:00").at("13:00")
    assert manned.told == ["12:00 clinician", "13:00 coordinator"]


def test_acknowledging_stops_the_ladder_and_what_was_still_to_be_sent(manned: Ward) -> None:
    manned.at("12:00").receives(**SICK)
    manned.at("12:00")
    manned.acknowledges(manned.alert())
    manned.at("12:15").at("12:59")
    assert manned.told == ["12:00 clinician"]
    assert [message.state for message in manned.messages(manned.alert())] == [MessageState.CANCELLED]


def test_an_acknowledgement_that_nothing_follows_starts_the_ladder_again_where_it_stood(manned: Ward) -> None:
    manned.at("12:00").receives(**SICK)
    manned.at("12:00")
    manned.acknowledges(manned.alert())
    manned.at("12:59").at("13:00")
    assert manned.told == ["12:00 clinician", "13:00 coordinator"]
    assert manned.alert().state == State.OPEN
    assert "not acted on in time: open again" in manned.history(manned.alert())


def test_a_step_up_in_severity_jumps_to_the_graver_ladder(manned: Ward) -> None:
    manned.at("12:00").receives(**SICK)
    manned.at("12:00").at("12:15")
    manned.receives(**VERY_SICK)
    manned.at("12:15").at("12:20")
    assert manned.told == ["12:00 clinician", "12:15 coordinator", "12:15 clinician", "12:20 fallback"]


def test_worse_after_an_acknowledgement_begins_at_the_first_step(manned: Ward) -> None:
    manned.at("12:00").receives(**SICK)
    manned.at("12:00").acknowledges(manned.alert())
    manned.at("12:30").receives(**VERY_SICK)
    manned.at("12:30")
    assert manned.told == ["12:00 clinician", "12:30 clinician"]


def test_a_step_that_nobody_can_take_is_passed_over_at_once_and_noted(ward: Ward) -> None:
    ward.reaches(Role.COORDINATOR)
    ward.sets_ladders(red=[{"tell": "support", "wait_s": 900}, *RED])
    ward.at("12:00").receives(**SICK)
    ward.at("12:00")
    no_way = "1 on duty, none with a way to be told"
    assert ward.told == [f"12:00 support: {no_way}", f"12:00 clinician: {no_way}", "12:00 coordinator"]
    with transaction(ward.engine) as session:
        told = session.connection().exec_driver_sql(
            "SELECT data -> 'escalation' ->> 'next_at' FROM event WHERE kind = 'escalation' ORDER BY id"
        )
        assert [f"{datetime.fromisoformat(at):%H:%M}" for (at,) in told] == ["12:00", "12:00", "12:10"]


def test_an_alert_is_told_of_though_nothing_is_configured(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    ward.at("12:00").at("12:10")
    assert ward.told[-2:] == ["12:00 fallback: no fallback is configured", "12:10 fallback: no fallback is configured"]


def test_an_amber_waits_until_the_ward_is_staffed_and_a_red_never_does(manned: Ward) -> None:
    with transaction(manned.engine) as session:
        session.connection().exec_driver_sql('UPDATE ward SET staffed_hours = \'{"tue": ["13:00", "20:00"]}\'')
    manned.plans(readings_per_day=0)
    manned.at("12:00").receives(**MILD)
    manned.at("12:00").at("12:59").at("13:00")
    assert manned.told == ["13:00 clinician"]
    manned.at("21:00").receives(**SICK)
    manned.at("21:00")
    nobody = "nobody is on duty"
    assert manned.told[1:] == [f"21:00 clinician: {nobody}", f"21:00 coordinator: {nobody}", "21:00 fallback"]


def test_who_is_not_to_go_to_hospital_has_a_ladder_of_their_own(manned: Ward) -> None:
    manned.plans(escalation={"hospital": "no"})
    manned.sets_ladders(red=RED, no_hospital=[{"tell": "coordinator", "wait_s": 300}, FALLBACK])
    manned.at("12:00").receives(**SICK)
    manned.at("12:00")
    assert manned.told == ["12:00 coordinator"]


def test_a_plan_that_changes_while_an_alert_climbs_changes_its_ladder_from_the_next_step_on(manned: Ward) -> None:
    manned.reaches(Role.SUPPORT, "https://pager.example/support")
    own = [{"tell": tell, "wait_s": 300} for tell in ("clinician", "support", "coordinator")]
    manned.sets_ladders(red=RED, no_hospital=[*own, FALLBACK])
    manned.at("12:00").receives(**SICK)
    manned.at("12:00")
    manned.plans(escalation={"hospital": "discuss"})
    manned.at("12:05")
    manned.plans(escalation={"hospital": "no"})
    for clock in ("12:05", "12:14", "12:15", "12:20"):
        manned.at(clock)
    assert manned.told == ["12:00 clinician", "12:15 support", "12:20 coordinator"]  # the clinician knows already
    manned.plans(None, escalation={"hospital": "yes"}, **{"from": manned.now + timedelta(minutes=3)})
    for clock in ("12:22", "12:25", "12:40"):
        manned.at(clock)
    assert manned.told[3:] == ["12:25 clinician", "12:40 coordinator"]  # those of the other ladder, as of its instant
    assert manned.history(manned.alert()) == ["raised", NO_HOSPITAL_NOW, HOSPITAL_NOW]


def test_a_plan_that_changes_while_somebody_answers_for_an_alert_counts_when_it_is_open_again(manned: Ward) -> None:
    manned.sets_ladders(red=RED, no_hospital=[{"tell": "coordinator", "wait_s": 300}, FALLBACK])
    manned.at("12:00").receives(**SICK)
    manned.at("12:00").acknowledges(manned.alert())
    manned.plans(escalation={"hospital": "no"})
    manned.at("12:59").at("13:00").at("13:05")
    assert manned.told == ["12:00 clinician", "13:00 coordinator", "13:05 fallback"]


def test_who_acted_is_asked_for_the_outcome_after_1_4_12_and_24_hours_and_then_every_day(manned: Ward) -> None:
    manned.plans(readings_per_day=0)
    manned.at("10:00").receives(**SICK)
    manned.at("10:00")
    with transaction(manned.engine) as session:
        act = manned.act(session, Role.CLINICIAN)
        answers.act_on_alert(act, manned.alert().public_id, answers.ActionBody("called the patient"))
    began, asked = manned.now, []
    while manned.now < began + timedelta(hours=72):
        before = len(manned.messages(manned.alert()))
        manned.at(timedelta(minutes=30))
        if len(manned.messages(manned.alert())) > before:
            asked.append((manned.now - began) / timedelta(hours=1))
    assert asked == [1, 4, 12, 24, 48, 72]
    assert manned.told == ["10:00 clinician"]
    assert manned.alert().state == State.ACTIONED


def test_an_ambers_outcome_is_not_asked_for_in_the_quiet_hours_of_who_is_off_duty(manned: Ward) -> None:
    who = str(manned.staff[Role.CLINICIAN].public_id)
    day = {"staff": who, "day": "tue", "from": "08:00", "to": "20:00"}
    rota = msgspec.convert({"ward": manned.code, "role": "clinician", "weekly": [day]}, RotaBody)
    with transaction(manned.engine) as session:
        set_rota(manned.act(session, Role.COORDINATOR), "CLINICIANS", rota)
        session.connection().exec_driver_sql('UPDATE contact SET quiet = \'{"from": "20:30", "to": "07:00"}\'')
    manned.plans(readings_per_day=0)
    manned.at("19:45").receives(**MILD)
    manned.at("19:45")
    with transaction(manned.engine) as session:
        act = manned.act(session, Role.CLINICIAN)
        answers.act_on_alert(act, manned.alert().public_id, answers.ActionBody("called the patient"))
    told = len(manned.messages(manned.alert()))
    for clock, more in (("20:45", 0), ("23:45", 0), ("30:59", 0), ("31:00", 1), ("31:01", 1)):
        manned.at(clock)
        assert len(manned.messages(manned.alert())) == told + more, clock
    with transaction(manned.engine) as session:
        session.connection().exec_driver_sql("UPDATE alert SET severity = 2")
        session.connection().exec_driver_sql("UPDATE escalation SET due_at = '2026-03-11 21:00+00'")
    manned.at("45:00")
    assert len(manned.messages(manned.alert())) == told + 2  # what is worse than an amber is asked at any hour


def test_who_may_not_resolve_an_alert_is_not_asked_how_it_ended(manned: Ward) -> None:
    manned.plans(readings_per_day=0)
    manned.at("10:00").receives(**SICK)
    with transaction(manned.engine) as session:
        act = manned.act(session, Role.UCR)
        answers.take_for_visit(act, manned.alert(), "ucr_accepted: ONE", None, manned.now + timedelta(hours=2))
        found = session.merge(manned.alert())
        found.state = State.ACKNOWLEDGED
        answers.act_for_visit(act, found, "ucr_arrived: ONE", None)
    manned.at("11:00")
    (asked,) = [one for one in manned.messages(manned.alert()) if one.body["type"] == "alert.outcome_wanted"]
    assert asked.staff_id == manned.staff[Role.CLINICIAN].id


def test_a_snoozed_amber_comes_back_at_the_first_step(manned: Ward) -> None:
    manned.at("12:00").receives(**MILD)
    manned.at("12:00")
    with transaction(manned.engine) as session:
        body = answers.SnoozeBody(manned.now + timedelta(hours=2), "asleep")
        answers.snooze_alert(manned.act(session, Role.CLINICIAN), manned.alert().public_id, body)
    manned.at("13:59").at("14:00")
    assert manned.told == ["12:00 clinician", "14:00 clinician"]
    assert manned.alert().state == State.OPEN


def test_who_cannot_handle_an_alert_sends_it_on_by_hand(manned: Ward) -> None:
    manned.at("12:00").receives(**SICK)
    manned.at("12:00").acknowledges(manned.alert())
    with transaction(manned.engine) as session:
        act, body = manned.act(session, Role.CLINICIAN), by_hand.EscalateBody("next", "two at once")
        by_hand.escalate(act, manned.alert().public_id, body, manned.settings)
    manned.at("12:00")
    assert manned.told == ["12:00 clinician", "12:00 coordinator"]
    assert manned.alert().state == State.OPEN


def test_transferred_the_alert_climbs_the_new_wards_ladder_from_its_first_step(manned: Ward) -> None:
    manned.opens("WARD2")
    manned.sets_ladders("WARD2", red=[{"tell": "coordinator", "wait_s": 300}, FALLBACK])
    manned.at("12:00").receives(**SICK)
    manned.at("12:00").transfers("WARD2")
    manned.at("12:01")
    assert manned.told == ["12:00 clinician", "12:01 coordinator"]


def test_who_dies_is_called_about_no_more(manned: Ward) -> None:
    manned.at("12:00").receives(**SICK)
    manned.at("12:00").discharges(outcome="died", destination="79")
    manned.at("12:15").at("12:30")
    assert manned.told == ["12:00 clinician"]
