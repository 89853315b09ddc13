"""What was kept aside, over HTTP: seen by whom it concerns, released or discarded by a person, once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from devices.reading import Arrival, Doubt, Odd, ReadingSet
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.intake.stream import stream_name
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import (
    add_device,
    admit,
    done,
    drain,
    elsewhere,
    employ,
    faults,
    posts,
    refused,
    register,
)
from tests.ward import VERY_SICK, WELL
from tests.workers.records import count, rows
from workers.releases import queue_again

HOUR = timedelta(hours=1)


def listed(api: Api, role: Role = Role.ENGINEER, **filters: Any) -> list[dict[str, Any]]:
    """What a member of staff sees."""
    items: list[dict[str, Any]] = done(api.get("/v1/set-aside", role, params=filters))["items"]
    return items


def the_one(api: Api, **filters: Any) -> dict[str, Any]:
    """The one thing that is kept aside."""
    (one,) = listed(api, **filters)
    return one


def release(api: Api, one: dict[str, Any], role: Role = Role.ENGINEER, **said: Any) -> Answer:
    """Release something."""
    return api.post(f"/v1/set-aside/{one['id']}/release", said, role)


def discard(api: Api, one: dict[str, Any], role: Role = Role.ENGINEER, reason: str = "a child's") -> Answer:
    """Discard something."""
    return api.post(f"/v1/set-aside/{one['id']}/discard", {"reason": reason}, role)


def again(api: Api, one: dict[str, Any]) -> dict[str, Any]:
    """The same thing as it is now."""
    return done(api.get(f"/v1/set-aside/{one['id']}", Role.ENGINEER))


def chart(api: Api, patient: str | None = None) -> list[dict[str, Any]]:
    """A patient's readings."""
    items: list[dict[str, Any]] = done(api.get(f"/v1/patients/{patient or api.ward.patient.id}/readings"))["items"]
    return items


def from_the_future(api: Api, **vitals: Any) -> dict[str, Any]:
    """A set that its device says was taken in two hours."""
    posts(api, taken_at=(utc_now() + 2 * HOUR).isoformat(), **vitals or WELL)
    drain(api)
    return the_one(api, state="open")


def odd(api: Api, reason: Doubt, reads: ReadingSet | None, taken_at: datetime | None = None) -> dict[str, Any]:
    """Part of a document that its decoder was not sure of."""
    part = Odd(
        id="o", reason=reason, detail="Bundle.entry[0]: why", document=msgspec.Raw(b'{"code":"x"}'), reads=reads,
        taken_at=taken_at,
    )  # fmt: skip
    api.ward.drains([Arrival(source=api.ward.patient.device_key, received_at=utc_now(), odd=[part])])
    return the_one(api, state="open")


def minutes_ago(minutes: int) -> str:
    """An instant."""
    return (utc_now() - timedelta(minutes=minutes)).isoformat()


def is_admitted_long_since(api: Api) -> None:
    """The ward's patient was there days ago, by the real clock."""
    with api.ward.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE episode SET admitted_at = now() - interval '9 days'")
        connection.exec_driver_sql("UPDATE assignment SET during = tstzrange(now() - interval '9 days', NULL)")


def test_a_set_from_the_future_is_shown_with_why_and_what_came_and_is_scored_once_somebody_says_when(api: Api) -> None:
    one = from_the_future(api, **VERY_SICK)
    device = api.ward.patient
    assert (one["state"], one["reason"], one["severity"]) == ("open", "taken in the future", "critical")
    assert (one["device"], one["patient"]) == (str(device.device_id), str(device.id))
    assert one["reads"] == one["document"]
    assert {name: one["reads"][name] for name in VERY_SICK} == VERY_SICK
    assert faults(release(api, one)) == ["taken_at"]
    assert faults(release(api, one, taken_at=(utc_now() + HOUR).isoformat())) == ["taken_at"]
    at = minutes_ago(2)
    answer = done(release(api, one, taken_at=at, note="two hours fast"))
    assert (answer["state"], answer["decided_by_name"]) == ("released", "The engineer")
    drain(api)
    after = again(api, one)
    (reading,) = chart(api)
    assert after["scored_at"] is not None
    assert (reading["set"], reading["kept_aside"]) == (after["set"], one["id"])
    assert datetime.fromisoformat(reading["taken_at"]) == datetime.fromisoformat(at)
    (entry,) = after["history"]
    assert (entry["what"], entry["by_name"], entry["why"]) == (
        "released",
        "The engineer",
        "two hours fast",
    )
    assert entry["supplied"].keys() == {"taken_at"}
    kinds = {alert["kind"]: alert["state"] for alert in api.get("/v1/alerts").json()["items"]}
    assert kinds == {"deterioration": "open", "data_quality": "expired"}


