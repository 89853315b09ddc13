"""Two records become one person and two again (H21): nobody who is watched is watched less, and nothing is lost."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from monitoring import tables
from monitoring.access.roles import Role
from monitoring.database import transaction
from monitoring.patients.merging import MOVES
from monitoring.patients.tables import MERGE_LOCK
from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import until
from tests.monitoring.referring import decide, referred
from tests.monitoring.steps import (
    PERSON,
    add_device,
    admit,
    done,
    drain,
    employ,
    faults,
    made,
    open_ward,
    posts,
    refused,
    register,
)  # fmt: skip
from tests.ward import VERY_SICK

NUMBER, OTHER_NUMBER = "9434765919", "9449305552"
WHY = {"reason": "registered twice"}


def merges(api: Api, gone: str, kept: str, role: Role = Role.COORDINATOR, **options: Any) -> Answer:
    """Merge one record into another."""
    return api.post(f"/v1/patients/{gone}/merge", {"into": kept, **WHY}, role, **options)


def parts(api: Api, gone: str, role: Role = Role.COORDINATOR) -> Answer:
    """Undo it."""
    return api.post(f"/v1/patients/{gone}/unmerge", {"reason": "they are sisters"}, role)


def numbered(api: Api, number: str, **changed: Any) -> str:
    """Somebody with an NHS number."""
    return register(api, nhs_number=number, no_nhs_number_reason=None, **changed)


def of(api: Api, patient: str, what: str) -> list[dict[str, Any]]:
    """A list of a patient's."""
    items: list[dict[str, Any]] = done(api.get(f"/v1/patients/{patient}/{what}"))["items"]
    return items


def on_ward(api: Api) -> tuple[str, dict[str, Any], str]:
    """Somebody whose hub has just raised an alert: their record, their stay, and the hub's token."""
    patient = numbered(api, OTHER_NUMBER)
    device = add_device(api)
    stay = admit(api, patient, devices=[device["id"]])
    posts(api, device["token"], **VERY_SICK)
    drain(api)
    return patient, stay, device["token"]


def test_every_table_that_names_a_patient_is_moved() -> None:
    named = {
        table.name
        for table in SQLModel.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "patient"
    }
    assert tables.Patient.__tablename__ == "patient"
    assert named - {"patient", "patient_merge"} == set(MOVES)


def test_a_merged_patient_is_watched_as_before_and_found_by_every_id(api: Api) -> None:
    gone, stay, hub = on_ward(api)
    kept = numbered(api, NUMBER)
    refused(merges(api, gone, kept, Role.CLINICIAN), 403)
    shown = done(merges(api, gone, kept))
    assert (shown["id"], shown["episode"], shown["ward"]) == (kept, stay["id"], "WARD1")
    posts(api, hub)  # the next set comes as ever
    drain(api)
    for patient in (gone, kept):  # the old id leads to the same chart
        assert len(of(api, patient, "readings")) == len(of(api, patient, "scores")) == 2
        (alert,) = [one for one in of(api, patient, "alerts") if one["kind"] == "deterioration"]
        assert alert["patient"] == kept
        assert api.get("/v1/alerts", params={"patient": patient}).json()["items"] != []
    old = done(api.get(f"/v1/patients/{gone}"))
    assert (old["merged_into"], old["nhs_number"], old["episode"]) == (kept, OTHER_NUMBER, None)
    again = api.post("/v1/patients", PERSON | {"nhs_number": OTHER_NUMBER, "no_nhs_number_reason": None})
    assert refused(again, 409)["current"] == {"patient": kept}  # so does the old number
    (done_once,) = of(api, gone, "merges")
    assert (done_once["merged"], done_once["into"], done_once["reason"]) == (gone, kept, WHY["reason"])
    assert done_once["by"] == str(api.ward.staff[Role.COORDINATOR].public_id)
    assert done_once["moved"] == {"episode": 1, "ward_stay": 1, "alert": 1, "assignment": 1}
    assert refused(merges(api, gone, kept), 409)["current"]["merged_into"] == kept


def test_what_names_the_old_record_is_told_where_it_went(api: Api) -> None:
    gone, kept = register(api), register(api)
    done(merges(api, gone, kept))
    where = {"state": "merged", "merged_into": kept}
    for answer in (
        api.post("/v1/episodes", {"patient": gone, "ward": "WARD1", "step": "up"}),
        api.post("/v1/referrals", {"patient": gone, "ward": "WARD1", "source": "gp", "step": "up"}),
        api.put(f"/v1/patients/{gone}", PERSON),
        api.post(
            "/v1/inpatients", {"patient": gone, "ward": "WARD1", "hospital": "RXX", "reason": "x", "seen_by": "x"}
        ),
    ):
        assert refused(answer, 409)["current"] == where
    hub = add_device(api, shared=True)
    given = done(api.put(f"/v1/devices/{hub['id']}/assignment", {"patient": gone}))
    assert given["patient"] == kept  # whoever gives them a device means the person
    admit(api, kept)
    posts(api, hub["token"], id="a", taken_at=api.now(), spo2=96, patient=gone)
    drain(api)
    assert len(of(api, kept, "readings")) == 1  # a hub that goes on naming the old record is understood
    assert faults(merges(api, kept, gone)) == ["into"]  # itself, by its old id
    assert faults(merges(api, kept, str(uuid4()))) == ["into"]
    assert refused(parts(api, kept), 409)["current"] == {"state": "not_merged"}


