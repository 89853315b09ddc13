"""Recovery and discharge to assess: what is recorded of a spell, the care that comes, its hours, and who awaits it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.database import transaction
from tests.monitoring.api import Answer, Api
from tests.monitoring.referring import decide, referred
from tests.monitoring.spells import HOME, ago, at, begin, do, record_of
from tests.monitoring.steps import done, employ, faults, open_ward, refused
from tests.workers.records import change

THERAPY = {"service": "therapy", "hours_per_week": 2.5}
HOME_CARE = {"service": "home_care", "hours_per_week": 10.25, "provider": "Kind Hands"}


@pytest.fixture
def services(api: Api) -> Api:
    """A recovery service and one of discharge to assess, open for a year."""
    since = ago(days=365)
    open_ward(api, "REC", pathway="recovery", **{"from": since})
    open_ward(api, "D2A", pathway="discharge_to_assess", **{"from": since})
    return api


def begun(api: Api, ward: str, **before: float) -> str:
    """A spell that began some time ago."""
    return begin(api, ward, at=ago(**before))


def tell(api: Api, spell: str, what: str, /, **body: Any) -> dict[str, Any]:
    """Something is recorded; the recovery as it now is."""
    return done(do(api, spell, what, body))


def recovery(api: Api, spell: str) -> dict[str, Any]:
    """A spell's."""
    return done(api.get(f"/v1/episodes/{spell}/recovery"))


def asks(api: Api, spell: str, **body: Any) -> str:
    """A service is asked for; its id."""
    return str(tell(api, spell, "services", **body)["services"][-1]["id"])


def awaited(api: Api, ward: str = "REC", **params: Any) -> list[dict[str, Any]]:
    """Who awaits care."""
    items: list[dict[str, Any]] = done(api.get(f"/v1/wards/{ward}/awaiting-care", params=params))["items"]
    return items


def conflict(answer: Answer) -> dict[str, Any]:
    """What is now, of a 409."""
    current: dict[str, Any] = refused(answer, 409)["current"]
    return current


def test_recovery_runs_from_the_referral_to_the_first_care(services: Api) -> None:
    asked = referred(services, ward="REC", step="down", source="ward", at=ago(hours=30))
    decide(services, asked["id"], "accept")
    spell = done(decide(services, asked["id"], "admit"))["episode"]
    known = recovery(services, spell)
    assert at(known["referred_at"]) == at(asked["received_at"])
    assert (known["first_care"]["verdict"], known["first_care"]["limit_h"]) == ("not_met", 24)
    assert at(known["first_care"]["due_at"]) - at(known["referred_at"]) == timedelta(hours=24)
    assert known["assessment"] is None
    assert conflict(do(services, spell, "hospital-referral"))["referred_at"] == asked["received_at"]
    conflict(do(services, spell, "first-care", {"at": ago(hours=31)}))  # before the referral
    assert tell(services, spell, "first-care", at=ago(hours=10))["first_care"]["verdict"] == "met"
    assert conflict(do(services, spell, "first-care", {"at": ago(hours=1)})).keys() == {"first_care_at"}
    corrected = tell(services, spell, "first-care", at=ago(hours=2), reason="that was another patient")
    assert corrected["first_care"]["verdict"] == "not_met"
    newest, first, *_ = record_of(services, spell, kind="care")
    assert (newest["data"]["was"], newest["data"]["reason"]) == (first["at"], "that was another patient")


def test_discharge_to_assess_runs_from_reaching_home_to_the_assessment(services: Api) -> None:
    spell = begun(services, "D2A", hours=100)
    assert recovery(services, spell)["assessment"] == {"limit_h": 72, "due_at": None, "verdict": "not_started"}
    conflict(do(services, spell, "assessed"))  # nobody said when the patient was home
    home = tell(services, spell, "home", at=ago(hours=101))  # before anybody entered the admission
    assert home["assessment"]["verdict"] == "not_met"
    assert home["first_care"] is None
    conflict(do(services, spell, "assessed", {"at": ago(hours=102)}))
    assert tell(services, spell, "assessed", at=ago(hours=30))["assessment"]["verdict"] == "met"
    current = conflict(do(services, spell, "home", {"at": ago(hours=29), "reason": "wrong"}))
    assert current.keys() == {"home_at", "assessed_at"}
    assert faults(do(services, spell, "home", {"at": ago(hours=-1), "reason": "wrong"})) == ["at"]
    assert faults(do(services, spell, "home", {"at": ago(days=60), "reason": "wrong"})) == ["at"]


def test_what_is_recorded_is_of_a_service_only_and_a_coordinators_of_the_ward(services: Api) -> None:
    acute = begin(services)
    assert conflict(do(services, acute, "home"))["pathway"] == "general"
    conflict(services.get(f"/v1/episodes/{acute}/recovery"))
    conflict(services.put("/v1/wards/WARD1/care-hours", {"hours_per_week": 100}))
    spell = begin(services, "REC")
    refused(do(services, spell, "home", {}, Role.SUPPORT), 403)
    stranger = employ(services, Role.COORDINATOR, "WARD1")
    for what in ("home", "services", "recovery-outcome"):
        refused(do(services, spell, what, {"nonsense": 1}, token=stranger), 404)
    refused(services.put("/v1/wards/REC/care-hours", {}, token=stranger), 403)
    assert faults(do(services, spell, "services", {"service": "therapy", "hours_per_week": 1.1})) == ["hours_per_week"]