def test_a_second_decision_is_refused_with_the_first(api: Api) -> None:
    one = from_the_future(api)
    done(discard(api, one))
    for second in (discard(api, one), release(api, one, taken_at=minutes_ago(1))):
        current = refused(second, 409)["current"]
        assert (current["state"], current["history"][0]["why"]) == ("discarded", "a child's")
    drain(api)
    assert chart(api) == []


def test_of_many_who_decide_at_once_one_does(api: Api) -> None:
    one = from_the_future(api)
    at = minutes_ago(1)

    def decide(number: int) -> int:
        return (release(api, one, taken_at=at) if number % 2 else discard(api, one)).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(decide, range(6)))
    assert statuses == [200] + 5 * [409]
    drain(api)
    assert len(chart(api)) == (again(api, one)["state"] == "released")


def test_a_discard_needs_a_reason(api: Api) -> None:
    one = from_the_future(api)
    assert faults(api.post(f"/v1/set-aside/{one['id']}/discard", {}, Role.ENGINEER)) == ["reason"]
    assert faults(api.post(f"/v1/set-aside/{one['id']}/discard", {"reason": " "}, Role.ENGINEER)) == ["reason"]


def test_the_same_id_with_other_content_is_released_as_a_set_of_its_own(api: Api) -> None:
    first = {"id": "a", "taken_at": minutes_ago(1)} | WELL
    for body in (first, first | {"pulse": 80}):
        api.post("/v1/readings", body, token=api.device())
        drain(api)
    done(release(api, the_one(api)))
    drain(api)
    assert sorted(reading["pulse"] for reading in chart(api)) == [72, 80]
    assert len({reading["set"] for reading in chart(api)}) == 2
    assert count(api.ward.engine, "ledger") == 1


def test_what_a_killed_process_released_is_scored_once(api: Api) -> None:
    """Killed between the decision and the stream; then the same release comes three times, and once more afterwards."""
    one = from_the_future(api)
    done(release(api, one, taken_at=minutes_ago(1)))
    queue = api.app.state.service.inlet._bell_client
    queue.delete(stream_name(0))
    settings = api.ward.settings
    assert queue_again(api.ward.engine, queue, settings, utc_now()) == 0  # it was put there just now
    for minutes in (1, 2, 3):
        assert queue_again(api.ward.engine, queue, settings, utc_now() + timedelta(minutes=minutes)) == 1
    ((_, entry), *_) = queue.xrange(stream_name(0))
    drain(api)
    queue.xadd(stream_name(0), entry)
    drain(api)
    assert len(chart(api)) == 1
    assert the_one(api)["state"] == "released"
    assert queue_again(api.ward.engine, queue, settings, utc_now() + timedelta(minutes=9)) == 0


def test_a_release_of_whom_nobody_knows_names_the_patient(api: Api) -> None:
    device = add_device(api)
    patient = register(api)
    admit(api, patient, at=minutes_ago(30))
    posts(api, device["token"])
    drain(api)
    one = the_one(api)
    assert (one["reason"], one["patients"]) == ("device not assigned to a patient at that time", [])
    assert faults(release(api, one)) == ["patient"]
    assert faults(release(api, one, patient=str(uuid4()))) == ["patient"]
    done(release(api, one, patient=patient))
    drain(api)
    assert len(chart(api, patient)) == 1
    assert chart(api) == []


def test_a_patient_who_was_on_no_ward_then_has_nothing_scored(api: Api) -> None:
    patient = register(api)
    one = from_the_future(api)
    current = refused(release(api, one, patient=patient, taken_at=minutes_ago(1)), 409)["current"]
    assert current["state"] == "open"


def test_where_nothing_can_be_scored_a_release_says_so(api: Api) -> None:
    one = odd(api, "code not known", None)
    assert (one["reads"], one["document"], one["detail"]) == (None, {"code": "x"}, "Bundle.entry[0]: why")
    assert "nothing" in refused(release(api, one), 409)["detail"]
    done(discard(api, one))


def test_what_a_decoder_was_not_sure_of_tells_the_ward_and_is_released_as_it_was_read(api: Api) -> None:
    reads = ReadingSet(id="o", taken_at=utc_now(), spo2=84)
    one = odd(api, "time not known", reads)
    (alert,) = api.get("/v1/alerts").json()["items"]
    assert (alert["kind"], alert["severity"]) == ("data_quality", "red")
    assert alert["reasons"][0]["text"].startswith("Unverified, call: SpO2 84 %")
    assert faults(release(api, one)) == ["taken_at"]
    done(release(api, one, taken_at=minutes_ago(3)))
    drain(api)
    assert [reading["spo2"] for reading in chart(api)] == [84]


