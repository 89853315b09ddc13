"""Stories of a spell: what a discharge ends, where a transfer takes the alerts, and who watches during leave."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from devices.formats.native import decode
from devices.reading import Arrival
from monitoring.access.roles import Role
from monitoring.database import transaction
from monitoring.kit import devices
from monitoring.refusals import Conflict
from monitoring.wards import episodes
from monitoring.wards.admission import EpisodeBody, admit
from monitoring.wards.episodes import EpisodeView
from monitoring.wards.tables import Step
from tests.ward import SICK, VERY_SICK, WELL, Ward
from tests.workers.records import count, kept_aside, rows


def raised(ward: Ward) -> list[tuple[str, int, str]]:
    """Kind, severity and state of every alert of the patient."""
    return [(alert.kind, alert.severity, alert.state) for alert in ward.alerts()]


def told(ward: Ward, kind: str) -> list[Any]:
    """Ward and data of the events of a kind, in their order."""
    return list(rows(ward.engine, "SELECT ward, data FROM event WHERE kind = :kind ORDER BY id", kind=kind))


def test_after_a_discharge_nobody_waits_for_readings(ward: Ward) -> None:
    ward.at("12:00").receives(**WELL)
    ward.at("15:00").discharges()
    assert (ward.known().due_at, ward.known().overdue_at) == (None, None)
    ward.at("23:00").at(timedelta(days=2))
    assert ward.alerts() == []


def test_a_discharge_ends_what_was_overdue_and_leaves_what_a_clinician_has_to_resolve(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    ward.acknowledges(ward.alert())
    ward.at("17:00")
    assert ward.alert(Kind.OVERDUE).severity == Severity.AMBER_PLUS
    ward.at("17:30").discharges()
    assert raised(ward) == [
        (Kind.DETERIORATION, Severity.RED, State.ACKNOWLEDGED),
        (Kind.OVERDUE, Severity.AMBER_PLUS, State.EXPIRED),
    ]
    assert ward.history(ward.alerts()[1])[-1] == "discharged"


def test_nobody_is_discharged_past_a_red_alert_that_nobody_answered(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    with pytest.raises(Conflict, match=str(ward.alert().public_id)):
        ward.discharges()
    assert ward.known().due_at is not None  # still watched
    ward.acknowledges(ward.alert())
    assert ward.discharges().state == "discharged"


def test_a_red_alert_raised_after_a_discharge_that_is_told_late_has_to_be_answered_too(ward: Ward) -> None:
    """They left at 10:00 with the hub still on: what it sent since is somebody at home who is ill."""
    ward.at("12:00").receives(**VERY_SICK)
    left_at = ward.now - timedelta(hours=2)
    with pytest.raises(Conflict):
        ward.discharges(at=left_at)
    ward.acknowledges(ward.alert())
    assert ward.at("12:30").discharges(at=left_at).discharged_at == left_at
    assert count(ward.engine, "reading") == 1
    assert raised(ward) == [(Kind.DETERIORATION, Severity.CRITICAL, State.ACKNOWLEDGED)]


def test_the_kit_still_at_home_after_a_discharge_says_so(ward: Ward) -> None:
    ward.at("12:00").discharges()
    ward.at("12:30").receives_sets([{"id": "late", "taken_at": ward.now, **WELL}])
    assert kept_aside(ward.engine) == [("late", "patient not on a ward at that time")]
    assert raised(ward) == [(Kind.POSTING_AFTER_DISCHARGE, Severity.AMBER, State.OPEN)]
    ward.at(timedelta(days=31)).receives_sets([{"id": "in store", "taken_at": ward.now, **WELL}])
    assert kept_aside(ward.engine)[1] == ("in store", "device not assigned to a patient at that time")


def test_a_red_set_from_the_kit_still_at_home_is_told_as_unverified(ward: Ward) -> None:
    ward.at("12:00").discharges()
    ward.at("12:30").receives(**VERY_SICK)
    assert (Kind.DATA_QUALITY, Severity.RED, State.OPEN) in raised(ward)


def test_kit_that_was_fetched_before_the_discharge_speaks_for_nobody(ward: Ward) -> None:
    ward.at("11:00")
    with transaction(ward.engine) as session:
        devices.delete_assignment(ward.act(session, Role.ENGINEER), ward.patient.device_id)
    ward.at("12:00").discharges()
    ward.at("13:00").receives(**VERY_SICK)
    assert kept_aside(ward.engine) == [("set-1", "device not assigned to a patient at that time")]
    assert ward.alerts() == []


def test_a_set_taken_before_the_discharge_and_received_after_it_is_stored_and_told_late(ward: Ward) -> None:
    ward.at("12:00").discharges()
    ward.at("12:30").receives(taken=ward.now - timedelta(hours=1), **VERY_SICK)
    assert count(ward.engine, "reading") == 1
    assert raised(ward) == [(Kind.LATE_DETERIORATION, Severity.AMBER, State.OPEN)]
    assert ward.known().due_at is None


def test_when_a_patient_dies_everything_stops(ward: Ward) -> None:
    ward.at("12:00").receives(**VERY_SICK)
    ward.at("17:00")
    assert ward.discharges(outcome="died", at=ward.now - timedelta(hours=1)).outcome == "died"
    assert {(state, outcome) for state, outcome in rows(ward.engine, "SELECT state, outcome FROM alert")} == {
        (State.RESOLVED, "died")
    }
    (died_at,) = rows(ward.engine, "SELECT died_at FROM patient")[0]
    assert died_at == ward.now - timedelta(hours=1)
    ward.receives(**VERY_SICK)  # the hub still measures something
    ward.receives(taken=ward.now - timedelta(hours=2), **VERY_SICK)
    ward.at("23:00")
    assert len(ward.alerts()) == 2


def test_the_alerts_of_the_last_spell_come_to_the_ward_of_the_next(ward: Ward) -> None:
    ward.at("12:00").receives(**SICK)
    ward.acknowledges(ward.alert())
    ward.discharges()
    ward.opens("OTHER")
    ward.at("13:00")
    readmit(ward, "OTHER")
    alert = ward.alert()
    assert (alert.state, ward.history(alert)[-1]) == (State.OPEN, "came to ward OTHER")
    assert rows(ward.engine, "SELECT code FROM ward WHERE id = :id", id=alert.ward_id)[0].code == "OTHER"


def readmit(ward: Ward, code: str) -> None:
    """The ward's patient comes to a ward again."""
    with transaction(ward.engine) as session:
        admit(ward.act(session, Role.CLINICIAN), EpisodeBody(patient=ward.patient.id, ward=code, step=Step.UP))