def test_a_package_is_awaited_until_it_begins_and_the_first_one_is_the_first_care(services: Api) -> None:
    spell = begun(services, "REC", hours=20)
    tell(services, spell, "hospital-referral", at=ago(hours=22))
    therapy, care = asks(services, spell, at=ago(hours=10), **THERAPY), asks(services, spell, **HOME_CARE)
    (waits,) = awaited(services)
    assert (waits["episode"], waits["hours_per_week"], waits["first_care"], waits["place"]) == (spell, 12.75, True, 1)
    assert [one["service"] for one in waits["services"]] == ["therapy", "home_care"]
    assert waits["waited_h"] == pytest.approx(20, abs=0.1)
    assert conflict(do(services, spell, "services", THERAPY))["id"] == therapy
    conflict(do(services, spell, f"services/{therapy}/begin", {"at": ago(hours=11)}))  # before it was asked for
    shown = tell(services, spell, f"services/{therapy}/begin", at=ago(hours=9), provider="Steady Feet")
    assert (shown["first_care"]["verdict"], shown["services"][0]["provider"]) == ("met", "Steady Feet")
    assert at(shown["first_care_at"]) == at(shown["services"][0]["begun_at"])
    (waits,) = awaited(services)
    assert (waits["first_care"], waits["hours_per_week"]) == (False, 10.25)
    assert awaited(services, at=ago(hours=9.5))[0]["services"][0]["service"] == "therapy"
    assert awaited(services, at=ago(hours=21)) == []
    done(do(services, spell, f"services/{care}/end", {"reason": "the family does it"}))
    assert awaited(services) == []
    assert conflict(do(services, spell, f"services/{care}/begin"))["end_reason"] == "the family does it"


def test_who_is_referred_awaits_care_too_the_longest_first_and_a_declined_one_does_not(services: Api) -> None:
    later = referred(services, ward="REC", at=ago(hours=2))
    first = referred(services, ward="REC", at=ago(hours=5))
    gone = referred(services, ward="REC", at=ago(hours=8))
    done(decide(services, gone["id"], "decline", {"reason": "out of area", "at": ago(hours=7)}))
    page = done(services.get("/v1/wards/REC/awaiting-care", params={"limit": 1}))
    assert [(one["referral"], one["episode"]) for one in page["items"]] == [(first["id"], None)]
    (second,) = awaited(services, cursor=page["next"])
    assert (second["referral"], second["place"]) == (later["id"], 2)
    assert [one["referral"] for one in awaited(services, at=ago(hours=7.5))] == [gone["id"]]


def test_hours_of_care_are_capacity_beside_the_beds(services: Api) -> None:
    hours = "/v1/wards/REC/care-hours"
    assert done(services.get("/v1/wards/REC/care-load"))["hours_per_week"] is None
    done(services.put(hours, {"hours_per_week": 40, "from": ago(days=10)}, Role.COORDINATOR))
    planned = {"hours_per_week": 50, "from": "2099-01-01T00:00:00Z"}
    assert done(services.put(hours, planned)) == done(services.put(hours, planned))
    done(services.put(hours, {"hours_per_week": 8.5, "from": ago(hours=1)}, Role.COORDINATOR))
    spell = begun(services, "REC", days=3)
    care = asks(services, spell, at=ago(hours=40), **HOME_CARE)
    asks(services, spell, at=ago(hours=40), **THERAPY)
    tell(services, spell, f"services/{care}/begin", at=ago(hours=30))
    now = done(services.get("/v1/wards/REC/care-load"))
    assert (now["hours_per_week"], now["given_hours"], now["awaited_hours"]) == (8.5, 10.25, 2.5)
    assert now["available_hours"] == -1.75  # over capacity is shown, and refused nobody
    assert {one["service"]: (one["given"], one["awaited"]) for one in now["services"]} == {
        "home_care": (1, 0), "therapy": (0, 1),
    }  # fmt: skip
    before = done(services.get("/v1/wards/REC/care-load", params={"at": ago(hours=35)}))
    assert (before["hours_per_week"], before["given_hours"], before["awaited_hours"]) == (40, 0, 12.75)
    history = done(services.get(hours))["items"]
    assert [one["hours_per_week"] for one in history] == [8.5, 50, 40]
    assert history[0]["decided_by"] == str(services.ward.staff[Role.COORDINATOR].public_id)
    with pytest.raises(ProgrammingError), transaction(services.ward.engine) as session:
        session.execute(text("UPDATE care_capacity SET hours_per_week = 1000"))