def test_what_was_refused_is_released_without_the_value_that_cannot_be(api: Api) -> None:
    api.post("/v1/readings", {"id": "i", "taken_at": api.now(), "spo2": 96, "pulse": 0}, token=api.device())
    drain(api)
    one = the_one(api)
    assert one["document"]["values"] == [{"field": "pulse", "value": 0, "reason": "0 is a failed measurement"}]
    done(release(api, one))
    drain(api)
    (reading,) = chart(api)
    assert (reading["spo2"], "pulse" in reading) == (96, False)


def test_a_late_release_obeys_the_rules_of_late_sets(api: Api) -> None:
    """Red and hours old, with newer ones beside it: told as late; it is not the newest, and reopens nothing."""
    is_admitted_long_since(api)
    one = from_the_future(api, **VERY_SICK)
    posts(api, **WELL)
    drain(api)
    done(release(api, one, taken_at=minutes_ago(300)))
    drain(api)
    alerts = {alert["kind"]: alert for alert in api.get("/v1/alerts").json()["items"]}
    assert alerts["late_deterioration"]["reasons"][0]["text"].startswith("A set taken 5 h 0 min before it arrived")
    assert "deterioration" not in alerts
    assert [reading.get("late_s", 0) // 3600 for reading in chart(api)] == [0, 5]


@pytest.mark.parametrize(("role", "state"), [(Role.CLINICIAN, "expired"), (Role.ENGINEER, "open")])
def test_what_the_ward_was_told_to_call_about_ends_by_who_may_answer_alerts(api: Api, role: Role, state: str) -> None:
    one = from_the_future(api, **VERY_SICK)
    done(discard(api, one, role, "not hers"))
    (alert,) = api.get("/v1/alerts").json()["items"]
    history = done(api.get(f"/v1/alerts/{alert['id']}"))["history"]
    assert (alert["state"], history[-1]["what"]) == (state, "kept aside and discarded: not hers")
    assert history[-1]["by_name"] == f"The {role}"


def test_the_call_is_owed_until_the_last_of_several_is_decided(api: Api) -> None:
    for _ in range(2):
        posts(api, taken_at=(utc_now() + 2 * HOUR).isoformat(), **VERY_SICK)
    drain(api)
    first, second = listed(api)
    done(discard(api, first, Role.CLINICIAN))
    assert [alert["state"] for alert in api.get("/v1/alerts").json()["items"]] == ["open"]
    done(discard(api, second, Role.CLINICIAN))
    assert [alert["state"] for alert in api.get("/v1/alerts").json()["items"]] == ["expired"]


def test_clinicians_see_what_may_be_their_patients_and_engineers_what_is_nobodys(api: Api) -> None:
    patient, here = elsewhere(api)
    device = add_device(api)
    done(api.put(f"/v1/devices/{device['id']}/assignment", {"patient": patient}, Role.ENGINEER))
    ahead = (utc_now() + 2 * HOUR).isoformat()
    for token in (device["token"], add_device(api)["token"], None):
        posts(api, token, taken_at=ahead, **WELL)
        drain(api)
    ours, of_nobody, theirs = listed(api)
    assert [one["id"] for one in done(api.get("/v1/set-aside", token=here))["items"]] == [ours["id"]]
    engineer = employ(api, Role.ENGINEER, "WARD1")
    seen = [one["id"] for one in done(api.get("/v1/set-aside", token=engineer))["items"]]
    assert seen == [ours["id"], of_nobody["id"]]
    for path in ("", "/release", "/discard"):
        call = api.get if not path else api.post
        refused(call(f"/v1/set-aside/{theirs['id']}{path}", token=here), 404)
    for role in (Role.COORDINATOR, Role.UCR):
        refused(api.get("/v1/set-aside", role), 403)
    for role in (Role.SUPPORT, Role.AUDITOR):
        assert len(listed(api, role)) >= 2
        refused(discard(api, ours, role), 403)


def test_a_shared_hubs_patients_are_all_shown(api: Api) -> None:
    hub = add_device(api, shared=True)
    patients = [register(api), register(api)]
    for patient in patients:
        admit(api, patient, devices=[hub["id"]])
    posts(api, hub["token"], **VERY_SICK)
    drain(api)
    one = the_one(api)
    assert (one["patient"], one["patients"]) == (None, patients)
    assert [the_one(api, patient=patient)["id"] for patient in patients] == 2 * [one["id"]]
    assert faults(release(api, one)) == ["patient"]
    done(release(api, one, patient=patients[1]))
    drain(api)
    assert [len(chart(api, patient)) for patient in patients] == [0, 1]
    states = {(alert["patient"], alert["kind"]): alert["state"] for alert in api.get("/v1/alerts").json()["items"]}
    assert states == {
        (patients[0], "data_quality"): "expired",
        (patients[1], "data_quality"): "expired",
        (patients[1], "deterioration"): "open",
    }


def test_the_list_is_filtered_and_paged(api: Api) -> None:
    first = from_the_future(api)
    done(discard(api, first))
    second = from_the_future(api)
    posts(api, add_device(api)["token"])
    drain(api)
    third = listed(api)[0]
    ids = [third["id"], second["id"], first["id"]]
    page = done(api.get("/v1/set-aside", Role.ENGINEER, params={"limit": 2}))
    rest = done(api.get("/v1/set-aside", Role.ENGINEER, params={"limit": 2, "cursor": page["next"]}))
    assert [one["id"] for one in page["items"] + rest["items"]] == ids
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"state": "open"}, ids[:2]),
        ({"state": "decided"}, ids[2:]),
        ({"state": "discarded"}, ids[2:]),
        ({"state": "released"}, []),
        ({"reason": "taken in the future"}, ids[1:]),
        ({"device": str(api.ward.patient.device_id)}, ids[1:]),
        ({"patient": str(api.ward.patient.id), "state": "open"}, [ids[1]]),
        ({"ward": "WARD1"}, ids[1:]),
    ]
    for filters, expected in cases:
        assert [one["id"] for one in listed(api, **filters)] == expected, filters
    for wrong in ({"state": "maybe"}, {"reason": "none"}, {"cursor": "!"}, {"colour": "red"}):
        refused(api.get("/v1/set-aside", Role.ENGINEER, params=wrong), 422)
    refused(api.get("/v1/set-aside", params={"ward": "WARD1"}, token=employ(api, Role.CLINICIAN, "OTHER")), 403)
    refused(api.get(f"/v1/set-aside/{uuid4()}"), 404)


