"""Devices over HTTP: their tokens, their identifiers, when they were last heard."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import add_device, done, drain, faults, made, posts, refused

HUB: dict[str, Any] = {"kind": "hub", "serial": "H-1", "identifiers": ["74E8FFFEFF051C00"], "shared": False}


def is_let_in(api: Api, token: str) -> bool:
    """Whether a device's token is good for anything."""
    one = {"id": uuid4().hex, "taken_at": api.now(), "pulse": 70}
    return api.post("/v1/readings", one, token=token).status_code == 202


def wait_until_shut_out(api: Api, token: str) -> None:
    """A revocation holds within a second."""
    began = utc_now()
    while is_let_in(api, token):
        assert utc_now() - began < timedelta(seconds=5)


def test_a_device_shows_its_token_once(api: Api) -> None:
    answer = api.post("/v1/devices", HUB, Role.ENGINEER)
    device = made(answer)
    token = device.pop("token")
    assert {name: device[name] for name in HUB} == HUB
    assert answer.headers["location"] == f"/v1/devices/{device['id']}"
    assert done(api.get(answer.headers["location"], Role.ENGINEER)) == device
    assert (device["last_seen_at"], device["battery"], device["clock_offset_s"]) == (None, None, None)
    assert (device["patient"], device["assignments"]) == (None, [])
    assert is_let_in(api, token)


def test_identifiers_are_kept_in_one_spelling(api: Api) -> None:
    sent = ["74-e8-ff-fe-ff-05-1c-00", "74:E8:FF:FE:FF:05:1C:00", "00:1b:63:84:45:e6"]
    assert add_device(api, identifiers=sent)["identifiers"] == ["74E8FFFEFF051C00", "001B638445E6"]


def test_what_cannot_be_a_device_is_refused_by_name(api: Api) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"identifiers": ["74E8FFFEFF051C"]}, "identifiers[0]"),
        ({"identifiers": ["001B638445E6", "hub"]}, "identifiers[1]"),
        ({"identifiers": ["001B638445E6\n"]}, "identifiers[0]"),
        ({"kind": ""}, "kind"),
        ({"serial": "S\0"}, "serial"),
        ({"serial": None}, "serial"),
        ({"shared": "yes"}, "shared"),
        ({"colour": "red"}, "colour"),
    ]
    for changed, field in wrong:
        assert faults(api.post("/v1/devices", HUB | changed)) == [field], changed


def test_only_engineers_manage_devices(api: Api) -> None:
    device = add_device(api)["id"]
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.COORDINATOR, Role.UCR, Role.AUDITOR):
        refused(api.post("/v1/devices", {"no": "sense"}, role), 403)
        refused(api.post(f"/v1/devices/{device}/token", None, role), 403)
        refused(api.post(f"/v1/devices/{device}/revoke", None, role), 403)
        refused(api.put(f"/v1/devices/{device}/assignment", {}, role), 403)
        refused(api.delete(f"/v1/devices/{device}/assignment", role), 403)
    refused(api.get("/v1/devices", Role.CLINICIAN), 403)
    done(api.get("/v1/devices", Role.AUDITOR))


def test_an_interface_is_made_by_an_admin_only(api: Api) -> None:
    body = {"kind": "interface", "serial": "PAS"}
    refused(api.post("/v1/devices", body, Role.ENGINEER), 403)
    made(api.post("/v1/devices", body, Role.ADMIN))


def test_a_new_token_ends_the_old_one(api: Api) -> None:
    device = add_device(api)
    renewed = done(api.post(f"/v1/devices/{device['id']}/token", None, Role.ENGINEER))
    assert renewed["token"] != device["token"]
    wait_until_shut_out(api, device["token"])
    assert is_let_in(api, renewed["token"])
    assert "token" not in done(api.get(f"/v1/devices/{device['id']}"))


