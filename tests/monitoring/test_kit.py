"""Kit over HTTP: its life with whoever does what, what there is of it, which devices are meant, and many at once."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.kit.states import NEXT, Move, State, diagram
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import (
    add_device,
    admit,
    done,
    drain,
    elsewhere,
    employ,
    faults,
    made,
    posts,
    refused,
    register,
)
from tests.monitoring.test_assignments import put
from tests.monitoring.test_devices import is_let_in, wait_until_shut_out

VERBS = {
    "return": Move.RETURN, "clean": Move.CLEAN, "stock": Move.STOCK, "lose": Move.LOSE, "find": Move.FIND,
    "fault": Move.FAULT, "repair": Move.REPAIR, "retire": Move.RETIRE,
}  # fmt: skip
LEADS_TO: dict[State, list[str]] = {
    State.STOCK: [],
    State.ISSUED: ["give"],
    State.AWAITED: ["give", "take"],
    State.RETURNED: ["give", "return"],
    State.CLEANED: ["give", "return", "clean"],
    State.LOST: ["lose"],
    State.FAULTY: ["fault"],
    State.RETIRED: ["retire"],
}
CSV = {"Content-Type": "text/csv"}


def do(api: Api, device: str, *verbs: str, **body: Any) -> dict[str, Any]:
    """One thing after the other; the device as it then is."""
    for verb in verbs:
        if verb == "give":
            done(put(api, device, register(api)))
        elif verb == "take":
            done(api.delete(f"/v1/devices/{device}/assignment", Role.ENGINEER))
        else:
            done(api.post(f"/v1/devices/{device}/{verb}", body or None, Role.ENGINEER))
    return done(api.get(f"/v1/devices/{device}", Role.ENGINEER))


def load(api: Api, text: str, role: Role = Role.ENGINEER, key: str | None = None) -> Answer:
    """Register what a file holds."""
    headers = CSV | ({} if key is None else {"Idempotency-Key": key})
    return api.post("/v1/devices/bulk", None, role, content=text.encode(), headers=headers)


def ids(answer: Answer) -> list[str]:
    """The devices of a list."""
    return [one["id"] for one in done(answer)["items"]]


def test_a_device_goes_to_a_patient_and_back_to_the_shelf(api: Api) -> None:
    device, patient = add_device(api)["id"], register(api)
    admit(api, patient, devices=[device])
    assert do(api, device)["state"] == "issued"
    found = do(api, device, "return", note="collected by the crew")
    assert (found["state"], found["patient"], found["assignments"][0]["until"]) == ("returned", None, found["state_at"])
    problem = refused(put(api, device, register(api)), 409)
    assert problem["detail"] == "The device came back and has not been cleaned."
    assert problem["current"] == {"device": device, "state": "returned", "state_at": found["state_at"]}
    stay = {"patient": register(api), "ward": "WARD1", "step": "up", "devices": [device]}
    assert refused(api.post("/v1/episodes", stay), 409)["current"]["state"] == "returned"
    assert do(api, device, "clean", "stock")["state"] == "stock"
    made(api.post("/v1/episodes", stay))
    history = done(api.get(f"/v1/devices/{device}/moves", Role.ENGINEER))["items"]
    assert [(one["move"], one["from_state"], one["to_state"]) for one in history] == [
        ("issued", "stock", "issued"), ("stocked", "cleaned", "stock"), ("cleaned", "returned", "cleaned"),
        ("returned", "issued", "returned"), ("issued", "stock", "issued"), ("registered", None, "stock"),
    ]  # fmt: skip
    assert (history[3]["by_name"], history[3]["note"]) == ("The engineer", "collected by the crew")


def test_the_guide_draws_the_table_of_moves() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "devices.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{diagram()}\n```" in guide


@pytest.mark.parametrize("state", State)
def test_each_move_is_done_where_the_table_lets_it_and_else_refused_with_the_state(api: Api, state: State) -> None:
    for verb, move in VERBS.items():
        device = add_device(api)["id"]
        assert do(api, device, *LEADS_TO[state])["state"] == state
        answer = api.post(f"/v1/devices/{device}/{verb}", None, Role.ENGINEER)
        if state in NEXT[move]:
            assert done(answer)["state"] == NEXT[move][state]
        else:
            assert refused(answer, 409)["current"]["state"] == state


def test_a_discharge_leaves_the_kit_to_come_back_and_it_is_chased(api: Api) -> None:
    patient, hub = register(api), add_device(api)["id"]
    scale = add_device(api, kind="scale")["id"]
    at = utc_now() - timedelta(days=9)
    stay = admit(api, patient, devices=[hub, scale], at=at.isoformat())
    body = {"outcome": "home", "decided_by": "Dr No", "at": (at + timedelta(days=1)).isoformat()}
    done(api.post(f"/v1/episodes/{stay['id']}/discharge", body))
    assert {do(api, one)["state"] for one in (hub, scale)} == {"awaited"}
    listed = api.get("/v1/devices", Role.ENGINEER, params={"state": "awaited", "days": 8})
    assert set(ids(listed)) == {hub, scale}
    assert ids(api.get("/v1/devices", Role.ENGINEER, params={"state": "awaited", "days": 9})) == []
    do(api, scale, "return", "clean")
    kinds = {one["kind"]: one for one in done(api.get("/v1/kit", Role.SUPPORT))["kinds"]}
    assert (kinds["hub"]["awaited_too_long"], kinds["hub"]["free"], kinds["hub"]["states"]["issued"]) == (1, 0, 1)
    assert (kinds["scale"]["awaited_too_long"], kinds["scale"]["free"]) == (0, 1)
    assert kinds["scale"]["states"] == dict.fromkeys(State, 0) | {"cleaned": 1}


def test_a_discharge_that_did_not_happen_gives_the_kit_back_but_not_what_came_back(api: Api) -> None:
    patient, kept, back = register(api), add_device(api)["id"], add_device(api)["id"]
    stay = admit(api, patient, devices=[kept, back])
    done(api.post(f"/v1/episodes/{stay['id']}/discharge", {"outcome": "home", "decided_by": "Dr No"}))
    do(api, back, "return")
    done(api.post(f"/v1/episodes/{stay['id']}/cancel-discharge", {"reason": "no transport"}))
    assert [(do(api, one)["state"], do(api, one)["patient"]) for one in (kept, back)] == [
        ("issued", patient), ("returned", None),
    ]  # fmt: skip


def test_a_device_that_was_to_go_to_somebody_who_left_stays_where_it_is(api: Api) -> None:
    device, first, second = add_device(api)["id"], register(api), register(api)
    stay = admit(api, second)
    done(put(api, device, first))
    done(put(api, device, second, utc_now() + timedelta(days=3)))
    done(api.post(f"/v1/episodes/{stay['id']}/discharge", {"outcome": "home", "decided_by": "Dr No"}))
    found = do(api, device)
    assert [(one["patient"], one["until"]) for one in found["assignments"]] == [(first, None)]
    assert (found["state"], found["patient"]) == ("issued", first)


def test_what_is_told_late_holds_from_then_on_and_contradicts_nothing(api: Api) -> None:
    device, patient = add_device(api)["id"], register(api)
    given, back, clean = (utc_now() - timedelta(days=days) for days in (5, 3, 2))
    done(put(api, device, patient, given))
    path = f"/v1/devices/{device}"
    refused(api.post(f"{path}/return", {"at": (given - timedelta(hours=1)).isoformat()}, Role.ENGINEER), 409)
    assert faults(api.post(f"{path}/return", {"at": (utc_now() + timedelta(hours=1)).isoformat()})) == ["at"]
    assert faults(api.post(f"{path}/return", {"when": "now"})) == ["when"]
    found = do(api, device, "return", at=back.isoformat())
    assert found["assignments"][0]["until"] == found["state_at"]
    do(api, device, "clean", at=clean.isoformat())
    problem = refused(put(api, device, register(api), clean - timedelta(hours=1)), 409)
    assert problem["detail"].startswith("The device was not clean before ")
    done(put(api, device, register(api), clean))


def test_what_is_retired_is_shut_out_and_what_is_lost_is_heard(api: Api) -> None:
    device = add_device(api)
    do(api, device["id"], "give", "lose")
    assert is_let_in(api, device["token"])
    drain(api)
    assert do(api, device["id"])["last_seen_at"] is not None
    do(api, device["id"], "retire")
    wait_until_shut_out(api, device["token"])
    assert (
        refused(api.post(f"/v1/devices/{device['id']}/token", None, Role.ENGINEER), 409)["current"]["state"]
        == "retired"
    )


def test_engineers_move_kit_and_everybody_on_a_ward_counts_it(api: Api) -> None:
    device = add_device(api)["id"]
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.COORDINATOR, Role.UCR, Role.AUDITOR):
        refused(api.post(f"/v1/devices/{device}/lose", {"no": "sense"}, role), 403)
        refused(load(api, "kind,serial", role), 403)
    refused(api.get("/v1/kit", Role.UCR), 403)
    refused(api.post(f"/v1/devices/{uuid4()}/lose", {"no": "sense"}, Role.ENGINEER), 404)
    refused(api.get(f"/v1/devices/{uuid4()}/moves", Role.ENGINEER), 404)


def test_a_device_that_another_ward_has_too_is_not_taken_from_it(api: Api) -> None:
    patient, _ = elsewhere(api)
    engineer, mine = employ(api, Role.ENGINEER, "WARD1"), str(api.ward.patient.id)
    shared = add_device(api, shared=True)["id"]
    for one in (patient, mine):
        done(put(api, shared, one))
    assert refused(api.post(f"/v1/devices/{shared}/return", None, token=engineer), 409)["current"]["state"] == "issued"
    assert [one["until"] for one in do(api, shared)["assignments"]] == [None, None]
    done(api.delete(f"/v1/devices/{shared}/assignment", token=engineer))
    assert do(api, shared)["state"] == "issued"


def test_devices_are_found_by_what_is_known_of_them(api: Api) -> None:
    mine, hub = str(api.ward.patient.id), str(api.ward.patient.device_id)
    other, stranger = elsewhere(api)[0], employ(api, Role.ENGINEER, "WARD1")
    scale, theirs = add_device(api, kind="scale", serial="Sc-7")["id"], add_device(api)["id"]
    done(put(api, theirs, other))
    for wanted, expected in (
        ({"state": "stock"}, [scale]), ({"state": "issued"}, [theirs, hub]), ({"kind": "scale"}, [scale]),
        ({"serial": "sc-7"}, [scale]), ({"ward": "WARD1"}, [hub]), ({"ward": "OTHER"}, [theirs]),
        ({"patient": mine}, [hub]), ({"patient": other, "ward": "WARD1"}, []), ({"patient": str(uuid4())}, []),
        ({"silent": "true"}, [hub]), ({"silent": "false"}, [theirs, scale]), ({}, [theirs, scale, hub]),
    ):  # fmt: skip
        assert ids(api.get("/v1/devices", Role.ENGINEER, params=wanted)) == expected, wanted
    assert done(api.get(f"/v1/devices/{hub}"))["silent"] is True
    posts(api, pulse=70, battery=20)
    drain(api)
    assert ids(api.get("/v1/devices", params={"silent": "true"})) == []
    found = done(api.get(f"/v1/devices/{hub}"))
    assert (found["silent"], found["battery"], found["battery_low"]) == (False, 20, True)
    refused(api.get("/v1/devices", token=stranger, params={"ward": "OTHER"}), 403)
    assert ids(api.get("/v1/devices", token=stranger, params={"patient": other})) == []
    for wrong in ({"state": "gone"}, {"silent": "perhaps"}, {"days": "-1"}, {"serial": "x" * 65}, {"colour": "red"}):
        assert faults(api.get("/v1/devices", params=wrong)) == [*wrong], wrong


FILE = """\
serial,kind,identifiers,shared
B-1,hub,74-e8-ff-fe-ff-05-1c-00 00:1b:63:84:45:e6,true
B-2,,nonsense,perhaps
B-1,hub,,
B-3,interface,,