def test_what_is_released_and_cannot_be_scored_after_all_is_open_again_and_says_why(api: Api) -> None:
    one = from_the_future(api)
    done(release(api, one, taken_at=minutes_ago(1)))
    with api.ward.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE episode SET admitted_at = now()")
    drain(api)
    after = again(api, one)
    assert (after["state"], after["reason"], after["scored_at"]) == ("open", "patient not on a ward at that time", None)
    assert [entry["what"] for entry in after["history"]] == [
        "released",
        "kept aside again: patient not on a ward at that time",
    ]
    done(discard(api, one))


def test_what_was_poison_is_released_once_its_cause_is_mended(api: Api) -> None:
    sound = ReadingSet(id="p", taken_at=utc_now() - timedelta(minutes=1), spo2=96)
    with api.ward.engine.begin() as connection:
        text = msgspec.json.encode({"as_it_came": msgspec.json.encode(sound).decode()}).decode()
        connection.exec_driver_sql(
            "INSERT INTO set_aside (public_id, source, id, content, reason, severity, detail, document, received_at,"
            " kept_at) VALUES (%s, %s, 'p', 'x', 'could not be processed', 0, 'why', %s, now(), now())",
            (uuid4(), api.ward.patient.device_key, text),
        )
    done(release(api, the_one(api)))
    drain(api)
    assert [reading["spo2"] for reading in chart(api)] == [96]


def test_everything_that_was_decided_is_written_once(api: Api) -> None:
    done(discard(api, from_the_future(api)))
    for statement in ("UPDATE set_aside_history SET why = 'x'", "DELETE FROM set_aside_history"):
        with pytest.raises(Exception, match="permission denied"), api.ward.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert len(rows(api.ward.engine, "SELECT * FROM set_aside_history")) == 1


def test_a_release_sent_twice_with_one_key_is_answered_twice_and_done_once(api: Api) -> None:
    one = from_the_future(api)
    path, body, key = f"/v1/set-aside/{one['id']}/release", {"taken_at": minutes_ago(1)}, {"Idempotency-Key": "k"}
    first = done(api.post(path, body, Role.ENGINEER, headers=key))
    assert done(api.post(path, body, Role.ENGINEER, headers=key)) == first
    drain(api)
    assert len(chart(api)) == 1
