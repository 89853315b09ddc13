"""Referrals over HTTP: what comes back, who decides what, what is refused and why, and what stands after a 409."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.flow.states import HOLD, HOLD_MAX
from tests.monitoring.api import Api
from tests.monitoring.referring import WHY, decide, referred, set_beds
from tests.monitoring.steps import PLAN, add_device, admit, done, employ, faults, made, open_ward, refused, register
from tests.workers.records import change, rows

WHOLE: dict[str, Any] = {
    "ward": "WARD1", "source": "999", "step": "down", "priority": "very_urgent", "referrer": "Crew 12",
    "condition": "pneumonia", "hospital": "RXXHQ", "hospital_admitted_on": "2026-03-01",
    "hospital_until_on": "2030-03-20", "would_be_admitted": True, "frailty": 6, "consent": True,
    "baselines": {"spo2": 90.0}, "escalation": {"hospital": "discuss", "cpr": "no"}, "kit": ["hub", "oximeter"],
    "note": "lives alone",
}  # fmt: skip


def ago(**time: float) -> str:
    """An instant before now."""
    return (utc_now() - timedelta(**time)).isoformat()


def occupancy(api: Api, code: str) -> tuple[int, int, int]:
    """Occupied, reserved and staffed beds, as the last event told them."""
    newest = "SELECT data FROM event WHERE kind = 'occupancy' AND ward = :code ORDER BY id DESC LIMIT 1"
    told = rows(api.ward.engine, newest, code=code)[0].data["occupancy"]
    return told["occupied"], told["reserved"], told["staffed"]


def test_everything_that_is_said_comes_back(api: Api) -> None:
    patient, at = register(api), ago(hours=1)
    answer = api.post("/v1/referrals", WHOLE | {"patient": patient, "at": at}, Role.CLINICIAN)
    found = made(answer)
    assert found.items() >= (WHOLE | {"patient": patient, "state": "received", "version": 1, "episode": None}).items()
    assert datetime.fromisoformat(found["received_at"]) == datetime.fromisoformat(at)
    (entry,) = found["history"]
    assert (entry["what"], entry["from_state"], entry["by_name"]) == ("received", None, "The clinician")
    assert answer.headers["location"] == f"/v1/referrals/{found['id']}"
    assert done(api.get(answer.headers["location"], Role.SUPPORT)) == found


def test_little_needs_to_be_said_and_no_nhs_number(api: Api) -> None:
    found = referred(api)
    assert (found["priority"], found["consent"], found["kit"], found["decided_by"]) == ("routine", None, [], None)


def test_what_cannot_be_a_referral_is_refused_by_name(api: Api) -> None:
    body = {"patient": register(api), "ward": "WARD1", "source": "gp", "step": "up"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"patient": str(uuid4())}, "patient"),
        ({"ward": "NOWHERE"}, "ward"),
        ({"source": "friend"}, "source"),
        ({"step": "sideways"}, "step"),
        ({"priority": "soon"}, "priority"),
        ({"frailty": 0}, "frailty"),
        ({"frailty": 10}, "frailty"),
        ({"consent": "yes"}, "consent"),
        ({"escalation": {"hospital": "perhaps"}}, "escalation.hospital"),
        ({"kit": [""]}, "kit[0]"),
        ({"note": "\0"}, "note"),
        ({"at": (utc_now() + timedelta(minutes=1)).isoformat()}, "at"),
        ({"at": "1949-12-31T00:00:00Z"}, "at"),
        ({"hospital_admitted_on": "2050-01-01"}, "hospital_admitted_on"),
        ({"hospital_admitted_on": "2026-01-02", "hospital_until_on": "2026-01-01"}, "hospital_until_on"),
        ({"bed": 1}, "bed"),
    ]
    for changed, field in wrong:
        assert faults(api.post("/v1/referrals", body | changed)) == [field], changed


def test_somebody_is_referred_to_a_ward_once_at_a_time(api: Api) -> None:
    open_ward(api, "OTHER")
    patient = register(api)
    first = referred(api, patient)
    again = {"patient": patient, "ward": "WARD1", "source": "gp", "step": "up"}
    problem = refused(api.post("/v1/referrals", again), 409)
    assert (problem["current"]["id"], problem["current"]["state"]) == (first["id"], "received")
    referred(api, patient, "OTHER")
    done(decide(api, first["id"], "withdraw", WHY))
    referred(api, patient)


def test_from_referral_to_admission(api: Api) -> None:
    open_ward(api, "SMALL", staffed=1)
    device = add_device(api)["id"]
    found = referred(api, ward="SMALL", step="down", escalation={"hospital": "no"})
    triaged = done(decide(api, found["id"], "triage", {"priority": "urgent", "decided_by": "Dr Grey", "at": api.now()}))
    assert (triaged["state"], triaged["priority"], triaged["decided_by"]) == ("triaged", "urgent", "Dr Grey")
    accepted = done(decide(api, found["id"], "accept", {"hospital_until_on": "2030-01-01"}))
    assert (accepted["state"], accepted["decided_by"]) == ("accepted", "The coordinator")
    assert HOLD - timedelta(seconds=10) < datetime.fromisoformat(accepted["held_until"]) - utc_now() <= HOLD
    assert occupancy(api, "SMALL") == (0, 1, 1)
    admitted = done(decide(api, found["id"], "admit", {"devices": [device]}))
    assert (admitted["state"], admitted["held_until"]) == ("admitted", None)
    assert occupancy(api, "SMALL") == (1, 0, 1)
    assert [entry["what"] for entry in admitted["history"]] == ["received", "triaged", "accepted", "admitted"]
    stay = done(api.get(f"/v1/episodes/{admitted['episode']}"))
    assert (stay["step"], stay["devices"], stay["referral"]) == ("down", [device], found["id"])
    assert stay["plan"]["escalation"] == {"hospital": "no"}


def test_a_hold_is_as_long_as_said_within_reason(api: Api) -> None:
    found = referred(api)["id"]
    for hours in (-1, HOLD_MAX.total_seconds() / 3600 + 0.1):
        body = {"held_until": (utc_now() + timedelta(hours=hours)).isoformat()}
        assert faults(decide(api, found, "accept", body)) == ["held_until"]
    until = utc_now() + timedelta(hours=9)
    accepted = done(decide(api, found, "accept", {"held_until": until.isoformat()}))
    assert datetime.fromisoformat(accepted["held_until"]) == until


def test_without_a_free_bed_accepting_is_refused_and_the_referral_waits_all_the_same(api: Api) -> None:
    open_ward(api, "FULL", staffed=0)
    found = referred(api, ward="FULL")["id"]
    problem = refused(decide(api, found, "accept", {"decided_by": "Dr Grey"}), 409)
    assert problem["current"] == {
        "referral": found, "state": "waiting", "ward": "FULL", "occupied": 0, "reserved": 0, "on_leave": 0,
        "staffed": 0, "funded": 40, "available": 0, "occupancy": None, "place": 1,
    }  # fmt: skip
    waits = done(api.get(f"/v1/referrals/{found}"))
    assert (waits["state"], waits["held_until"], waits["decided_by"]) == ("waiting", None, "Dr Grey")
    refused(decide(api, found, "accept"), 409)
    assert done(api.get(f"/v1/referrals/{found}"))["version"] == waits["version"]


def test_the_409_that_stands_is_repeated_under_its_key(api: Api) -> None:
    open_ward(api, "FULL", staffed=0)
    path, key = f"/v1/referrals/{referred(api, ward='FULL')['id']}/accept", {"Idempotency-Key": "once"}
    first = api.post(path, headers=key)
    set_beds(api.ward.engine, "FULL", 1, utc_now())
    again = api.post(path, headers=key)
    assert refused(first, 409) == refused(again, 409)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert done(api.post(path))["state"] == "accepted"


def test_an_acceptance_sent_twice_under_one_key_holds_one_bed(api: Api) -> None:
    path, key = f"/v1/referrals/{referred(api)['id']}/accept", {"Idempotency-Key": "once"}
    assert done(api.post(path, headers=key)) == done(api.post(path, headers=key))
    assert occupancy(api, "WARD1") == (1, 1, 20)


@pytest.mark.parametrize("way", ["decline", "redirect", "withdraw", "not-onboarded"])
def test_every_way_out_needs_a_reason_and_gives_the_bed_back_at_once(api: Api, way: str) -> None:
    open_ward(api, "SMALL", staffed=1)
    found = referred(api, ward="SMALL")["id"]
    done(decide(api, found, "accept"))
    assert faults(decide(api, found, way, {})) == ["reason"]
    ended = done(decide(api, found, way, WHY))
    assert (ended["reason"], ended["held_until"], ended["history"][-1]["reason"]) == (
        WHY["reason"],
        None,
        WHY["reason"],
    )
    assert occupancy(api, "SMALL") == (0, 0, 1)
    done(decide(api, referred(api, ward="SMALL")["id"], "accept"))


def test_a_redirection_says_where_to(api: Api) -> None:
    ended = done(decide(api, referred(api)["id"], "redirect", WHY | {"to": "SDEC"}))
    assert (ended["state"], ended["redirected_to"]) == ("redirected", "SDEC")


def test_a_decision_told_late_counts_from_when_it_was_taken_but_not_before_the_last_one(api: Api) -> None:
    found = referred(api, at=ago(hours=3))["id"]
    at = ago(hours=2)
    triaged = done(decide(api, found, "triage", {"at": at}))
    assert datetime.fromisoformat(triaged["history"][-1]["at"]) == datetime.fromisoformat(at)
    problem = refused(decide(api, found, "decline", WHY | {"at": ago(hours=2.5)}), 409)
    assert datetime.fromisoformat(problem["current"]["last_decision"]) == datetime.fromisoformat(at)
    assert faults(decide(api, found, "decline", WHY | {"at": (utc_now() + timedelta(minutes=1)).isoformat()})) == ["at"]


def test_a_stale_version_and_a_decision_out_of_turn_are_refused_with_what_is(api: Api) -> None:
    found = referred(api)["id"]
    done(decide(api, found, "triage"))
    problem = refused(decide(api, found, "accept", {"version": 1}), 409)
    assert (problem["current"]["state"], problem["current"]["version"]) == ("triaged", 2)
    problem = refused(decide(api, found, "admit"), 409)
    assert (problem["detail"], problem["current"]["state"]) == (
        "A referral that is triaged cannot be admitted.",
        "triaged",
    )


def test_who_died_is_not_referred_accepted_nor_admitted(api: Api) -> None:
    patient = register(api)
    found, accepted = referred(api, patient)["id"], referred(api, register(api))
    done(decide(api, accepted["id"], "accept"))
    change(api.ward.engine, "UPDATE patient SET died_at = :now", now=utc_now())
    again = {"patient": patient, "ward": "WARD1", "source": "gp", "step": "up"}
    refusals = [
        api.post("/v1/referrals", again),
        decide(api, found, "accept"),
        decide(api, accepted["id"], "admit"),
        api.post("/v1/episodes", {"patient": patient, "ward": "WARD1", "step": "up"}),
    ]
    for answer in refusals:
        assert refused(answer, 409)["current"]["state"] == "died"


def test_a_ward_takes_patients_of_its_ages_only(api: Api) -> None:
    change(api.ward.engine, "UPDATE ward SET min_age = 18, max_age = 64")
    today = utc_now().date()
    born = {years: today.replace(year=today.year - years, day=1).isoformat() for years in (18, 64)}
    children, old = referred(api, register(api, birth_date=ago(days=17 * 365)[:10])), referred(api)
    for found in (children, old):
        problem = refused(decide(api, found["id"], "accept"), 409)
        assert (problem["current"]["min_age"], problem["current"]["max_age"]) == (18, 64)
    for birth_date in born.values():
        done(decide(api, referred(api, register(api, birth_date=birth_date))["id"], "accept"))
    refused(api.post("/v1/episodes", {"patient": old["patient"], "ward": "WARD1", "step": "up"}), 409)


def test_nobody_comes_to_a_closed_ward_and_who_was_referred_can_be_sent_elsewhere(api: Api) -> None:
    found, held = referred(api)["id"], referred(api)["id"]
    done(decide(api, held, "accept"))
    change(api.ward.engine, "UPDATE ward SET closed_at = :now", now=utc_now())
    body = {"patient": register(api), "ward": "WARD1", "source": "gp", "step": "up"}
    for answer in (api.post("/v1/referrals", body), decide(api, found, "accept"), decide(api, held, "admit")):
        assert "closed_at" in refused(answer, 409)["current"]
    done(decide(api, found, "redirect", WHY))


def test_nobody_is_admitted_without_their_consent(api: Api) -> None:
    found = referred(api, consent=False)["id"]
    done(decide(api, found, "accept"))
    assert refused(decide(api, found, "admit"), 409)["current"]["consent"] is False
    assert done(decide(api, found, "admit", {"consent": True}))["consent"] is True


def test_a_bed_that_was_held_is_the_patients_though_beds_were_closed_meanwhile(api: Api) -> None:
    open_ward(api, "SMALL", staffed=1)
    found = referred(api, ward="SMALL")["id"]
    done(decide(api, found, "accept"))
    set_beds(api.ward.engine, "SMALL", 0, utc_now())
    done(decide(api, found, "admit"))
    assert occupancy(api, "SMALL") == (1, 0, 0)


def test_an_admission_that_is_refused_leaves_the_bed_held(api: Api) -> None:
    found = referred(api)["id"]
    done(decide(api, found, "accept"))
    assert faults(decide(api, found, "admit", {"devices": [str(uuid4())]})) == ["devices"]
    assert done(api.get(f"/v1/referrals/{found}"))["state"] == "accepted"


def test_a_spell_that_follows_another_within_30_days_is_linked_with_it(api: Api) -> None:
    def leave(stay: dict[str, Any], days_ago: float) -> None:
        """Discharged so long ago."""
        values = {"at": utc_now() - timedelta(days=days_ago), "id": stay["id"]}
        engine = api.ward.engine
        change(engine, "UPDATE episode SET discharged_at = :at WHERE public_id = :id", **values)
        ended = "UPDATE ward_stay SET until_at = :at FROM episode WHERE episode.id = episode_id AND public_id = :id"
        change(engine, ended, **values)

    patient = register(api)
    first = admit(api, patient, at=ago(days=80))
    leave(first, days_ago=45.1)
    assert first["readmission_of"] is None
    second = admit(api, patient, at=ago(days=15))  # 30.1 days later
    assert second["readmission_of"] is None
    leave(second, days_ago=10)
    found = referred(api, patient)["id"]
    done(decide(api, found, "accept"))
    third = done(decide(api, found, "admit"))["episode"]
    assert done(api.get(f"/v1/episodes/{third}"))["readmission_of"] == second["id"]


def test_who_may_is_judged_first(api: Api) -> None:
    open_ward(api, "OTHER")
    found, elsewhere = referred(api)["id"], referred(api, ward="OTHER")["id"]
    verbs = ["triage", "accept", "decline", "redirect", "withdraw", "not-onboarded", "admit"]
    for role in (Role.SUPPORT, Role.UCR, Role.ENGINEER, Role.AUDITOR):
        refused(api.post("/v1/referrals", {"no": "sense"}, role), 403)
        for verb in verbs:
            refused(decide(api, found, verb, {"no": "sense"}, role), 403)
    for role in (Role.UCR, Role.ENGINEER):
        for path in ("/v1/referrals", f"/v1/referrals/{found}", "/v1/wards/WARD1/waiting"):
            refused(api.get(path, role), 403)
    token = employ(api, Role.COORDINATOR, "WARD1")
    for verb in verbs:
        refused(
            api.post(
                f"/v1/referrals/{elsewhere}/{verb}", WHY if verb[:2] in {"de", "re", "wi", "no"} else None, token=token
            ),
            404,
        )
        refused(decide(api, str(uuid4()), verb, WHY if verb[:2] in {"de", "re", "wi", "no"} else None), 404)
    refused(api.get(f"/v1/referrals/{elsewhere}", token=token), 404)
    body = {"patient": register(api), "ward": "OTHER", "source": "gp", "step": "up"}
    refused(api.post("/v1/referrals", body, token=token), 403)


def test_what_only_a_clinician_may_say_is_refused_from_a_coordinator(api: Api) -> None:
    found = referred(api)["id"]
    body = {"patient": register(api), "ward": "WARD1", "source": "gp", "step": "up", "would_be_admitted": True}
    refused(api.post("/v1/referrals", body, Role.COORDINATOR), 403)
    for verb in ("triage", "accept"):
        refused(decide(api, found, verb, {"would_be_admitted": True}), 403)
    done(decide(api, found, "accept", {"would_be_admitted": True}, Role.CLINICIAN))
    refused(decide(api, found, "admit", {"plan": PLAN | {"spo2_scale": 2}}), 403)
    admitted = done(decide(api, found, "admit", {"plan": PLAN | {"spo2_scale": 2}}, Role.CLINICIAN))
    assert done(api.get(f"/v1/episodes/{admitted['episode']}"))["plan"]["spo2_scale"] == 2


def test_referrals_are_listed_newest_first_by_ward_state_and_patient(api: Api) -> None:
    open_ward(api, "OTHER")
    first, second, third = referred(api), referred(api), referred(api, ward="OTHER")
    done(decide(api, second["id"], "accept"))

    def listed(**params: Any) -> list[str]:
        """The ids, page by page."""
        page = done(api.get("/v1/referrals", params=params | {"limit": 2}))
        items = page["items"]
        while page["next"]:
            page = done(api.get("/v1/referrals", params=params | {"limit": 2, "cursor": page["next"]}))
            items += page["items"]
        return [item["id"] for item in items]

    assert listed() == [third["id"], second["id"], first["id"]]
    assert listed(ward="WARD1") == [second["id"], first["id"]]
    assert listed(state="accepted") == [second["id"]]
    assert listed(patient=first["patient"]) == [first["id"]]
    assert listed(ward="WARD1", state="received") == [first["id"]]
    assert faults(api.get("/v1/referrals", params={"state": "lost"})) == ["state"]
    token = employ(api, Role.SUPPORT, "OTHER")
    assert [one["id"] for one in done(api.get("/v1/referrals", token=token))["items"]] == [third["id"]]
    refused(api.get("/v1/referrals", params={"ward": "WARD1"}, token=token), 403)


def test_the_ward_sees_a_patient_who_is_referred_to_it_as_long_as_it_decides(api: Api) -> None:
    open_ward(api, "OTHER")
    patient = register(api)
    admit(api, patient, "OTHER")
    token = employ(api, Role.CLINICIAN, "WARD1")
    refused(api.get(f"/v1/patients/{patient}", token=token), 404)
    found = referred(api, patient)["id"]
    done(api.get(f"/v1/patients/{patient}", token=token))
    done(decide(api, found, "decline", WHY))
    refused(api.get(f"/v1/patients/{patient}", token=token), 404)
