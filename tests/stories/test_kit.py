"""Stories of the kit at home: what falls silent or runs low is told gently, once, and ends by itself."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from alert_rules.alarms import Kind, State
from alert_rules.severity import Severity
from monitoring.access.roles import Role
from monitoring.database import transaction
from monitoring.kit import devices
from monitoring.kit.assigning import assign
from monitoring.kit.devices import DeviceBody
from monitoring.kit.handling import MoveBody, handle
from monitoring.kit.states import Move
from monitoring.patients.register import find
from tests.ward import WELL, Patient, Ward
from tests.workers.records import change, rows
from tests.workers.test_alerts_at_once import together
from workers.kit import watch_kit

DAYTIME = {day: ["08:00", "20:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
FULL: dict[str, Any] = WELL | {"battery": 80}


def gives(ward: Ward, kind: str, *identifiers: str, patient: Patient | None = None, shared: bool = False) -> Patient:
    """Another device for a patient; the patient as whoever posts with it."""
    who = patient or ward.patient
    with transaction(ward.engine) as session:
        device, _ = devices.make(session, ward.now, DeviceBody(kind, f"{kind}-2", list(identifiers), shared))
        act = ward.act(session, Role.ADMIN)
        assign(act, device.public_id, find(act, who.id), ward.now)
        return Patient(who.id, who.key, who.episode_id, device.public_id, device.id)


def shares(ward: Ward, device: UUID, patient: Patient) -> None:
    """Somebody else has it too."""
    with transaction(ward.engine) as session:
        act = ward.act(session, Role.ADMIN)
        assign(act, device, find(act, patient.id), ward.now)


def sends_in_time(ward: Ward, slots: int, *patients: Patient) -> None:
    """So many sets one after the other, each when it is due, from these devices."""
    for _ in range(slots):
        hour = next((hour for hour in (8, 12, 16, 20) if hour > ward.now.hour), 32)
        ward.at(ward.now.replace(hour=0, minute=0) + timedelta(hours=hour) - ward.now)
        for one in patients:
            ward.receives(patient=one, **FULL)


def told(ward: Ward, patient: Patient | None = None) -> list[str]:
    """What the open device alert says."""
    return [one["text"] for one in ward.alert(Kind.DEVICE, patient).reasons]


def silent(ward: Ward) -> Patient:
    """The hub falls silent, and a second one sends what is due. Returns that one."""
    ward.at("08:30").receives(**FULL)
    spare = gives(ward, "hub")
    sends_in_time(ward, 4, spare)
    ward.at("34:29")
    assert ward.alerts() == []
    ward.at("34:30")
    return spare


def test_a_device_that_falls_silent_beside_another_is_told_gently(ward: Ward) -> None:
    silent(ward)
    alert = ward.alert(Kind.DEVICE)
    assert (alert.severity, alert.state, [one.kind for one in ward.alerts()]) == (
        Severity.AMBER, State.OPEN, [Kind.DEVICE],
    )  # fmt: skip
    (text,) = told(ward)
    assert text.endswith(": not heard for 26 h: call the patient, swap the kit, visit")
    assert alert.why["devices"][0]["device"] == str(ward.patient.device_id)


def test_it_ends_by_itself_when_the_device_is_heard_again(ward: Ward) -> None:
    silent(ward)
    ward.at("34:40").receives(**FULL)
    ward.at("34:41")
    (alert,) = ward.alerts()
    assert (alert.state, ward.history(alert)) == (State.EXPIRED, ["raised", "heard_again"])
    assert rows(ward.engine, "SELECT 1 FROM device_trouble") == []


def test_a_device_whose_sets_are_all_refused_is_not_silent(ward: Ward) -> None:
    silent(ward)
    ward.at("34:40").receives(pulse=400)
    ward.at("34:41")
    assert State.EXPIRED in {one.state for one in ward.alerts() if one.kind == Kind.DEVICE}


def test_overdue_readings_and_a_silent_hub_are_one_call(ward: Ward) -> None:
    ward.at("12:00").receives(**FULL)
    for hour in range(17, 60):
        ward.at(f"{hour}:00")
    assert [one.kind for one in ward.alerts()] == [Kind.OVERDUE]
    (hub,) = ward.alert(Kind.OVERDUE).why["kit"]
    assert (hub["device"], hub["battery"]) == (str(ward.patient.device_id), 80)


def test_who_sends_once_a_day_and_is_late_is_overdue_and_never_both(ward: Ward) -> None:
    ward.plans(readings_per_day=1)  # 10:00
    ward.at("09:01").receives(**FULL)
    for minutes in range(33 * 60, 37 * 60, 10):
        ward.at(f"{minutes // 60}:{minutes % 60:02}")
    assert [one.kind for one in ward.alerts()] == [Kind.OVERDUE]


def test_a_sensor_speaks_through_its_hub_and_is_heard_where_that_names_it(ward: Ward) -> None:
    hub = ward.patient
    ward.at("08:30").receives(**FULL)
    sensor = gives(ward, "oximeter", "74E8FFFEFF051C00")
    sends_in_time(ward, 8, hub)
    assert ward.alerts() == []  # never named, and the hub is heard
    sent = ward.arrival([{"id": "named", "taken_at": ward.now, **WELL}])
    sent.sets[0] = structs.replace(sent.sets[0], sensor="74E8FFFEFF051C00", battery=15)
    ward.drains([sent])
    seen = rows(ward.engine, "SELECT device_id, battery_percent FROM device_seen ORDER BY device_id")
    assert [tuple(one) for one in seen] == [(hub.device_key, 80), (sensor.device_key, 15)]
    ward.at(timedelta(minutes=1))
    assert told(ward) == ["oximeter oximeter-2: battery at 15 %: ask the patient to charge it"]
    sends_in_time(ward, 7, hub)
    assert told(ward) == [
        "oximeter oximeter-2: not heard for 28 h, its battery at 15 % then: call the patient, swap the kit, visit"
    ]


def test_a_set_that_tells_no_battery_leaves_the_one_told_before_in_the_same_batch(ward: Ward) -> None:
    earlier = (ward.now - timedelta(minutes=1)).isoformat()
    ward.receives_sets(
        [FULL | {"id": "told", "taken_at": earlier}, WELL | {"id": "not", "taken_at": ward.now.isoformat()}]
    )
    (seen,) = rows(ward.engine, "SELECT battery_percent FROM device_seen")
    assert seen.battery_percent == 80


def test_a_low_battery_is_told_once_in_staffed_hours_and_ends_when_it_was_charged(ward: Ward) -> None:
    change(ward.engine, "UPDATE ward SET staffed_hours = CAST(:hours AS jsonb)", hours=json.dumps(DAYTIME))
    ward.at("12:00").receives(**FULL)
    ward.at("16:00").receives(**FULL)
    ward.at("20:00").receives(battery=20, **WELL)
    ward.at("31:59")
    assert ward.alerts() == []  # nobody is there
    ward.at("32:00").receives(battery=20, **WELL)
    alert = ward.alert(Kind.DEVICE)
    assert (alert.severity, told(ward)) == (
        Severity.AMBER, [f"hub H-{ward.patient.id}: battery at 20 %: ask the patient to charge it"],
    )  # fmt: skip
    ward.acknowledges(alert)
    ward.resolves(alert)
    ward.at("36:00").receives(battery=29, **WELL)
    ward.at("36:01").receives(battery=18, **WELL)
    ward.at("40:00").receives(battery=15, **WELL)
    ward.at("40:01")
    assert len(ward.alerts()) == 1  # neither charged nor told again
    ward.at("40:10").receives(battery=30, **WELL)
    ward.at("40:11").receives(battery=20, **WELL)
    ward.at("40:12")
    assert [one.state for one in ward.alerts()] == [State.RESOLVED, State.OPEN]
    ward.at("40:20").receives(battery=90, **WELL)
    ward.at("40:21")
    (_, again) = ward.alerts()
    assert (again.state, ward.history(again)) == (State.EXPIRED, ["raised", "charged"])


def test_one_trouble_of_two_ends_and_the_alert_goes_on_with_the_other(ward: Ward) -> None:
    other = gives(ward, "wearable")
    ward.at("12:00").receives(battery=10, **WELL)
    ward.receives(patient=other, battery=12, **WELL)
    ward.at("12:01")
    assert len(told(ward)) == 2
    ward.at("12:30").receives(battery=95, **WELL)
    ward.at("12:31")
    assert told(ward) == ["wearable wearable-2: battery at 12 %: ask the patient to charge it"]
    assert ward.history(ward.alert(Kind.DEVICE)) == ["raised", "charged"]
    ward.at("12:40").receives(battery=15, **WELL)
    ward.at("12:41")
    assert len(told(ward)) == 2


def test_what_a_person_resolved_is_told_again_after_a_day_of_more_silence(ward: Ward) -> None:
    spare = silent(ward)
    ward.resolves(ward.alert(Kind.DEVICE))
    sends_in_time(ward, 4, spare)
    ward.at("58:29")
    assert [one.state for one in ward.alerts()] == [State.RESOLVED]
    ward.at("58:30")
    assert [one.state for one in ward.alerts()] == [State.RESOLVED, State.OPEN]


@pytest.mark.parametrize("how", ["leave", "comfort", "nothing due", "discharge", "returned", "lost"])
def test_it_ends_when_nobody_is_to_be_called_any_more(ward: Ward, how: str) -> None:
    silent(ward)
    if how == "leave":
        ward.leaves("family")
    elif how == "comfort":
        ward.plans(monitoring="comfort")
    elif how == "nothing due":
        ward.plans(readings_per_day=0)
    elif how == "discharge":
        ward.discharges()
    else:
        with transaction(ward.engine) as session:
            move = Move.RETURN if how == "returned" else Move.LOSE
            handle(ward.act(session, Role.ENGINEER), ward.patient.device_id, move, MoveBody())
    ward.at(timedelta(minutes=1))
    (alert,) = [one for one in ward.alerts() if one.kind == Kind.DEVICE]
    why = {"discharge": "discharged", "returned": "kit_changed", "lost": "kit_changed"}.get(how, "not_watched")
    assert (alert.state, ward.history(alert)) == (State.EXPIRED, ["raised", why])
    assert rows(ward.engine, "SELECT 1 FROM device_trouble") == []


@pytest.mark.parametrize("kind", ["ed", "hospital", "family"])
def test_the_kit_of_who_is_away_is_watched_from_their_return(ward: Ward, kind: str) -> None:
    ward.at("08:30").receives(battery=10, **WELL)
    ward.leaves(kind)
    ward.at("40:00")
    assert [one for one in ward.alerts() if one.kind == Kind.DEVICE] == []
    ward.returns()
    ward.at("40:01")
    assert told(ward)[0].endswith("battery at 10 %: ask the patient to charge it")


def test_a_silent_hub_of_a_household_is_told_of_one_of_them(ward: Ward) -> None:
    first, second = ward.admit(kit=False), ward.admit(kit=False)
    hub = gives(ward, "hub", patient=first, shared=True)
    shares(ward, hub.device_id, second)
    spares = [gives(ward, "wearable", patient=one) for one in (first, second)]
    sent = [{"id": "s", "taken_at": ward.now, "patient": str(first.id), **FULL}]
    ward.at("08:30").receives_sets(sent, patient=hub)
    sends_in_time(ward, 5, *spares)
    assert len(told(ward, first)) == 1
    assert ward.alerts(second) == []
    ward.discharges(first)
    ward.at(timedelta(minutes=1)).at(timedelta(minutes=1))
    assert len(told(ward, second)) == 1


def test_what_is_seldom_used_may_be_silent_for_days(ward: Ward) -> None:
    scale = gives(ward, "scale")
    ward.at("08:30").receives(patient=scale, weight=70)
    sends_in_time(ward, 12, ward.patient)
    assert ward.alerts() == []
    sends_in_time(ward, 1, ward.patient)
    assert told(ward) == ["scale scale-2: not heard for 76 h: call the patient, swap the kit, visit"]


def test_several_timekeepers_at_once_tell_once(ward: Ward) -> None:
    ward.at("12:00").receives(battery=10, **WELL)
    together(*[lambda: watch_kit(ward.engine, ward.now)] * 3)
    assert ward.history(ward.alert(Kind.DEVICE)) == ["raised"]
    assert watch_kit(ward.engine, ward.now) == 0


def test_one_bad_row_stops_nobody(ward: Ward) -> None:
    other = ward.admit()
    ward.at("12:00").receives(battery=10, **WELL)
    ward.receives(patient=other, battery=10, **WELL)
    change(
        ward.engine,
        """
        INSERT INTO alert (public_id, patient_id, episode_id, ward_id, kind, severity, state, raised_at, reasons, why,
                           basis, version)
        SELECT gen_random_uuid(), patient_id, id, ward_id, 'device', 1, 'open', admitted_at, '[]', '{}',
               '{"severity": 99}', 1 FROM episode WHERE id = :episode
        """,
        episode=ward.patient.episode_id,
    )
    assert watch_kit(ward.engine, ward.now) == 1
    assert len(told(ward, other)) == 1


def test_more_than_a_batch_is_looked_at_in_one_round(ward: Ward) -> None:
    patients = [ward.patient, *(ward.admit() for _ in range(4))]
    ward.at("12:00")
    for one in patients:
        ward.receives(patient=one, battery=10, **WELL)
    assert watch_kit(ward.engine, ward.now, batch=2) == len(patients)
