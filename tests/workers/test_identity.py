"""Whose a set is, where the device itself can tell its users apart, and what can hardly be the patient's."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from alert_rules.alarms import Kind
from alert_rules.severity import Severity
from devices.reading import Arrival, ReadingSet
from monitoring.access.roles import Role
from monitoring.aside.deciding import ReleaseBody, arrival_of, release
from monitoring.database import transaction
from monitoring.intake.tables import SetAside
from monitoring.kit import devices
from monitoring.kit.assigning import AssignmentBody
from monitoring.kit.devices import DeviceBody
from monitoring.refusals import Conflict
from tests.ward import VERY_SICK, WELL, Patient, Ward
from tests.workers.records import kept_aside, rows


def enrols(ward: Ward, device: Patient, patient: Patient, slot: int | None) -> None:
    """The device is the patient's, who is that user of it."""
    with transaction(ward.engine) as session:
        body = AssignmentBody(patient=patient.id, slot=slot)
        devices.put_assignment(ward.act(session, Role.ENGINEER), device.device_id, body)


def says(ward: Ward, own_id: str, slot: int | None, device: Patient | None = None, **vitals: Any) -> None:
    """The device posts a set of one of its users."""
    one = ReadingSet(id=own_id, taken_at=ward.now, slot=slot, **vitals)
    source = (device or ward.patient).device_key
    ward.drains([Arrival(source=source, received_at=ward.now, sets=[one])])


def whose(ward: Ward) -> dict[str, int]:
    """By own id: the stay that a stored set belongs to."""
    return {row.id: row.episode_id for row in rows(ward.engine, "SELECT id, episode_id FROM reading")}


def releases(ward: Ward, own_id: str, **said: Any) -> None:
    """An engineer releases something, and it is scored."""
    with transaction(ward.engine) as session:
        row = session.execute(select(SetAside).where(col(SetAside.id) == own_id)).scalar_one()
        release(ward.act(session, Role.ENGINEER), row.public_id, ReleaseBody(**said))
        session.flush()
        arrival = arrival_of(row)
    ward.drains([arrival])


@pytest.fixture
def shared(ward: Ward) -> Patient:
    """A scale that nobody has yet, and several may."""
    with transaction(ward.engine) as session:
        scale, _ = devices.make(session, ward.now, DeviceBody("scale", "SHARED", shared=True))
        return Patient(ward.patient.id, ward.patient.key, ward.patient.episode_id, scale.public_id, scale.id)


def test_what_another_user_of_the_device_measured_is_kept_aside_and_told_where_red(ward: Ward) -> None:
    says(ward, "nobody enrolled", 2, spo2=97)
    enrols(ward, ward.patient, ward.patient, 1)
    says(ward, "hers", 1, spo2=97)
    says(ward, "does not say", None, spo2=97)
    says(ward, "his", 2, **{name: value for name, value in VERY_SICK.items() if name in {"spo2", "pulse"}})
    assert whose(ward).keys() == {"nobody enrolled", "hers", "does not say"}
    assert kept_aside(ward.engine) == [("his", "another user of the device")]
    assert ward.alert(Kind.DATA_QUALITY).severity == Severity.RED


def test_each_users_sets_on_a_shared_device_go_to_their_patient(ward: Ward, shared: Patient) -> None:
    other = ward.admit()
    enrols(ward, shared, ward.patient, 1)
    enrols(ward, shared, other, 2)
    for own_id, slot in (("one", 1), ("two", 2), ("three", 3), ("none", None)):
        says(ward, own_id, slot, shared, weight=70)
    assert whose(ward) == {"one": ward.patient.episode_id, "two": other.episode_id}
    assert kept_aside(ward.engine) == [
        ("three", "another user of the device"),
        ("none", "not a patient of this device at that time"),
    ]