def test_a_transfer_takes_the_open_alerts_to_the_new_wards_first_step(ward: Ward) -> None:
    ward.opens("OTHER")
    ward.at("12:00").receives(**SICK)
    ward.acknowledges(ward.alert())
    before = len(told(ward, "alert"))
    ward.at("12:10").transfers("OTHER")
    alert = ward.alert()
    assert (alert.state, alert.due_at) == (State.OPEN, ward.now + timedelta(minutes=15))
    assert ward.history(alert)[-1] == "came to ward OTHER"
    heard = told(ward, "alert")[before:]
    assert {one.ward for one in heard} == {"OTHER", ward.code}
    assert {one.data["alert"]["ward"] for one in heard} == {"OTHER"}


def test_after_a_transfer_readings_alert_the_new_ward_by_the_same_plan(ward: Ward) -> None:
    ward.opens("OTHER", pathway="acute_respiratory")
    ward.plans(spo2_scale=2, readings_per_day=2)
    ward.at("12:00").transfers("OTHER")
    ward.at("12:05").receives(taken=ward.now - timedelta(minutes=10), **VERY_SICK)  # measured on the old ward
    (event,) = told(ward, "alert")
    assert event.ward == "OTHER"
    assert rows(ward.engine, "SELECT scale FROM reading")[0].scale == 2
    ward.at("21:00")
    assert (
        rows(ward.engine, "SELECT code FROM alert JOIN ward ON ward.id = ward_id WHERE kind = 'overdue'")[0].code
        == "OTHER"
    )


def test_both_wards_hear_of_their_beds_when_a_patient_goes_from_one_to_the_other(ward: Ward) -> None:
    ward.opens("OTHER", staffed=1)
    before = len(told(ward, "occupancy"))
    ward.transfers("OTHER")
    heard = {one.ward: one.data["occupancy"] for one in told(ward, "occupancy")[before:]}
    assert (heard[ward.code]["occupied"], heard["OTHER"]["occupied"], heard["OTHER"]["available"]) == (0, 1, 0)


@pytest.mark.parametrize("kind", ["ed", "hospital"])
def test_in_a_hospital_no_readings_are_due(ward: Ward, kind: str) -> None:
    ward.at("13:00")
    overdue = ward.alert(Kind.OVERDUE)
    ward.at("13:10").leaves(kind)
    assert ward.alerts()[0].state == State.EXPIRED
    assert ward.history(overdue)[-1] == "on_leave"
    ward.at("14:00").receives(**WELL)  # the hub went along
    assert ward.known().due_at is None
    ward.plans(readings_per_day=3)
    assert ward.known().due_at is None
    ward.at("23:00").at(timedelta(days=2))
    assert len(ward.alerts()) == 1


