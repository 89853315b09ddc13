"""Wards over HTTP: opened with a pathway, hours and beds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import WARD, admit, done, employ, faults, made, open_ward, refused, register

WHOLE: dict[str, Any] = WARD | {
    "code": "RESP1",
    "pathway": "acute_respiratory",
    "from": "2026-04-01T00:00:00Z",
    "max_stay_days": 10,
    "in_sitrep": False,
    "lead_clinician": "Dr A. Consultant",
    "min_age": 16,
    "max_age": 120,
    "staff_on_shift": {"day": 4, "night": 1},
    "phone": "01603 286286",
    "prompts_by_sms": True,
    "staffed_hours": {"mon": ["08:00", "20:00"], "sat": ["20:00", "24:00"], "sun": ["20:00", "06:00"]},
}

SHOWN: dict[str, Any] = WHOLE | {"id": "RESP1", "closed_at": None}
FACTS: dict[str, Any] = {
    name: value for name, value in WHOLE.items() if name not in {"code", "funded", "staffed", "from"}
}


def test_everything_that_is_sent_comes_back(api: Api) -> None:
    answer = api.post("/v1/wards", WHOLE, Role.COORDINATOR)
    ward = made(answer)
    assert ward == SHOWN
    assert answer.headers["location"] == "/v1/wards/RESP1"
    assert done(api.get("/v1/wards/RESP1", Role.UCR)) == ward


def test_a_ward_without_hours_is_always_staffed_and_has_its_beds_from_now_on(api: Api) -> None:
    began = utc_now()
    ward = made(api.post("/v1/wards", WARD | {"code": "W-2_b"}))
    assert (ward["staffed_hours"], ward["max_stay_days"], ward["in_sitrep"]) == (None, 14, True)
    assert began <= datetime.fromisoformat(ward["from"]) <= utc_now()


def test_what_cannot_be_a_ward_is_refused_by_name(api: Api) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"code": "RESP 1"}, "code"),
        ({"code": "RESP1\n"}, "code"),
        ({"code": ""}, "code"),
        ({"name": "\0"}, "name"),
        ({"pathway": "surgery"}, "pathway"),
        ({"pathway": "a\0"}, "pathway"),
        ({"provider": "R"}, "provider"),
        ({"funded": -1}, "funded"),
        ({"staffed": 1.5}, "staffed"),
        ({"staffed": None}, "staffed"),
        ({"from": "2026-04-01"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"max_stay_days": 0}, "max_stay_days"),
        ({"min_age": 66, "max_age": 65}, "max_age"),
        ({"min_age": 131}, "min_age"),
        ({"lead_clinician": ""}, "lead_clinician"),
        ({"staff_on_shift": {"day": -1}}, "staff_on_shift.day"),
        ({"staffed": 41}, "reason"),
        ({"staffed_hours": {"mon": ["08:00"]}}, "staffed_hours.mon"),
        ({"staffed_hours": {"mon": ["24:00", "08:00"]}}, "staffed_hours.mon[0]"),
        ({"staffed_hours": {"mon": ["08:00", "20:00\n"]}}, "staffed_hours.mon[1]"),
        ({"staffed_hours": {"tue": ["08:00", "20:00"], "monday": []}}, "staffed_hours.monday"),
        ({"beds": 3}, "beds"),
    ]
    for changed, field in wrong:
        assert faults(api.post("/v1/wards", WHOLE | changed)) == [field], changed


def test_a_recovery_service_may_last_six_weeks_and_is_not_in_the_sitrep_unless_said_otherwise(api: Api) -> None:
    by_pathway = made(api.post("/v1/wards", WARD | {"code": "HOME", "pathway": "recovery"}))
    assert (by_pathway["max_stay_days"], by_pathway["in_sitrep"]) == (42, False)
    told = made(
        api.post("/v1/wards", WARD | {"code": "H2", "pathway": "recovery", "in_sitrep": True, "max_stay_days": 7})
    )
    assert (told["max_stay_days"], told["in_sitrep"]) == (7, True)


def test_a_ward_is_corrected_whole_and_keeps_its_beds(api: Api) -> None:
    made(api.post("/v1/wards", WHOLE))
    corrected = FACTS | {"name": "Heart", "pathway": "heart_failure", "icb": "QYY"}
    corrected.pop("lead_clinician")
    ward = done(api.put("/v1/wards/RESP1", corrected, Role.COORDINATOR))
    assert ward == SHOWN | corrected | {"lead_clinician": None}
    assert done(api.get("/v1/wards/RESP1")) == ward
    assert faults(api.put("/v1/wards/RESP1", corrected | {"pathway": "surgery"})) == ["pathway"]
    assert faults(api.put("/v1/wards/RESP1", corrected | {"staffed": 3})) == ["staffed"]
    refused(api.put("/v1/wards/NOWHERE", corrected), 404)
    refused(api.put("/v1/wards/RESP1", corrected, token=employ(api, Role.COORDINATOR, "WARD1")), 403)


def test_a_ward_with_somebody_in_it_is_not_closed(api: Api) -> None:
    problem = refused(api.post("/v1/wards/WARD1/close", {"reason": "summer"}), 409)
    assert problem["current"] == {"ward": "WARD1", "occupied": 1, "reserved": 0, "referrals": 0}
    assert done(api.get("/v1/wards/WARD1"))["closed_at"] is None


def test_a_ward_that_somebody_is_referred_to_is_not_closed(api: Api) -> None:
    open_ward(api, "EMPTY")
    referral = {"patient": register(api), "ward": "EMPTY", "source": "gp", "step": "up"}
    made(api.post("/v1/referrals", referral))
    assert refused(api.post("/v1/wards/EMPTY/close", {"reason": "summer"}), 409)["current"]["referrals"] == 1


def test_a_closed_ward_has_no_bed_now_nor_from_when_more_were_planned(api: Api) -> None:
    open_ward(api, "EMPTY")
    later = (utc_now() + timedelta(days=7)).isoformat()
    done(api.put("/v1/wards/EMPTY/capacity", {"funded": 60, "staffed": 60, "from": later}))
    closed = done(api.post("/v1/wards/EMPTY/close", {"reason": "summer"}, Role.COORDINATOR))
    assert (closed["staffed"], closed["funded"], closed["closed_at"] is not None) == (0, 40, True)
    planned = done(api.get("/v1/wards/EMPTY/occupancy", params={"at": later}))
    assert (planned["staffed"], planned["funded"], planned["occupancy"]) == (0, 60, None)
    for again in (
        api.post("/v1/wards/EMPTY/close", {"reason": "twice"}),
        api.put("/v1/wards/EMPTY/capacity", {"funded": 1, "staffed": 1}),
        api.post("/v1/episodes", {"patient": register(api), "ward": "EMPTY", "step": "up"}),
    ):
        assert refused(again, 409)["current"]["closed_at"] == closed["closed_at"]


def test_a_closed_ward_opens_again_with_beds(api: Api) -> None:
    open_ward(api, "EMPTY")
    body = {"reason": "winter", "funded": 12, "staffed": 10}
    assert refused(api.post("/v1/wards/EMPTY/reopen", body), 409)["current"]["closed_at"] is None
    done(api.post("/v1/wards/EMPTY/close", {"reason": "summer"}))
    opened = done(api.post("/v1/wards/EMPTY/reopen", body, Role.COORDINATOR))
    assert (opened["staffed"], opened["funded"], opened["closed_at"]) == (10, 12, None)
    admit(api, register(api), "EMPTY")


def test_closing_a_ward_leaves_nothing_behind_that_takes_its_beds_away_again(api: Api) -> None:
    open_ward(api, "EMPTY")
    later = (utc_now() + timedelta(days=7)).isoformat()
    done(api.put("/v1/wards/EMPTY/capacity", {"funded": 60, "staffed": 60, "from": later}))
    done(api.post("/v1/wards/EMPTY/close", {"reason": "summer"}))
    done(api.post("/v1/wards/EMPTY/reopen", {"reason": "winter", "funded": 12, "staffed": 10}))
    planned = done(api.get("/v1/wards/EMPTY/occupancy", params={"at": later}))
    assert (planned["staffed"], planned["funded"]) == (10, 12)


def test_an_unknown_pathway_is_told_which_there_are(api: Api) -> None:
    problem = refused(api.post("/v1/wards", WHOLE | {"pathway": "surgery"}), 422)
    assert "acute_respiratory" in problem["errors"][0]["reason"]


def test_a_code_names_one_ward_however_many_open_it_at_once(api: Api) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.post("/v1/wards", WHOLE), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + 5 * [409]
    conflict = next(answer for answer in answers if answer.status_code == 409)
    assert refused(conflict, 409)["current"] == SHOWN


def test_beds_that_begin_later_are_shown_as_to_come(api: Api) -> None:
    later = (utc_now() + timedelta(days=7)).isoformat()
    open_ward(api, "SOON", **{"from": later, "staffed": 7})
    much_later = (utc_now() + timedelta(days=70)).isoformat()
    done(api.put("/v1/wards/SOON/capacity", {"funded": 40, "staffed": 39, "from": much_later}))
    assert done(api.get("/v1/wards/SOON"))["staffed"] == 7


def test_wards_are_listed_newest_first_page_by_page(api: Api) -> None:
    for code in ("A", "B", "C"):
        open_ward(api, code)
    first = done(api.get("/v1/wards", params={"limit": 3}))
    rest = done(api.get("/v1/wards", params={"limit": 3, "cursor": first["next"]}))
    assert [ward["id"] for ward in first["items"] + rest["items"]] == ["C", "B", "A", "WARD1"]
    assert rest["next"] is None


def test_who_works_on_one_ward_sees_that_one(api: Api) -> None:
    open_ward(api, "OTHER")
    token = employ(api, Role.COORDINATOR, "WARD1")
    assert [ward["id"] for ward in done(api.get("/v1/wards", token=token))["items"]] == ["WARD1"]
    refused(api.get("/v1/wards/OTHER", token=token), 403)
    refused(api.get("/v1/wards/NOWHERE", token=token), 403)
    refused(api.post("/v1/wards", WHOLE, token=token), 403)
    refused(api.get("/v1/wards/%00", token=token), 403)


def test_what_can_be_no_code_is_no_ward(api: Api) -> None:
    for code in ("NOWHERE", "%00", "WARD1%0A", "WARD%201", "W" * 33):
        refused(api.get(f"/v1/wards/{code}"), 404)


def test_only_coordinators_open_wards(api: Api) -> None:
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.UCR, Role.ENGINEER, Role.AUDITOR):
        refused(api.post("/v1/wards", {"no": "sense"}, role), 403)
