"""Whose a device is over HTTP: periods that never overlap, but of a device that is shared."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import add_device, admit, done, drain, elsewhere, employ, faults, refused, register


def put(api: Api, device: str, patient: str, since: datetime | None = None) -> Answer:
    """Give a device to a patient."""
    body: dict[str, Any] = {"patient": patient}
    if since is not None:
        body["from"] = since.isoformat()
    return api.put(f"/v1/devices/{device}/assignment", body, Role.ENGINEER)


def periods(device: dict[str, Any]) -> list[tuple[str, datetime, datetime | None]]:
    """Whose, from and until."""
    return [
        (one["patient"], datetime.fromisoformat(one["from"]), one["until"] and datetime.fromisoformat(one["until"]))
        for one in device["assignments"]
    ]


def test_a_device_is_somebodys_from_now_on(api: Api) -> None:
    device, patient = add_device(api)["id"], register(api)
    began = utc_now()
    given = done(put(api, device, patient))
    ((whose, since, until),) = periods(given)
    assert (whose, until) == (patient, None)
    assert began <= since <= utc_now()
    assert (given["patient"], given["from"]) == (patient, given["assignments"][0]["from"])
    assert done(api.get(f"/v1/devices/{device}")) == given


def test_giving_it_to_somebody_else_ends_the_first_period_where_the_new_one_begins(api: Api) -> None:
    device, first, second = add_device(api)["id"], register(api), register(api)
    early, late = utc_now() - timedelta(days=2), utc_now() - timedelta(days=1)
    done(put(api, device, first, early))
    given = done(put(api, device, second, late))
    assert periods(given) == [(second, late, None), (first, early, late)]
    assert given["patient"] == second


def test_a_period_that_would_overlap_is_refused_with_whose_it_is(api: Api) -> None:
    device, first, second = add_device(api)["id"], register(api), register(api)
    since = utc_now() - timedelta(days=1)
    done(put(api, device, first, since))
    problem = refused(put(api, device, second, since - timedelta(days=1)), 409)
    assert problem["current"]["device"] == device
    assert [one["patient"] for one in problem["current"]["assignments"]] == [first]
    assert [whose for whose, _, _ in periods(done(api.get(f"/v1/devices/{device}")))] == [first]


def test_the_same_assignment_sent_again_changes_nothing(api: Api) -> None:
    device, patient = add_device(api)["id"], register(api)
    since = utc_now() - timedelta(days=1)
    assert done(put(api, device, patient, since)) == done(put(api, device, patient, since))


def test_giving_it_to_whom_it_is_already_changes_nothing(api: Api) -> None:
    for shared in (False, True):
        device, patient = add_device(api, shared=shared)["id"], register(api)
        given = done(put(api, device, patient))
        assert done(put(api, device, patient)) == given
        assert len(given["assignments"]) == 1


def test_who_is_to_have_it_later_can_have_it_now(api: Api) -> None:
    device, first, second = add_device(api)["id"], register(api), register(api)
    done(put(api, device, first, utc_now() - timedelta(days=1)))
    done(put(api, device, second, utc_now() + timedelta(days=1)))
    assert refused(put(api, device, second), 409)["current"]["device"] == device  # their own period would overlap
    done(api.delete(f"/v1/devices/{device}/assignment"))
    assert done(put(api, device, second))["patient"] == second


def test_of_many_who_want_a_device_from_the_same_instant_one_gets_it(api: Api) -> None:
    device = add_device(api)["id"]
    since = utc_now() - timedelta(minutes=1)
    patients = [register(api) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(lambda patient: put(api, device, patient, since).status_code, patients))
    assert statuses == [200] + 5 * [409]
    assert len(done(api.get(f"/v1/devices/{device}"))["assignments"]) == 1


def test_a_device_planned_for_later_stays_where_it_is_until_then(api: Api) -> None:
    device, first, second = add_device(api)["id"], register(api), register(api)
    done(put(api, device, first))
    later = utc_now() + timedelta(days=3)
    given = done(put(api, device, second, later))
    assert given["patient"] == first
    assert given["assignments"][0]["patient"] == second
    assert periods(given)[1][2] == later


def test_taking_a_device_away_ends_what_is_and_forgets_what_was_planned(api: Api) -> None:
    device, first, second = add_device(api)["id"], register(api), register(api)
    since = utc_now() - timedelta(days=1)
    done(put(api, device, first, since))
    done(put(api, device, second, utc_now() + timedelta(days=3)))
    nobodys = done(api.delete(f"/v1/devices/{device}/assignment", Role.ENGINEER))
    ((whose, from_at, until),) = periods(nobodys)
    assert (whose, from_at, nobodys["patient"]) == (first, since, None)
    assert until is not None
    assert until <= utc_now()
    refused(api.delete(f"/v1/devices/{device}/assignment", Role.ENGINEER), 404)
    done(put(api, device, second))


def test_a_shared_device_is_several_peoples_but_each_ones_once(api: Api) -> None:
    device, first, second = add_device(api, shared=True)["id"], register(api), register(api)
    done(put(api, device, first, utc_now() - timedelta(hours=2)))
    shared = done(put(api, device, second, utc_now() - timedelta(hours=1)))
    assert {whose for whose, _, until in periods(shared) if until is None} == {first, second}
    assert shared["patient"] is None
    refused(put(api, device, first, utc_now() - timedelta(minutes=1)), 409)
    assert all(until for _, _, until in periods(done(api.delete(f"/v1/devices/{device}/assignment"))))


def test_which_of_a_devices_own_users_a_patient_is_is_said_and_changed(api: Api) -> None:
    device, first, second = add_device(api, shared=True)["id"], register(api), register(api)
    path = f"/v1/devices/{device}/assignment"
    for slot in (1, 2, 2, None):
        given = done(api.put(path, {"patient": first, "slot": slot}, Role.ENGINEER))
        assert [one["slot"] for one in given["assignments"]] == [slot]
    done(api.put(path, {"patient": first, "slot": 7}))
    assert done(api.put(path, {"patient": first}))["assignments"][0]["slot"] == 7  # not said: as it was
    assert refused(api.put(path, {"patient": second, "slot": 7}), 409)["current"]["device"] == device
    given = done(api.put(path, {"patient": second, "slot": 8}))
    assert {one["patient"]: one["slot"] for one in given["assignments"]} == {first: 7, second: 8}
    for wrong in (-1, 255, "1", 1.5):
        assert faults(api.put(path, {"patient": first, "slot": wrong})) == ["slot"]


def test_each_patient_of_a_shared_device_gets_their_own_readings(api: Api) -> None:
    device = add_device(api, shared=True)
    patients = [register(api), register(api)]
    for patient in patients:
        admit(api, patient, devices=[device["id"]])
    sets = [
        {"id": f"set-{n}", "taken_at": api.now(), "pulse": 70 + n, "patient": patient}
        for n, patient in enumerate(patients)
    ]
    assert api.post("/v1/readings", sets, token=device["token"]).json()["accepted"] == 2
    drain(api)
    for n, patient in enumerate(patients):
        (found,) = done(api.get(f"/v1/patients/{patient}/readings"))["items"]
        assert found["id"] == f"set-{n}"


def test_what_cannot_be_assigned_is_refused_by_name(api: Api) -> None:
    path = f"/v1/devices/{add_device(api)['id']}/assignment"
    patient = register(api)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"patient": str(uuid4())}, "patient"),
        ({"patient": "nobody"}, "patient"),
        ({}, "patient"),
        ({"patient": patient, "until": api.now()}, "until"),
        ({"patient": patient, "from": "9999-12-31T23:59:59-14:00"}, "from"),
        ({"patient": patient, "from": (utc_now() + timedelta(days=32)).isoformat()}, "from"),
        ({"patient": patient, "from": "2026-11-21T10:00:00"}, "from"),
    ]
    for body, field in wrong:
        assert faults(api.put(path, body, Role.ENGINEER)) == [field], body


def test_an_engineer_of_one_ward_gives_no_device_to_a_patient_of_another(api: Api) -> None:
    patient, _ = elsewhere(api)
    path = f"/v1/devices/{add_device(api)['id']}/assignment"
    assert faults(api.put(path, {"patient": patient}, token=employ(api, Role.ENGINEER, "WARD1"))) == ["patient"]


def test_a_device_of_a_patient_of_another_ward_is_not_there(api: Api) -> None:
    patient, _ = elsewhere(api)
    engineer, mine = employ(api, Role.ENGINEER, "WARD1"), str(api.ward.patient.id)
    device = add_device(api)
    path = f"/v1/devices/{device['id']}"
    done(api.put(f"{path}/assignment", {"patient": patient}))
    before = done(api.get(path))
    for method, to, body in (
        ("GET", path, None), ("POST", f"{path}/token", None), ("POST", f"{path}/revoke", None),
        ("PUT", f"{path}/assignment", {"patient": mine}), ("PUT", f"{path}/assignment", {"no": "sense"}),
        ("DELETE", f"{path}/assignment", None), ("DELETE", f"{path}/assignment", {"no": "sense"}),
    ):  # fmt: skip
        refused(api.call(method, to, body=body, token=engineer), 404)
    assert device["id"] not in [one["id"] for one in done(api.get("/v1/devices", token=engineer))["items"]]
    assert done(api.get(path, token=employ(api, Role.ENGINEER, "OTHER"))) == done(api.get(path)) == before
    done(api.delete(f"{path}/assignment"))
    assert done(api.get(path, token=engineer))["patient"] is None


def test_who_had_it_on_another_ward_is_not_named(api: Api) -> None:
    patient, _ = elsewhere(api)
    engineer, mine = employ(api, Role.ENGINEER, "WARD1"), str(api.ward.patient.id)
    device, since = add_device(api)["id"], utc_now() - timedelta(days=2)
    done(put(api, device, patient, since))
    done(put(api, device, mine, since + timedelta(days=1)))
    for shown in (
        done(api.get(f"/v1/devices/{device}", token=engineer)),
        done(api.get("/v1/devices", token=engineer, params={"limit": 1}))["items"][0],
    ):
        assert [whose for whose, _, _ in periods(shown)] == [mine, None]
        assert shown["patient"] == mine
    overlapping = {"patient": mine, "from": (since + timedelta(hours=1)).isoformat()}
    problem = refused(api.put(f"/v1/devices/{device}/assignment", overlapping, token=engineer), 409)
    assert [one["patient"] for one in problem["current"]["assignments"]] == [mine, None]
    assert patient not in str(problem)


def test_what_another_ward_has_or_plans_is_left_to_it(api: Api) -> None:
    patient, _ = elsewhere(api)
    engineer, mine = employ(api, Role.ENGINEER, "WARD1"), str(api.ward.patient.id)
    planned, shared = add_device(api)["id"], add_device(api, shared=True)["id"]
    done(put(api, planned, patient, utc_now() + timedelta(days=3)))
    refused(api.delete(f"/v1/devices/{planned}/assignment", token=engineer), 404)
    refused(api.put(f"/v1/devices/{planned}/assignment", {"patient": mine}, token=engineer), 409)
    for one in (patient, mine):
        done(put(api, shared, one, utc_now() - timedelta(days=1)))
    left = done(api.delete(f"/v1/devices/{shared}/assignment", token=engineer))
    assert {whose: until is None for whose, _, until in periods(left)} == {mine: False, None: True}
    assert [whose for whose, _, until in periods(done(api.get(f"/v1/devices/{planned}")))] == [patient]


def test_only_the_newest_periods_of_a_device_are_shown(api: Api) -> None:
    device, patient = add_device(api)["id"], register(api)
    for hours in range(25, 0, -1):
        done(put(api, device, patient, utc_now() - timedelta(hours=hours)))
    shown = periods(done(api.get(f"/v1/devices/{device}")))
    assert len(shown) == 20
    assert shown == sorted(shown, key=lambda one: one[1], reverse=True)
    assert shown[0][2] is None