def test_a_slot_is_one_patients_at_a_time(ward: Ward, shared: Patient) -> None:
    other = ward.admit()
    enrols(ward, shared, ward.patient, 1)
    with pytest.raises(Conflict):
        enrols(ward, shared, other, 1)
    enrols(ward, shared, other, 2)
    with pytest.raises(Conflict):
        enrols(ward, shared, other, 1)
    enrols(ward, shared, ward.patient, None)
    enrols(ward, shared, other, 1)
    says(ward, "one", 1, shared, weight=70)
    assert whose(ward) == {"one": other.episode_id}


def test_a_set_that_names_a_patient_and_anothers_slot_is_kept_aside(ward: Ward, shared: Patient) -> None:
    other = ward.admit()
    enrols(ward, shared, ward.patient, 1)
    enrols(ward, shared, other, 2)
    says(ward, "both", 2, shared, weight=70, patient=str(ward.patient.id))
    assert kept_aside(ward.engine) == [("both", "another user of the device")]


@pytest.mark.parametrize(
    ("weight", "days", "is_kept"),
    [(89.9, 1, False), (90, 1, True), (50, 1, True), (50.1, 1, False), (90, 30, True), (90, 31, False)],
)
def test_a_weight_that_jumps_is_kept_aside(ward: Ward, weight: float, days: int, is_kept: bool) -> None:
    ward.receives(weight=70)
    ward.at(timedelta(days=days)).receives(weight=weight)
    assert [reason for _, reason in kept_aside(ward.engine)] == is_kept * ["can hardly be this patient's"]
    if is_kept:
        assert rows(ward.engine, "SELECT patient_id FROM set_aside")[0].patient_id == ward.patient.key


def test_a_weight_that_jumps_within_one_request_is_kept_aside_with_all_that_came_with_it(ward: Ward) -> None:
    ward.at("12:00")
    early = ward.now - timedelta(minutes=5)
    both = [
        {"id": "late", "taken_at": ward.now, "weight": 95, **VERY_SICK},
        {"id": "early", "taken_at": early, "weight": 70, **WELL},
    ]
    ward.receives_sets(both)
    assert kept_aside(ward.engine) == [("late", "can hardly be this patient's")]
    assert whose(ward).keys() == {"early"}
    assert ward.alert(Kind.DATA_QUALITY).reasons[0]["text"].startswith("Unverified, call: ")
    assert [one.kind for one in ward.alerts()] == [Kind.DATA_QUALITY]


def test_a_released_weight_is_what_the_next_is_held_against(ward: Ward) -> None:
    ward.receives_sets([{"id": "visitor", "taken_at": ward.now, "weight": 110}])
    ward.at("09:00").receives_sets([{"id": "hers", "taken_at": ward.now, "weight": 70}])
    ward.at("09:30")
    releases(ward, "hers")
    assert ward.known().also["weight"]["value"] == 70
    ward.at("10:00").receives_sets([{"id": "again", "taken_at": ward.now, "weight": 70.5}])
    ward.receives_sets([{"id": "visitor again", "taken_at": ward.now, "weight": 110}])
    assert {"visitor", "hers", "again"} == whose(ward).keys()
    assert [own_id for own_id, _ in kept_aside(ward.engine)] == ["hers", "visitor again"]


def test_what_staff_weighed_is_believed_and_a_test_is_nobodys(ward: Ward) -> None:
    ward.receives(weight=110)
    by_staff = ReadingSet(id="s", taken_at=ward.now, weight=70)
    source = -ward.staff[Role.CLINICIAN].id
    ward.drains([Arrival(source=source, received_at=ward.now, sets=[by_staff], patient=str(ward.patient.id))])
    ward.at("09:00").receives(weight=10, quality="test")
    assert kept_aside(ward.engine) == []


def test_what_another_user_measured_is_released_to_whom_somebody_names(ward: Ward) -> None:
    other = ward.admit()
    enrols(ward, ward.patient, ward.patient, 1)
    says(ward, "his", 2, spo2=97)
    releases(ward, "his", patient=other.id)
    assert whose(ward) == {"his": other.episode_id}