def test_therapy_is_given_again_within_six_weeks_without_a_new_referral(services: Api) -> None:
    spell = begun(services, "REC", days=50)
    therapy = asks(services, spell, at=ago(days=49), **THERAPY)
    care = asks(services, spell, at=ago(days=49), **HOME_CARE)
    tell(services, spell, f"services/{therapy}/begin", at=ago(days=48))
    done(do(services, spell, "discharge", HOME | {"at": ago(days=40)}))
    ended = {one["id"]: one for one in recovery(services, spell)["services"]}
    assert {ended[one]["end_reason"] for one in (therapy, care)} == {"discharged"}
    assert "re_access_until" in conflict(do(services, spell, "services", HOME_CARE))
    conflict(do(services, spell, "services", THERAPY | {"at": ago(days=41)}))  # before the discharge
    beds = done(services.get("/v1/wards/REC/occupancy"))
    again = asks(services, spell, **THERAPY)
    assert done(services.get("/v1/wards/REC/occupancy")) | {"at": 0} == beds | {"at": 0}
    assert [(one["episode"], one["first_care"]) for one in awaited(services)] == [(spell, False)]
    known = tell(services, spell, f"services/{again}/begin")
    assert known["services"][-1]["re_access"] is True
    assert at(known["first_care_at"]) < utc_now() - timedelta(days=40)  # still the first one
    done(do(services, spell, f"services/{again}/end", {"reason": "walks"}))
    earlier = "UPDATE {0} SET {1} = {1} - interval '3 days' WHERE {1} IS NOT NULL"
    for table, column in (("ward_stay", "from_at"), ("ward_stay", "until_at")):
        change(services.ward.engine, earlier.format(table, column))
    assert "six weeks" in refused(do(services, spell, "services", THERAPY), 409)["detail"]
    never = begin(services, "REC")
    done(do(services, never, "discharge", HOME))
    assert "new referral" in refused(do(services, never, "services", THERAPY), 409)["detail"]


def test_death_ends_all_care_and_says_the_outcome(services: Api) -> None:
    spell = begun(services, "REC", days=3)
    care = asks(services, spell, **HOME_CARE)
    conflict(do(services, spell, "recovery-outcome", {"outcome": "independent"}))  # still there
    done(do(services, spell, "discharge", HOME | {"outcome": "died"}))
    known = recovery(services, spell)
    assert (known["outcome"], known["services"][0]["id"], known["services"][0]["end_reason"]) == ("died", care, "died")
    assert awaited(services) == []
    assert conflict(do(services, spell, "recovery-outcome", {"outcome": "independent"}))["possible"] == ["died"]
    refused(do(services, spell, "services", THERAPY), 409)


def test_the_outcome_is_recorded_once_the_patient_has_left_and_corrected_with_a_reason(services: Api) -> None:
    spell = begin(services, "REC")
    done(do(services, spell, "discharge", HOME))
    assert recovery(services, spell)["outcome"] is None
    assert tell(services, spell, "recovery-outcome", outcome="reablement")["outcome"] == "reablement"
    assert conflict(do(services, spell, "recovery-outcome", {"outcome": "independent"})) == {"outcome": "reablement"}
    corrected = tell(services, spell, "recovery-outcome", outcome="independent", reason="a slip")
    assert corrected["outcome"] == "independent"


def test_care_goes_along_to_another_service_and_ends_on_an_acute_ward(services: Api) -> None:
    spell = begun(services, "REC", hours=4)
    care = asks(services, spell, **HOME_CARE)
    done(do(services, spell, "transfer", {"ward": "D2A"}))
    assert [one["episode"] for one in awaited(services, "D2A")] == [spell]
    assert awaited(services) == []  # who left it awaits no first care of it
    other = referred(services, ward="REC", at=ago(hours=2))
    decide(services, other["id"], "accept")
    moved = done(decide(services, other["id"], "admit"))["episode"]
    open_ward(services, "REC2", pathway="recovery")
    done(do(services, moved, "transfer", {"ward": "REC2"}))
    there = employ(services, Role.COORDINATOR, "REC2")
    (waits,) = done(services.get("/v1/wards/REC2/awaiting-care", token=there))["items"]
    assert (waits["episode"], waits["referral"], waits["first_care"], awaited(services)) == (
        moved,
        other["id"],
        True,
        [],
    )
    done(do(services, spell, f"services/{care}/begin"))
    done(do(services, spell, "transfer", {"ward": "WARD1"}))
    (line,) = recovery(services, spell)["services"]
    assert line["end_reason"] == "transferred"
    conflict(do(services, spell, "home"))  # after the patient left the service


def test_nobody_who_comes_to_be_assessed_owes_readings(services: Api) -> None:
    shown = done(services.get(f"/v1/episodes/{begin(services, 'D2A')}"))
    assert (shown["due_at"], shown["plan"]["readings_per_day"], shown["length_of_stay"]["max_days"]) == (None, 0, 42)
    assert done(services.get("/v1/wards/D2A"))["in_sitrep"] is False


def test_two_who_ask_for_the_same_service_at_once_make_one(services: Api) -> None:
    spell = begin(services, "REC")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: do(services, spell, "services", THERAPY), range(8)))
    assert sorted(one.status_code for one in answers) == [200, *[409] * 7]
    assert len(recovery(services, spell)["services"]) == 1
