"""Hospital inpatients suitable for a ward: proposed, corrected, and referred or declined once."""

from typing import Any

import pytest

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.rounds.inpatients import (
    DeclineInpatientBody,
    InpatientBody,
    ReferInpatientBody,
    decline_inpatient,
    propose,
    refer_inpatient,
)
from tests.monitoring.api import Answer, Api
from tests.monitoring.referring import acts
from tests.monitoring.steps import done, employ, faults, made, open_ward, refused, register
from tests.monitoring.test_last_bed import at_once
from tests.ward import Ward
from tests.workers.records import count, rows

WHO = {Role.COORDINATOR, Role.CLINICIAN, Role.ADMIN}
FACTS: dict[str, Any] = {"hospital": "RXX01", "reason": "needs oxygen only", "seen_by": "Sister Ward"}
STAY: dict[str, Any] = {"hospital_admitted_on": "2026-03-01", "hospital_until_on": "2100-01-01", "location": "Bay 2"}


def proposed(api: Api, ward: str = "WARD1", **changed: Any) -> dict[str, Any]:
    """Somebody in hospital who is proposed to a ward."""
    body = {"patient": register(api), "ward": ward, **FACTS, **STAY} | changed
    return made(api.post("/v1/inpatients", body, Role.COORDINATOR))


def decide(api: Api, one: dict[str, Any], verb: str, body: object = None, **options: Any) -> Answer:
    """A decision."""
    return api.post(f"/v1/inpatients/{one['id']}/{verb}", body, Role.COORDINATOR, **options)


def suitable(api: Api, **params: Any) -> list[dict[str, Any]]:
    """The ward's list."""
    items: list[dict[str, Any]] = done(api.get("/v1/wards/WARD1/suitable", Role.COORDINATOR, params=params))["items"]
    return items


def test_who_is_proposed_is_on_the_wards_list_until_they_are_referred(api: Api) -> None:
    first, second = proposed(api), proposed(api)
    assert suitable(api) == [second, first]
    assert done(api.get(f"/v1/inpatients/{first['id']}")) == first
    assert (first["state"], first["seen_by"], first["location"]) == ("proposed", "Sister Ward", "Bay 2")
    referred = done(decide(api, first, "refer", {"priority": "urgent", "consent": True}))
    assert (referred["state"], referred["decided_by"]) == ("referred", "The coordinator")
    assert suitable(api) == [second]
    assert suitable(api, state="referred") == [referred]
    referral = done(api.get(f"/v1/referrals/{referred['referral']}"))
    names = ("patient", "ward", "source", "step", "priority", "hospital", "hospital_until_on", "referrer", "note")
    assert tuple(referral[name] for name in names) == (
        first["patient"], "WARD1", "ward", "down", "urgent", "RXX01", "2100-01-01", "Sister Ward", FACTS["reason"],
    )  # fmt: skip


def test_who_is_declined_leaves_the_list_with_the_reason(api: Api) -> None:
    one = proposed(api)
    assert faults(decide(api, one, "decline", {})) == ["reason"]
    declined = done(decide(api, one, "decline", {"reason": "lives alone", "decided_by": "Dr No"}))
    assert (declined["state"], declined["decision_reason"], declined["decided_by"]) == (
        "declined",
        "lives alone",
        "Dr No",
    )
    assert suitable(api) == []
    again = proposed(api, patient=one["patient"])  # better, a day later
    assert suitable(api) == [again]


@pytest.mark.parametrize("verb", ["refer", "decline"])
def test_it_is_decided_once(api: Api, verb: str) -> None:
    one = proposed(api)
    decided = done(decide(api, one, verb, {"reason": "r"} if verb == "decline" else None))
    for answer in (
        decide(api, one, "refer"),
        decide(api, one, "decline", {"reason": "r"}),
        api.put(f"/v1/inpatients/{one['id']}", FACTS),
    ):
        assert refused(answer, 409)["current"] == decided


def test_what_is_known_is_corrected_whole(api: Api) -> None:
    one = proposed(api)
    corrected = done(api.put(f"/v1/inpatients/{one['id']}", FACTS | {"hospital": "RYY"}, Role.CLINICIAN))
    assert (corrected["hospital"], corrected["location"], corrected["hospital_until_on"]) == ("RYY", None, None)


def test_a_patient_is_proposed_to_a_ward_once_at_a_time(api: Api) -> None:
    one = proposed(api)
    body = {"patient": one["patient"], "ward": "WARD1", **FACTS}
    assert refused(api.post("/v1/inpatients", body), 409)["current"] == one
    open_ward(api, "OTHER")
    made(api.post("/v1/inpatients", body | {"ward": "OTHER"}))


def test_who_is_referred_already_is_not_referred_again(api: Api) -> None:
    one = proposed(api)
    made(api.post("/v1/referrals", {"patient": one["patient"], "ward": "WARD1", "source": "gp", "step": "up"}))
    refused(decide(api, one, "refer"), 409)
    assert suitable(api) == [one]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"patient": "00000000-0000-0000-0000-000000000000"}, "patient"),
        ({"ward": "NOWHERE"}, "ward"),
        ({"hospital_admitted_on": "2100-01-01"}, "hospital_admitted_on"),
        ({"hospital_until_on": "2026-02-01"}, "hospital_until_on"),
        ({"seen_by": " "}, "seen_by"),
        ({"bed": 3}, "bed"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(api: Api, changed: dict[str, Any], field: str) -> None:
    body = {"patient": register(api), "ward": "WARD1", **FACTS, **STAY}
    assert faults(api.post("/v1/inpatients", body | changed)) == [field]


def test_a_ward_takes_nobody_of_another_age(api: Api) -> None:
    open_ward(api, "YOUNG", max_age=18)
    body = {"patient": register(api), "ward": "YOUNG", **FACTS}
    assert refused(api.post("/v1/inpatients", body), 409)["current"]["age"] == 76


def test_the_wards_own_people_decide(api: Api) -> None:
    open_ward(api, "OTHER")
    one = proposed(api, "OTHER")
    own = employ(api, Role.COORDINATOR, "WARD1")
    refused(api.get("/v1/wards/OTHER/suitable", token=own), 403)
    refused(api.get("/v1/wards/NOWHERE/suitable"), 404)
    refused(api.get(f"/v1/inpatients/{one['id']}", token=own), 404)
    refused(decide(api, one, "refer", token=own), 404)
    refused(api.post("/v1/inpatients", {"patient": one["patient"], "ward": "OTHER", **FACTS}, token=own), 403)
    for role in set(Role) - WHO:
        for answer in (
            api.post("/v1/inpatients", {}, role),
            api.put(f"/v1/inpatients/{one['id']}", {}, role),
            api.post(f"/v1/inpatients/{one['id']}/refer", {}, role),
            api.post(f"/v1/inpatients/{one['id']}/decline", {}, role),
        ):
            refused(answer, 403)


def test_of_many_decisions_at_once_one_stands(ward: Ward) -> None:
    body = InpatientBody(patient=ward.patient.id, ward=ward.code, hospital="RXX", reason="well", seen_by="Ann")
    one = acts(ward, lambda act: propose(act, body)).id

    def refers(act: Act) -> object:
        return refer_inpatient(act, one, ReferInpatientBody())

    def declines(act: Act) -> object:
        return decline_inpatient(act, one, DeclineInpatientBody(reason="no"))

    assert sum(at_once(ward, [refers, declines] * 8)) == 1
    (state,) = rows(ward.engine, "SELECT state FROM inpatient")[0]
    assert count(ward.engine, "referral") == (1 if state == "referred" else 0)
