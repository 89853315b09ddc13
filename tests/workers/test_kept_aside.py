"""Kept aside: visible, never dropped, never scored; and the ward is told where the patient may be in trouble."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from devices.formats.native import decode
from devices.reading import Arrival
from monitoring.access.roles import Role
from monitoring.database import transaction
from monitoring.kit import devices
from monitoring.kit.assigning import AssignmentBody, assign
from monitoring.kit.devices import DeviceBody
from monitoring.patients import register
from monitoring.patients.plan import PlanBody
from tests.ward import VERY_SICK, WELL, Patient, Ward
from tests.workers.records import change, count, kept_aside, rows
from workers.settling import Settling, settle


def shared_hub(ward: Ward, *patients: Patient) -> Patient:
    """A hub of several patients, as the device of the first."""
    with transaction(ward.engine) as session:
        act = ward.act(session, Role.ADMIN)
        hub, _ = devices.make(session, ward.now, DeviceBody("hub", "SHARED", shared=True))
        for patient in patients:
            assign(act, hub.public_id, register.find(act, patient.id), ward.now)
        first = patients[0]
        return Patient(first.id, first.key, first.episode_id, hub.public_id, hub.id)


def raised(ward: Ward, patient: Patient | None = None) -> list[tuple[str, int]]:
    """Kind and severity of what was alerted, but for readings that did not come."""
    return [(alert.kind, alert.severity) for alert in ward.alerts(patient) if alert.kind != Kind.OVERDUE]


def test_a_set_from_the_future_is_kept_aside(ward: Ward) -> None:
    ahead = ward.now + timedelta(minutes=5, seconds=1)
    ward.receives_sets([{"id": "f", "taken_at": ahead, **WELL}])
    assert kept_aside(ward.engine) == [("f", "taken in the future")]
    assert (count(ward.engine, "reading"), raised(ward)) == (0, [])


def test_a_clock_that_is_five_minutes_fast_is_tolerated(ward: Ward) -> None:
    ward.receives_sets([{"id": "f", "taken_at": ward.now + timedelta(minutes=5), **WELL}])
    assert kept_aside(ward.engine) == []
    assert count(ward.engine, "reading") == 1


@pytest.mark.parametrize("year", [2000, 2100])
def test_a_clock_that_is_decades_wrong_holds_up_nobody(ward: Ward, year: int) -> None:
    ward.receives_sets([{"id": "f", "taken_at": ward.now.replace(year=year), **WELL}])
    assert len(kept_aside(ward.engine)) == 1
    assert rows(ward.engine, "SELECT last_seen_at FROM device_seen")[0].last_seen_at == ward.now


def test_an_unverified_set_that_would_be_red_tells_the_ward(ward: Ward) -> None:
    ward.receives_sets([{"id": "f", "taken_at": ward.now + timedelta(hours=2), "spo2": 84}])
    alert = ward.alert(Kind.DATA_QUALITY)
    assert alert.severity == Severity.RED
    assert alert.reasons[0]["text"].startswith("Unverified, call: SpO2 84 %")


def test_every_further_unverified_set_as_bad_or_worse_is_told_anew_and_a_milder_one_is_noted(ward: Ward) -> None:
    for number, spo2 in enumerate((89, 84, 83, 90)):
        ward.receives_sets([{"id": f"f{number}", "taken_at": ward.now + timedelta(hours=2), "spo2": spo2}])
        if spo2 == 84:
            ward.acknowledges(ward.alert(Kind.DATA_QUALITY))
    alert = ward.alert(Kind.DATA_QUALITY)
    assert ward.history(alert) == ["raised", "worsened", "acknowledged", "worsened", "another_unverified"]
    assert alert.state == State.OPEN
    assert "SpO2 83 %" in alert.reasons[0]["text"]


def test_an_unverified_test_set_tells_nobody(ward: Ward) -> None:
    ward.receives_sets([{"id": "f", "taken_at": ward.now + timedelta(hours=2), "quality": "test", "spo2": 84}])
    assert raised(ward) == []


def test_an_unverified_set_is_judged_by_the_plan_of_now(ward: Ward) -> None:
    """A hub that lost its clock posts with a time before the first plan."""
    ward.at("09:00").plans(spo2_scale=2)
    ward.at("10:00").receives_sets([{"id": "f", "taken_at": ward.now.replace(year=2001), "spo2": 88}])
    assert raised(ward) == []


def test_a_set_taken_before_the_devices_first_assignment_is_kept_aside_and_told_where_red(ward: Ward) -> None:
    before = ward.now - timedelta(minutes=1)
    ward.at("08:30").receives_sets(
        [{"id": "well", "taken_at": before, **WELL}, {"id": "sick", "taken_at": before, **VERY_SICK}]
    )
    reason = "device not assigned to a patient at that time"
    assert sorted(kept_aside(ward.engine)) == [("sick", reason), ("well", reason)]
    assert raised(ward) == [(Kind.DATA_QUALITY, Severity.RED)]


def test_a_device_that_is_nobodys_is_kept_aside(ward: Ward) -> None:
    patient = ward.admit(kit=False)
    ward.receives_sets([{"id": "u", "taken_at": ward.now, **VERY_SICK}], patient=patient)
    assert kept_aside(ward.engine) == [("u", "device not assigned to a patient at that time")]
    assert (raised(ward), raised(ward, patient)) == ([], [])


def test_readings_after_discharge_are_kept_aside_and_told(ward: Ward) -> None:
    ward.at("12:00")
    change(ward.engine, "UPDATE episode SET discharged_at = :now", now=ward.now)
    ward.at("12:30").receives_sets([{"id": "n", "taken_at": ward.now, **WELL}])
    assert kept_aside(ward.engine) == [("n", "patient not on a ward at that time")]
    assert raised(ward) == [(Kind.POSTING_AFTER_DISCHARGE, Severity.AMBER)]


def test_a_set_taken_before_admission_is_kept_aside_without_an_alert(ward: Ward) -> None:
    patient = ward.admit(kit=False)
    with transaction(ward.engine) as session:
        act = ward.act(session, Role.ADMIN)
        assign(act, patient.device_id, register.find(act, patient.id), ward.now - timedelta(days=1))
    early = {"id": "n", "taken_at": ward.now - timedelta(minutes=1), **WELL}
    ward.receives_sets([early], patient=patient)
    assert kept_aside(ward.engine) == [("n", "patient not on a ward at that time")]
    assert raised(ward, patient) == []


def test_a_shared_hubs_set_goes_to_the_patient_it_names(ward: Ward) -> None:
    other = ward.admit()
    hub = shared_hub(ward, ward.patient, other)
    ward.receives_sets([{"id": "a", "taken_at": ward.now, "patient": str(other.id).upper(), **VERY_SICK}], patient=hub)
    assert raised(ward, other) == [(Kind.DETERIORATION, Severity.CRITICAL)]
    assert raised(ward) == []


@pytest.mark.parametrize("named", [None, "01a2005c-0000-7000-8000-000000000000", "not an id"])
def test_a_shared_hubs_set_that_names_nobody_of_its_patients_is_kept_aside(ward: Ward, named: str | None) -> None:
    hub = shared_hub(ward, ward.patient, ward.admit())
    ward.receives_sets([{"id": "a", "taken_at": ward.now, "patient": named, **WELL}], patient=hub)
    assert kept_aside(ward.engine) == [("a", "not a patient of this device at that time")]


def test_a_set_that_names_another_than_the_devices_patient_tells_who_has_the_device(ward: Ward) -> None:
    other = ward.admit()
    ward.receives_sets([{"id": "a", "taken_at": ward.now, "patient": str(other.id), **VERY_SICK}])
    assert kept_aside(ward.engine) == [("a", "not a patient of this device at that time")]
    assert (raised(ward), raised(ward, other)) == ([(Kind.DATA_QUALITY, Severity.RED)], [])


def test_a_set_older_than_what_is_kept_is_kept_aside(ward: Ward) -> None:
    long_ago = ward.now - timedelta(days=1100)
    change(ward.engine, "UPDATE assignment SET during = tstzrange(:since, NULL)", since=long_ago)
    change(ward.engine, "UPDATE episode SET admitted_at = :since", since=long_ago)
    ward.receives_sets([{"id": "o", "taken_at": ward.now - timedelta(days=1081), **WELL}])
    assert kept_aside(ward.engine) == [("o", "older than what is kept")]


def test_a_device_that_moved_on_measures_whoever_had_it_then(ward: Ward) -> None:
    other = ward.admit(kit=False)
    ward.at("10:00")
    with transaction(ward.engine) as session:
        body = AssignmentBody(patient=other.id)
        devices.put_assignment(ward.act(session, Role.ADMIN), ward.patient.device_id, body)
    ward.at("10:30").receives_sets(
        [
            {"id": "first", "taken_at": ward.now - timedelta(hours=1), **VERY_SICK},
            {"id": "second", "taken_at": ward.now, **WELL},
        ]
    )
    assert [row.episode_id for row in rows(ward.engine, "SELECT episode_id FROM reading ORDER BY taken_at")] == [
        ward.patient.episode_id,
        other.episode_id,
    ]


@pytest.mark.parametrize(
    ("vitals", "said"),
    [
        ({"spo2": 109}, "Refused spo2 109: 109 cannot be a measurement: 0 to 100 can"),
        ({"pulse": 0}, "Refused pulse 0: 0 is a failed measurement"),
    ],
)
def test_an_impossible_value_is_shown_to_the_ward(ward: Ward, vitals: dict[str, Any], said: str) -> None:
    ward.receives_sets([{"id": "i", "taken_at": ward.now, **vitals}])
    alert = ward.alert(Kind.DATA_QUALITY)
    assert (alert.severity, alert.reasons[0]["text"]) == (Severity.AMBER, said)
    assert count(ward.engine, "reading") == 0


def test_every_impossible_value_is_noted_and_the_third_attempt_in_a_row_is_graver(ward: Ward) -> None:
    ward.receives(pulse=0)
    ward.acknowledges(ward.alert(Kind.DATA_QUALITY))
    ward.receives(spo2=109)
    alert = ward.alert(Kind.DATA_QUALITY)
    assert (alert.severity, alert.state) == (Severity.AMBER, State.ACKNOWLEDGED)
    ward.receives(pulse=0)
    ward.receives(pulse=0)
    alert = ward.alert(Kind.DATA_QUALITY)
    assert (alert.severity, alert.state) == (Severity.AMBER_PLUS, State.OPEN)
    assert alert.reasons[0]["text"].endswith("(3 failed attempts or more)")
    assert ward.history(alert) == ["raised", "acknowledged", "spo2_impossible", "worsened", "pulse_impossible"]


def test_the_same_refused_set_sent_again_is_no_further_attempt(ward: Ward) -> None:
    for _ in range(4):
        ward.receives_sets([{"id": "i", "taken_at": ward.now, "pulse": 0}])
    alert = ward.alert(Kind.DATA_QUALITY)
    assert (alert.severity, ward.history(alert)) == (Severity.AMBER, ["raised"])


def test_what_else_a_refused_set_measured_is_told_where_it_would_be_red(ward: Ward) -> None:
    ward.receives(spo2=78, pulse=0)
    alert = ward.alert(Kind.DATA_QUALITY)
    assert alert.severity == Severity.RED
    assert alert.reasons[0]["text"].startswith("Unverified, call: ")
    assert "SpO2 78 %" in alert.reasons[0]["text"]
    assert "refused pulse 0: 0 is a failed measurement" in alert.reasons[0]["text"]
    assert (count(ward.engine, "reading"), raised(ward)) == (0, [(Kind.DATA_QUALITY, Severity.RED)])
    assert kept_aside(ward.engine) == [("set-1", "cannot be a measurement")]


def test_what_else_a_refused_set_measured_raises_nothing_where_it_is_well(ward: Ward) -> None:
    ward.receives(**WELL | {"pulse": 0})
    assert raised(ward) == [(Kind.DATA_QUALITY, Severity.AMBER)]


def test_a_sound_set_ends_the_alert_of_what_was_refused_before_it(ward: Ward) -> None:
    ward.at("12:00").receives(pulse=0)
    ward.receives(spo2=109)
    ward.at("12:01").receives(pulse=72)
    ward.receives(spo2=97, quality="low")
    ward.receives(spo2=97, taken=ward.now - timedelta(minutes=2))
    assert ward.alert(Kind.DATA_QUALITY).state == State.OPEN
    ward.receives(spo2=97)
    (alert,) = ward.alerts()
    assert (alert.state, ward.history(alert)[-1]) == (State.EXPIRED, "measured_well")
    ward.at("12:10").receives(pulse=0)
    assert ward.alert(Kind.DATA_QUALITY).severity == Severity.AMBER


def test_what_was_unverified_and_red_ends_by_a_person_only(ward: Ward) -> None:
    ward.at("12:00").receives(spo2=84, pulse=0)
    ward.at("12:05").receives(**WELL)
    alert = ward.alert(Kind.DATA_QUALITY)
    assert (alert.severity, alert.state) == (Severity.RED, State.OPEN)


def test_red_readings_of_a_shared_hub_that_name_nobody_are_told_of_all_its_patients(ward: Ward) -> None:
    other, elsewhere = ward.admit(), ward.admit()
    hub = shared_hub(ward, ward.patient, other)
    ward.receives(patient=hub, **VERY_SICK)
    for patient in (ward.patient, other):
        alert = ward.alert(Kind.DATA_QUALITY, patient)
        assert alert.severity == Severity.RED
        assert alert.reasons[0]["text"].endswith("; one of the patients who share this hub)")
    assert raised(ward, elsewhere) == []
    assert [row.patient_id for row in rows(ward.engine, "SELECT patient_id FROM set_aside")] == [None]


def test_a_shared_hubs_set_that_names_one_of_its_patients_in_the_future_is_told_of_that_one(ward: Ward) -> None:
    other = ward.admit()
    hub = shared_hub(ward, ward.patient, other)
    ahead = ward.now + timedelta(hours=2)
    ward.receives_sets([{"id": "a", "taken_at": ahead, "patient": str(other.id), **VERY_SICK}], patient=hub)
    assert (raised(ward), raised(ward, other)) == ([], [(Kind.DATA_QUALITY, Severity.RED)])


def test_what_a_shared_hub_could_not_measure_of_somebody_is_told_of_all_its_patients(ward: Ward) -> None:
    other = ward.admit()
    ward.receives(patient=shared_hub(ward, ward.patient, other), pulse=0)
    assert raised(ward) == raised(ward, other) == [(Kind.DATA_QUALITY, Severity.AMBER)]


def test_an_impossible_value_of_a_device_that_is_nobodys_tells_nobody(ward: Ward) -> None:
    patient = ward.admit(kit=False)
    ward.receives(patient=patient, spo2=109)
    assert raised(ward, patient) == []


def test_what_staff_send_goes_to_the_patient_whom_their_request_names(ward: Ward) -> None:
    other = ward.admit()
    body = {"id": "s", "taken_at": ward.now.isoformat(), "patient": str(other.id), **WELL}
    decoded = decode(msgspec.json.encode(body), by_staff=True)
    source = -ward.staff[Role.CLINICIAN].id
    ward.drains([Arrival(source=source, received_at=ward.now, sets=decoded.sets, patient=str(ward.patient.id))])
    assert [row.episode_id for row in rows(ward.engine, "SELECT episode_id FROM reading")] == [ward.patient.episode_id]


def test_what_staff_send_for_nobody_is_kept_aside(ward: Ward) -> None:
    decoded = decode(msgspec.json.encode({"id": "s", "taken_at": ward.now.isoformat(), **WELL}), by_staff=True)
    ward.drains([Arrival(source=-1, received_at=ward.now, sets=decoded.sets, patient=str(uuid4()))])
    assert kept_aside(ward.engine) == [("s", "not a patient of this device at that time")]


def test_a_month_that_nobody_has_made_yet_is_made_for_the_set_that_needs_it(ward: Ward) -> None:
    month = ward.now + timedelta(days=400)
    ward.admit(plan=PlanBody())
    ward.now = month
    ward.receives_sets([{"id": "a", "taken_at": month, **WELL}])
    assert kept_aside(ward.engine) == []
    settle(ward.engine, Settling(), most=-1)  # whatever month it is of, what comes is kept with what came lately
    assert rows(ward.engine, "SELECT tableoid::regclass::text AS part FROM reading")[0].part == f"reading_{month:%Y_%m}"
