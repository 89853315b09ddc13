"""Beds funded and staffed: decided from an instant on, every decision kept, surge explained; the population served."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import admit, done, employ, faults, refused, register

CAPACITY = "/v1/wards/WARD1/capacity"
OCCUPANCY = "/v1/wards/WARD1/occupancy"
POPULATION = "/v1/icbs/QXX/population"


def test_beds_hold_from_the_instant_for_which_they_are_decided(api: Api) -> None:
    later = utc_now() + timedelta(days=1)
    decided = done(api.put(CAPACITY, {"funded": 40, "staffed": 35, "from": later.isoformat()}, Role.COORDINATOR))
    assert (decided["ward"], decided["funded"], decided["staffed"], decided["surge"]) == ("WARD1", 40, 35, False)
    assert datetime.fromisoformat(decided["from"]) == later
    assert done(api.get(OCCUPANCY))["staffed"] == 20
    assert done(api.get(OCCUPANCY, params={"at": later.isoformat()}))["staffed"] == 35
    just_before = (later - timedelta(microseconds=1)).isoformat()
    assert done(api.get(OCCUPANCY, params={"at": just_before}))["staffed"] == 20


def test_beds_decided_now_are_those_of_the_ward_and_the_past_keeps_its_own(api: Api) -> None:
    before = utc_now().isoformat()
    done(api.put(CAPACITY, {"funded": 40, "staffed": 33}))
    assert done(api.get("/v1/wards/WARD1"))["staffed"] == 33
    assert done(api.get(OCCUPANCY, params={"at": before}))["staffed"] == 20


def test_fewer_beds_than_patients_shows_as_over_capacity_and_moves_nobody(api: Api) -> None:
    for _ in range(2):
        admit(api, register(api))
    done(api.put(CAPACITY, {"funded": 40, "staffed": 1}))
    shown = done(api.get(OCCUPANCY))
    assert (shown["occupied"], shown["staffed"], shown["available"], shown["over_capacity"]) == (3, 1, -2, 2)
    assert shown["occupancy"] == 3.0
    refused(api.post("/v1/episodes", {"patient": register(api), "ward": "WARD1", "step": "up"}), 409)


def test_where_nothing_is_staffed_there_is_no_occupancy(api: Api) -> None:
    done(api.put(CAPACITY, {"funded": 40, "staffed": 0}))
    assert done(api.get(OCCUPANCY))["occupancy"] is None


def test_surge_needs_a_reason_and_is_recorded_with_who_and_when(api: Api) -> None:
    began = utc_now()
    assert faults(api.put(CAPACITY, {"funded": 20, "staffed": 24})) == ["reason"]
    assert faults(api.put(CAPACITY, {"funded": 20, "staffed": 24, "reason": " "})) == ["reason"]
    assert done(api.get(OCCUPANCY))["staffed"] == 20
    surge = done(api.put(CAPACITY, {"funded": 20, "staffed": 24, "reason": "winter pressure"}, Role.COORDINATOR))
    who = api.ward.staff[Role.COORDINATOR]
    assert (surge["surge"], surge["reason"], surge["decided_by"]) == (True, "winter pressure", str(who.public_id))
    assert surge["decided_by_name"] == who.name
    assert began <= datetime.fromisoformat(surge["recorded_at"]) <= utc_now()
    assert done(api.get(CAPACITY))["items"][0] == surge


def test_the_same_decision_again_changes_nothing(api: Api) -> None:
    body = {"funded": 40, "staffed": 35, "from": "2099-01-01T00:00:00Z"}
    once, again = (done(api.put(CAPACITY, body)) for _ in range(2))
    assert once == again
    assert len(done(api.get(CAPACITY))["items"]) == 2


def test_another_decision_for_the_same_instant_stands_in_its_place_and_the_first_stays_to_be_seen(api: Api) -> None:
    planned = "2099-01-01T00:00:00Z"
    done(api.put(CAPACITY, {"funded": 400, "staffed": 400, "from": planned}))
    done(api.put(CAPACITY, {"funded": 40, "staffed": 40, "from": planned}))
    assert done(api.get(OCCUPANCY, params={"at": planned}))["staffed"] == 40
    history = done(api.get(CAPACITY))["items"]
    assert [(one["staffed"], one["superseded"]) for one in history] == [(40, False), (400, True), (20, False)]


def test_the_history_comes_page_by_page_latest_decision_first(api: Api) -> None:
    for staffed in (21, 22, 23):
        done(api.put(CAPACITY, {"funded": 40, "staffed": staffed}))
    first = done(api.get(CAPACITY, params={"limit": 3}))
    rest = done(api.get(CAPACITY, params={"limit": 3, "cursor": first["next"]}))
    assert [one["staffed"] for one in first["items"] + rest["items"]] == [23, 22, 21, 20]
    assert rest["next"] is None


def test_decisions_at_once_are_all_kept_and_the_latest_instant_holds(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        bodies = [{"funded": 40, "staffed": staffed} for staffed in range(8)]
        decided = [done(answer) for answer in pool.map(lambda body: api.put(CAPACITY, body), bodies)]
    latest = max(decided, key=lambda one: datetime.fromisoformat(one["from"]))
    assert done(api.get(OCCUPANCY))["staffed"] == latest["staffed"]
    assert len(done(api.get(CAPACITY))["items"]) == 9


def test_what_was_decided_is_not_in_the_applications_power_to_change(engine: Engine, api: Api) -> None:
    for statement in ("UPDATE ward_capacity SET staffed = 0", "DELETE FROM ward_capacity"):
        with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(statement))


def test_what_cannot_be_a_capacity_is_refused_by_name(api: Api) -> None:
    for wrong, field in (
        ({"funded": -1}, "funded"),
        ({"staffed": "3"}, "staffed"),
        ({"from": "2026-01-01"}, "from"),
        ({"from": "1999-01-01T00:00:00Z"}, "from"),
        ({"beds": 2}, "beds"),
    ):
        assert faults(api.put(CAPACITY, {"funded": 2, "staffed": 1} | wrong)) == [field], wrong


def test_a_change_of_beds_is_told_live(api: Api, engine: Engine) -> None:
    def told() -> list[dict[str, int]]:
        with engine.connect() as connection:
            return list(connection.scalars(text("SELECT data->'occupancy' FROM event WHERE kind = 'occupancy'")))

    before = len(told())
    done(api.put(CAPACITY, {"funded": 40, "staffed": 25}))
    assert [(one["staffed"], one["available"]) for one in told()[before:]] == [(25, 24)]
    done(api.put(CAPACITY, {"funded": 40, "staffed": 30, "from": "2099-01-01T00:00:00Z"}))
    assert len(told()) == before + 1


def test_only_coordinators_of_the_ward_decide_its_beds_and_its_people_see_them(api: Api) -> None:
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.UCR, Role.ENGINEER, Role.AUDITOR):
        refused(api.put(CAPACITY, {"no": "sense"}, role), 403)
        done(api.get(OCCUPANCY, role))
    elsewhere = employ(api, Role.COORDINATOR, "OTHER")
    for path in (CAPACITY, OCCUPANCY):
        refused(api.get(path, token=elsewhere), 403)
    refused(api.put(CAPACITY, {"funded": 1, "staffed": 1}, token=elsewhere), 403)
    refused(api.put("/v1/wards/NOWHERE/capacity", {"funded": 1, "staffed": 1}), 404)
    refused(api.get("/v1/wards/NOWHERE/occupancy"), 404)


def test_occupancy_of_the_past_is_that_of_the_past(api: Api) -> None:
    admitted = utc_now()
    admit(api, register(api), at=(admitted - timedelta(hours=2)).isoformat())
    for hours_ago, occupied in ((3, 1), (1, 2)):
        at = (admitted - timedelta(hours=hours_ago)).isoformat()
        shown = done(api.get(OCCUPANCY, params={"at": at}))
        assert shown["occupied"] == occupied
        assert shown["staffing"] is None  # who was on shift then is not kept
    assert faults(api.get(OCCUPANCY, params={"at": "yesterday"})) == ["at"]
    assert faults(api.get(OCCUPANCY, params={"at": "1066-10-14T00:00:00Z"})) == ["at"]


def test_more_than_fifteen_patients_to_one_member_of_staff_are_warned_of(api: Api) -> None:
    ward = done(api.get("/v1/wards/WARD1"))
    facts = {name: ward[name] for name in ("name", "pathway", "provider", "icb")}
    done(api.put("/v1/wards/WARD1", facts | {"staff_on_shift": {"day": 1, "night": 0}}))
    for _ in range(14):
        admit(api, register(api))
    assert done(api.get(OCCUPANCY))["staffing"] == [
        {"shift": "day", "staff": 1, "patients_per_staff": 15.0, "warning": False},
        {"shift": "night", "staff": 0, "patients_per_staff": None, "warning": True},
    ]
    admit(api, register(api))
    assert [shift["warning"] for shift in done(api.get(OCCUPANCY))["staffing"]] == [True, True]


def test_a_population_holds_from_a_day_on_with_its_age_basis(api: Api) -> None:
    first = done(api.put(POPULATION, {"population": 900_000, "basis": "16+", "from": "2025-04-01"}, Role.COORDINATOR))
    assert (first["icb"], first["population"], first["basis"], first["from"]) == ("QXX", 900_000, "16+", "2025-04-01")
    done(api.put(POPULATION, {"population": 1_100_000, "basis": "all", "from": "2026-04-01"}))
    corrected = done(api.put(POPULATION, {"population": 1_120_000, "basis": "all", "from": "2026-04-01"}))
    page = done(api.get(POPULATION, Role.AUDITOR, params={"limit": 1}))
    rest = done(api.get(POPULATION, params={"limit": 1, "cursor": page["next"]}))
    assert page["items"] + rest["items"] == [corrected, first]
    assert rest["next"] is None


def test_what_cannot_be_a_population_is_refused_by_name(api: Api) -> None:
    whole = {"population": 900_000, "basis": "16+", "from": "2025-04-01"}
    for wrong, field in (
        ({"population": 0}, "population"),
        ({"basis": "18+"}, "basis"),
        ({"from": "April"}, "from"),
        ({"from": "0001-01-01"}, "from"),
    ):
        assert faults(api.put(POPULATION, whole | wrong)) == [field], wrong
    refused(api.put(POPULATION, whole, Role.CLINICIAN), 403)
    done(api.put(POPULATION, whole, token=employ(api, Role.COORDINATOR, "WARD1")))
    refused(api.put("/v1/icbs/QYY/population", whole, token=employ(api, Role.COORDINATOR, "WARD1")), 403)