def test_who_is_with_the_family_is_watched_as_ever(ward: Ward) -> None:
    """The kit goes along, and nobody else watches."""
    ward.at("10:00").leaves("family")
    assert ward.known().due_at is not None
    ward.at("13:00")
    assert ward.alert(Kind.OVERDUE).severity == Severity.AMBER


def test_an_alert_that_somebody_has_stays_theirs_during_leave(ward: Ward) -> None:
    ward.at("12:00").receives(**VERY_SICK)
    ward.acknowledges(ward.alert())
    ward.leaves("ed")
    assert ward.alert().state == State.ACKNOWLEDGED


def test_back_from_hospital_a_full_set_is_due_at_once(ward: Ward) -> None:
    ward.at("10:00").leaves("hospital")
    ward.at("11:00").at(timedelta(days=2))
    back = ward.returns()
    assert (back.state, back.due_at, back.full_set_due) == ("admitted", ward.now, True)
    ward.at(timedelta(minutes=30)).receives(pulse=70)
    assert shown(ward).full_set_due
    ward.at(timedelta(minutes=5)).receives(**WELL)
    assert not shown(ward).full_set_due


def shown(ward: Ward) -> EpisodeView:
    """The spell as it now is."""
    return ward.decides(lambda act, spell, _: episodes.episode(act, spell), None)


def test_silence_after_a_return_counts_from_the_return(ward: Ward) -> None:
    ward.at("09:00").receives(**WELL)
    ward.at("10:00").leaves("hospital")
    ward.at(timedelta(days=3)).returns()
    ward.at(timedelta(minutes=59))
    assert ward.alerts() == []
    ward.at(timedelta(minutes=1))
    assert ward.alert(Kind.OVERDUE).severity == Severity.AMBER  # no welfare check for three days in hospital


def test_a_return_that_is_told_late_knows_what_has_come_since(ward: Ward) -> None:
    ward.at("10:00").leaves("ed")
    ward.at("11:30").receives(**WELL)
    back_at = ward.now - timedelta(minutes=30)
    back = ward.at("12:30").returns(at=back_at)
    assert back.due_at == ward.now.replace(hour=16, minute=0)
    assert not back.full_set_due


def test_a_transfer_out_of_leave_ends_it_and_asks_for_a_set(ward: Ward) -> None:
    ward.opens("OTHER")
    ward.at("10:00").leaves("hospital")
    moved = ward.at("12:00").transfers("OTHER")
    assert (moved.state, moved.leave[-1].until, moved.due_at) == ("admitted", ward.now, ward.now)
    assert rows(ward.engine, "SELECT 1 FROM leave WHERE until_at IS NULL") == []


def test_without_a_schedule_a_return_asks_for_nothing(ward: Ward) -> None:
    ward.plans(monitoring="comfort")
    ward.leaves("hospital")
    back = ward.at("12:00").returns()
    assert (back.due_at, back.full_set_due) == (None, False)


def test_a_reading_that_staff_record_for_somebody_who_left_is_kept_aside(ward: Ward) -> None:
    ward.at("12:00").discharges()
    decoded = decode(msgspec.json.encode({"id": "s", "taken_at": ward.now.isoformat(), **WELL}), by_staff=True)
    source = -ward.staff[Role.CLINICIAN].id
    ward.drains([Arrival(source=source, received_at=ward.now, sets=decoded.sets, patient=str(ward.patient.id))])
    assert kept_aside(ward.engine) == [("s", "patient not on a ward at that time")]


def test_a_birthday_begins_at_midnight_in_london(ward: Ward) -> None:
    ward.opens("ADULTS", min_age=16)
    born, ward.code = date(2010, 7, 1), "ADULTS"
    ward.now = datetime(2026, 6, 30, 22, 59, tzinfo=UTC)  # 23:59 in London
    with pytest.raises(Conflict, match="15 years"):
        ward.admit(birth_date=born)
    ward.now += timedelta(minutes=1)
    ward.admit(birth_date=born)


def test_a_spell_says_how_long_it_is_and_when_its_length_has_to_be_reviewed(ward: Ward) -> None:
    began = ward.now
    ward.receives(**WELL)
    ward.plans(readings_per_day=0)
    flags = []
    for days in (9.99, 10, 14, 14.01):
        ward.now = began + timedelta(days=days)
        flags.append((shown(ward).length_of_stay.review_due, shown(ward).length_of_stay.breach))
    assert flags == [(False, False), (True, False), (True, False), (True, True)]
    assert shown(ward).length_of_stay.days == 14.01
    assert shown(ward).state == "admitted"  # never discharged by the clock
    ended = ward.discharges()
    assert (ended.length_of_stay.review_due, ended.length_of_stay.breach) == (False, True)