def test_two_who_cannot_be_one_are_refused_and_named(api: Api) -> None:
    one, other = register(api), register(api)
    stays = [admit(api, one), admit(api, other)]
    said = refused(merges(api, one, other), 409)
    assert [spell["episode"] for spell in said["current"]["episodes"]] == [stay["id"] for stay in stays]
    assert {spell["patient"] for spell in said["current"]["episodes"]} == {one, other}
    for changed in ({"pregnant": True}, {"spinal_cord_injury": True}, {"birth_date": "2015-01-01"}):
        assert "NEWS2" in refused(merges(api, one, register(api, **changed)), 409)["detail"]
    assert "NHS number" in refused(merges(api, numbered(api, NUMBER), register(api)), 409)["detail"]
    twice = register(api)
    for patient in (other, twice):
        referred(api, patient)
    assert "same ward" in refused(merges(api, twice, other), 409)["detail"]
    end = {"outcome": "died", "decided_by": "Dr No"}
    done(api.post(f"/v1/episodes/{stays[0]['id']}/discharge", end, Role.COORDINATOR))
    assert "died" in refused(merges(api, one, other), 409)["detail"]
    assert done(api.get(f"/v1/patients/{one}"))["merged_into"] is None


def test_a_merge_that_was_wrong_gives_back_what_it_took_and_what_came_since(api: Api) -> None:
    gone, stay, hub = on_ward(api)
    kept = numbered(api, NUMBER)
    before = admit(api, kept)
    end = {"outcome": "home", "decided_by": "Dr No"}
    open_ward(api, "RESP1")
    posts(api, hub)
    refused(merges(api, gone, kept), 409)  # both are on a ward
    done(api.post(f"/v1/episodes/{before['id']}/discharge", end, Role.COORDINATOR))
    overlap = refused(merges(api, gone, kept), 409)
    assert "in a bed at the same time" in overlap["detail"]
    other = numbered(api, "4010232137")
    asked = referred(api, other)
    done(merges(api, gone, other))
    new = add_device(api, serial="H-2")
    done(api.put(f"/v1/devices/{new['id']}/assignment", {"patient": other}))  # meant for who is on the ward
    done(api.post(f"/v1/episodes/{stay['id']}/transfer", {"ward": "RESP1"}, Role.COORDINATOR))
    back = done(parts(api, gone))
    assert (back["id"], back["episode"], back["ward"], back["merged_into"]) == (gone, stay["id"], "RESP1", None)
    for token in (hub, new["token"]):
        posts(api, token)
    drain(api)
    assert len(of(api, gone, "readings")) == 4  # before, while and since
    assert of(api, other, "readings") == of(api, other, "alerts") == []
    assert [one["patient"] for one in of(api, gone, "alerts")] == [gone]
    assert done(api.get(f"/v1/referrals/{asked['id']}"))["patient"] == other
    (history,) = of(api, gone, "merges")
    assert (history["undone_reason"], history["undone_by_name"]) == ("they are sisters", history["by_name"])
    done(decide(api, asked["id"], "accept", {}))
    done(decide(api, asked["id"], "admit", {}))  # two people, two beds


def test_a_chain_of_merges_is_undone_from_its_end(api: Api) -> None:
    first, second, third = register(api), register(api), register(api)
    done(merges(api, first, second))
    done(merges(api, second, third))
    assert done(api.get(f"/v1/patients/{first}"))["merged_into"] == third
    assert "undo that first" in refused(parts(api, first), 409)["detail"]
    done(parts(api, second))
    assert done(api.get(f"/v1/patients/{first}"))["merged_into"] == second
    assert done(parts(api, first))["merged_into"] is None


def test_a_merged_record_is_seen_by_nobody_who_may_not_see_the_person(api: Api) -> None:
    gone, _, _ = on_ward(api)
    kept = numbered(api, NUMBER)
    done(merges(api, gone, kept))
    open_ward(api, "OTHER")
    stranger, colleague = employ(api, Role.COORDINATOR, "OTHER"), employ(api, Role.COORDINATOR, "WARD1")
    for path in (gone, kept, f"{gone}/merges", f"{gone}/readings"):
        refused(api.get(f"/v1/patients/{path}", token=stranger), 404)
        done(api.get(f"/v1/patients/{path}", token=colleague))
    refused(api.post(f"/v1/patients/{gone}/unmerge", WHY, token=stranger), 404)


def test_no_set_is_looked_up_while_its_patient_changes(api: Api) -> None:
    gone, _, hub = on_ward(api)
    kept = numbered(api, NUMBER)
    posts(api, hub)
    with transaction(api.ward.engine) as session:
        session.execute(text(f"SELECT pg_advisory_xact_lock({MERGE_LOCK})"))
        draining = threading.Thread(target=drain, args=(api,))
        draining.start()
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = :lock"
        until(lambda: session.execute(text(waits), {"lock": MERGE_LOCK}).scalar_one())
        assert len(of(api, gone, "readings")) == 1
    draining.join()
    assert len(of(api, gone, "readings")) == 2
    done(merges(api, gone, kept))
    assert len(of(api, kept, "readings")) == 2


@pytest.mark.parametrize("key", ["once"])
def test_a_merge_is_repeated_safely(api: Api, key: str) -> None:
    gone, kept = register(api), register(api)
    first = merges(api, gone, kept, headers={"Idempotency-Key": key})
    second = merges(api, gone, kept, headers={"Idempotency-Key": key})
    assert done(first) == done(second)
    assert made(api.post("/v1/patients", PERSON))["merged_into"] is None
