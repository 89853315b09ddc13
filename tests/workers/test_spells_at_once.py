"""A spell ends, or moves, in the very moment in which a reading of it is drained."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from sqlmodel import Session

from alert_rules.alarms import Kind, State
from monitoring.access.roles import Role
from monitoring.database import once_more, transaction
from monitoring.flow.discharge import DischargeBody, Outcome, discharge
from monitoring.flow.referrals import ReferralBody, refer
from monitoring.flow.tables import Source
from monitoring.flow.transfer import TransferBody, transfer
from monitoring.refusals import Conflict, NotFound
from monitoring.wards.tables import Episode, Step
from tests.monitoring.outages import until
from tests.ward import VERY_SICK, WELL, Patient, Ward
from tests.workers.records import count, kept_aside, rows
from tests.workers.test_alerts_at_once import together
from workers.overdue import raise_overdue

HOME = DischargeBody(outcome=Outcome.HOME, decided_by="Dr No")
WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def begins_before_it_is_committed(
    ward: Ward, use_case: Callable[..., object], body: object, work: Callable[[], object]
) -> None:
    """Something is done to the spell; before it is committed `work` begins, and waits for it."""
    with ThreadPoolExecutor(1) as pool:
        with transaction(ward.engine) as session:
            spell = session.get_one(Episode, ward.patient.episode_id).public_id
            use_case(ward.act(session, Role.COORDINATOR), spell, body)
            session.flush()
            waiting = pool.submit(work)
            until(lambda: rows(ward.engine, WAITING))
        waiting.result()


def goes_home(ward: Ward, patient: Patient, told: list[bool]) -> None:
    """A discharge; whether it was refused is noted."""
    try:
        once_more(lambda: ward.discharges(patient))
    except Conflict:
        told.append(False)
    else:
        told.append(True)


def test_a_drain_that_waited_for_a_discharge_knows_that_the_patient_has_left(ward: Ward) -> None:
    ward.at("12:00")
    arrival = ward.arrival([{"id": "a", "taken_at": ward.now, **WELL}])
    begins_before_it_is_committed(ward, discharge, HOME, lambda: ward.drains([arrival]))
    assert count(ward.engine, "reading") == 0
    assert kept_aside(ward.engine) == [("a", "patient not on a ward at that time")]
    assert ward.known().due_at is None


def test_a_drain_that_waited_for_a_transfer_alerts_the_new_ward(ward: Ward) -> None:
    ward.opens("OTHER")
    arrival = ward.arrival([{"id": "a", "taken_at": ward.now, **VERY_SICK}])
    begins_before_it_is_committed(ward, transfer, TransferBody(ward="OTHER"), lambda: ward.drains([arrival]))
    assert rows(ward.engine, "SELECT code FROM alert JOIN ward ON ward.id = ward_id") == [("OTHER",)]


DIED = DischargeBody(outcome=Outcome.DIED, decided_by="Dr No")


def referred(ward: Ward, session: Session) -> None:
    """The ward's patient is referred to another one."""
    body = ReferralBody(patient=ward.patient.id, ward="OTHER", source=Source.GP, step=Step.UP)
    refer(ward.act(session, Role.COORDINATOR), body)


def test_nobody_is_referred_who_dies_in_the_same_moment(ward: Ward) -> None:
    ward.opens("OTHER")

    def refuses() -> None:
        with transaction(ward.engine) as session, pytest.raises(Conflict, match="died"):
            referred(ward, session)

    begins_before_it_is_committed(ward, discharge, DIED, refuses)
    assert count(ward.engine, "referral") == 0


def test_a_death_that_waited_for_a_referral_to_another_ward_is_recorded_with_it_at_the_next_try(ward: Ward) -> None:
    ward.opens("OTHER")
    with ThreadPoolExecutor(1) as pool:
        with transaction(ward.engine) as session:
            referred(ward, session)
            session.flush()
            dies = pool.submit(ward.decides, discharge, DIED)
            until(lambda: rows(ward.engine, WAITING))
        with pytest.raises(Conflict, match="in this moment"):
            dies.result()
    ward.decides(discharge, DIED)
    assert rows(ward.engine, "SELECT state FROM referral") == [("withdrawn",)]


def test_a_plan_that_waited_for_a_discharge_is_not_decided(ward: Ward) -> None:
    def decide() -> None:
        with pytest.raises(NotFound):
            ward.plans(spo2_scale=2)

    begins_before_it_is_committed(ward, discharge, HOME, decide)
    assert ward.known().due_at is None
    assert count(ward.engine, "plan") == 1


def test_nobody_goes_home_past_a_critical_reading_that_comes_in_the_same_moment(ward: Ward) -> None:
    """Either it keeps the patient on the ward, or it is told as late."""
    for number in range(12):
        patient = ward.admit()
        ward.now += timedelta(minutes=1)
        sick = {"id": f"s{number}", "taken_at": ward.now - timedelta(seconds=30), **VERY_SICK}
        arrival, told = ward.arrival([sick], patient=patient), list[bool]()
        together(partial(ward.drains, [arrival]), partial(goes_home, ward, patient, told))
        (alert,), (has_left,) = ward.alerts(patient), told
        kind = Kind.LATE_DETERIORATION if has_left else Kind.DETERIORATION
        assert (alert.kind, alert.state) == (kind, State.OPEN)
        assert (ward.known(patient).due_at is None) == has_left


def test_what_the_timekeeper_raises_while_somebody_leaves_has_ended_with_the_spell(ward: Ward) -> None:
    for _ in range(8):
        patient = ward.admit()
        ward.now += timedelta(hours=6)
        together(lambda: raise_overdue(ward.engine, ward.now), partial(ward.discharges, patient))
        assert {alert.state for alert in ward.alerts(patient)} <= {State.EXPIRED}
        assert ward.known(patient).overdue_at is None