B-4,oximeter,,
b-5,hub,00:1b:63,
B-6,hub
"""


def test_many_are_registered_line_by_line(api: Api) -> None:
    add_device(api, serial="b-4", kind="Oximeter")
    answer = done(load(api, "\ufeff" + FILE.replace("B-6,hub", "B-6,hub,,,")))
    (one,) = answer["registered"]
    assert (one["line"], one["kind"], one["serial"]) == (2, "hub", "B-1")
    assert is_let_in(api, one["token"])
    made_ = do(api, one["id"])
    assert (made_["identifiers"], made_["shared"], made_["state"]) == (
        ["74E8FFFEFF051C00", "001B638445E6"],
        True,
        "stock",
    )
    said = {line["line"]: [(fault["field"], fault["reason"]) for fault in line["errors"]] for line in answer["refused"]}
    assert [field for field, _ in said[3]] == ["kind", "shared"]
    assert said[4] == [("serial", "hub B-1 stands on line 2 too")]
    assert said[5] == [("kind", "only an admin makes an interface")]
    assert said[7] == [("serial", "oximeter B-4 is registered already")]
    assert said[8] == [("identifiers", "hold what is neither an EUI-48 nor an EUI-64")]
    assert said[9] == [("", "has 5 cells where the header has 4")]
    history = done(api.get(f"/v1/devices/{one['id']}/moves"))["items"]
    assert [(move["move"], move["by_name"]) for move in history] == [("registered", "The engineer")]


def test_a_file_sent_again_under_its_key_is_answered_and_not_done_again(api: Api) -> None:
    text = "kind,serial\nhub,K-1\nhub,K-2\n"
    first = done(load(api, text, key="one"))
    again = load(api, text, key="one")
    assert again.headers["idempotency-replayed"] == "true"
    without = [{name: value for name, value in one.items() if name != "token"} for one in first["registered"]]
    assert done(again) == {"registered": without, "refused": []}
    assert faults(load(api, text)) == ["line 2, serial", "line 3, serial"]
    assert len(ids(api.get("/v1/devices", params={"serial": "k-1"}))) == 1


def test_a_file_that_cannot_be_read_registers_nothing(api: Api) -> None:
    for text, named in (
        ("", ["line 1, kind", "line 1, serial"]), ("kind\nhub\n", ["line 1, serial"]), ("kind,serial\n", [""]),
        ("kind,serial,colour\nhub,1,red\n", ["line 1, colour"]), ('kind,serial\nhub,1\nhub,"2\n', ["line 3"]),
        ("kind,serial\n" + "".join(f"hub,{n}\n" for n in range(1001)), ["line 1002"]),
    ):  # fmt: skip
        assert faults(load(api, text)) == named, text[:40]
    assert faults(api.post("/v1/devices/bulk", content=b"kind,serial\nhub,\xff\n", headers=CSV)) == [""]
    refused(api.post("/v1/devices/bulk", {"kind": "hub"}), 415)
    assert ids(api.get("/v1/devices")) == [str(api.ward.patient.device_id)]