def test_a_device_is_shut_out(api: Api) -> None:
    device = add_device(api)
    assert is_let_in(api, device["token"])
    assert "token" not in done(api.post(f"/v1/devices/{device['id']}/revoke", None, Role.ENGINEER))
    wait_until_shut_out(api, device["token"])
    again = done(api.post(f"/v1/devices/{device['id']}/token", None, Role.ENGINEER))
    assert is_let_in(api, again["token"])


def test_devices_are_listed_newest_first_page_by_page(api: Api) -> None:
    known = [add_device(api, serial=f"S-{n}")["id"] for n in range(4)][::-1]
    first = done(api.get("/v1/devices", Role.ENGINEER, params={"limit": 3}))
    rest = done(api.get("/v1/devices", Role.ENGINEER, params={"limit": 3, "cursor": first["next"]}))
    listed = [one["id"] for one in first["items"] + rest["items"]]
    assert listed == [*known, str(api.ward.patient.device_id)]
    assert rest["next"] is None
    assert rest["items"][-1]["patient"] == str(api.ward.patient.id)


def test_a_device_that_does_not_exist_is_not_there(api: Api) -> None:
    nobody = uuid4()
    refused(api.get(f"/v1/devices/{nobody}"), 404)
    for path in ("token", "revoke"):
        refused(api.post(f"/v1/devices/{nobody}/{path}"), 404)
    refused(api.delete(f"/v1/devices/{nobody}/assignment"), 404)
    body = {"patient": str(api.ward.patient.id)}
    refused(api.put(f"/v1/devices/{nobody}/assignment", body), 404)


def test_what_was_drained_says_when_a_device_was_last_seen_and_how_full_it_was(api: Api) -> None:
    path = f"/v1/devices/{api.ward.patient.device_id}"
    posts(api, taken_at=(utc_now() - timedelta(seconds=90)).isoformat(), pulse=70, battery=41)
    drain(api)
    device = done(api.get(path, Role.ENGINEER))
    assert utc_now() - datetime.fromisoformat(device["last_seen_at"]) < timedelta(minutes=1)
    assert device["battery"] == 41
    assert device["clock_offset_s"] == pytest.approx(-90, abs=30)
    posts(api, pulse=70)
    drain(api)
    assert done(api.get(path))["battery"] == 41


def test_what_is_known_of_a_devices_clock_is_shown_with_how_surely_and_since_when(api: Api) -> None:
    path = f"/v1/devices/{api.ward.patient.device_id}"
    began = utc_now()
    for number in range(6):  # over the real clock's minute: the drain's `now` is the ward's here
        came = began + timedelta(seconds=11 * number)
        api.ward.now = came
        api.ward.receives_sets([{"id": f"c{number}", "taken_at": came + timedelta(minutes=30), "pulse": 70}])
        (clock,) = done(api.get(path, Role.ENGINEER))["clocks"]
        assert (clock["sensor"], clock["offset_s"], clock["samples"]) == (None, 1800, number + 1)
        assert (clock["surely"] == "steady", clock["off_since"] is not None, clock["corrects"]) == 3 * (number >= 4,)
    assert done(api.get(path))["clock_offset_s"] == 1800
    listed = done(api.get("/v1/devices", Role.ENGINEER))["items"]
    assert [one["clocks"] for one in listed if one["id"] == str(api.ward.patient.device_id)] == [[clock]]
    (alert,) = api.get("/v1/alerts").json()["items"]
    assert (alert["kind"], alert["reasons"][0]["text"]) == ("device", "The device's clock is 30 min fast")


def test_a_token_is_not_shown_again_to_a_request_sent_twice(api: Api) -> None:
    key = {"Idempotency-Key": "once"}
    first = made(api.post("/v1/devices", HUB, headers=key))
    again = api.post("/v1/devices", HUB, headers=key)
    assert made(again) == {name: value for name, value in first.items() if name != "token"}
    assert again.headers["idempotency-replayed"] == "true"
