"""The ladders' time: exactly once, by however many timekeepers, beside whoever answers in that very moment."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from alert_rules.alarms import State
from monitoring.access.roles import Role
from monitoring.alerts import answers
from monitoring.clock import utc_now
from monitoring.database import once_more, transaction
from monitoring.escalation.tables import MessageState
from tests.monitoring.outages import until
from tests.ward import SICK, Patient, Ward
from tests.workers.test_alerts_at_once import together
from workers.ladders import fire_due, keep

FALLBACK = {"tell": "fallback", "by": ["webhook"], "to": "https://call-centre.example", "wait_s": 600}


@pytest.fixture
def manned(ward: Ward) -> Ward:
    """A ward whose clinician can be told."""
    ward.reaches(Role.CLINICIAN)
    ward.climbs = True
    ward.sets_ladders(red=[{"tell": "clinician", "wait_s": 900}, FALLBACK])
    ward.at("12:00")
    return ward


def all_sick(ward: Ward, count: int) -> list[Patient]:
    """So many patients with a red alert each."""
    patients = [ward.patient, *(ward.admit() for _ in range(count - 1))]
    for patient in patients:
        ward.receives(patient=patient, **SICK)
    return patients


def fires(ward: Ward) -> None:
    """One timekeeper takes what is due."""
    fire_due(ward.engine, ward.settings, ward.now)


def test_three_timekeepers_at_once_take_each_step_once(manned: Ward) -> None:
    patients = all_sick(manned, 6)
    for _ in range(3):
        together(*[lambda: fires(manned)] * 3)
        fires(manned)  # whatever the three left to each other
        manned.now += timedelta(minutes=15)
    assert sorted(manned.told) == sorted(["12:00 clinician", "12:15 fallback", "12:30 fallback"] * len(patients))
    for patient in patients:
        assert len(manned.messages(manned.alert(patient=patient))) == 3


def test_nobody_is_paged_after_an_acknowledgement_that_raced_the_timer(manned: Ward) -> None:
    patients = all_sick(manned, 8)

    def acknowledge(patient: Patient) -> None:
        alert = manned.alert(patient=patient).public_id

        def work() -> None:
            with transaction(manned.engine) as session:
                act = manned.act(session, Role.CLINICIAN)
                answers.acknowledge_alert(act, alert, answers.AcknowledgeBody())

        once_more(work)

    for patient in patients:
        together(lambda one=patient: acknowledge(one), lambda: fires(manned))  # type: ignore[misc]
        messages = manned.messages(manned.alert(patient=patient))
        assert {message.state for message in messages} <= {MessageState.CANCELLED}
    manned.at(timedelta(minutes=15))
    assert len(manned.told) <= len(patients)
    assert {manned.alert(patient=patient).state for patient in patients} == {State.ACKNOWLEDGED}


def test_one_ladder_that_cannot_be_climbed_stops_nobody_elses_and_a_person_hears_of_it(manned: Ward) -> None:
    broken, well = all_sick(manned, 2)
    with transaction(manned.engine) as session:
        spoil = text("UPDATE escalation SET ladder = '[{}]' WHERE alert_id = :alert")
        session.execute(spoil, {"alert": manned.alert(patient=broken).id})
    fires(manned)
    assert manned.told == ["12:00 clinician"]
    assert manned.messages(manned.alert(patient=well))
    with transaction(manned.engine) as session:
        told = session.execute(text("SELECT data FROM event WHERE kind = 'system'")).scalars().all()
    assert [(one["system"]["problem"], one["patient"]) for one in told] == [("step_not_taken", str(broken.id))]


def test_a_ladder_begins_as_soon_as_its_alert_is_committed(manned: Ward) -> None:
    stop = threading.Event()
    manned.now = utc_now()
    keeper = threading.Thread(target=keep, args=(manned.engine, manned.settings, stop))
    keeper.start()
    try:
        manned.receives(**SICK)
        until(lambda: manned.told)
    finally:
        stop.set()
        keeper.join()
    assert [line.split()[1] for line in manned.told] == ["clinician"]
