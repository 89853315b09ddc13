"""Wards over HTTP: opened with a pathway, hours and beds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import WARD, done, employ, faults, made, open_ward, refused

WHOLE: dict[str, Any] = WARD | {
    "code": "RESP1",
    "pathway": "acute_respiratory",
    "from": "2026-04-01T00:00:00Z",
    "max_stay_days": 10,
    "in_sitrep": False,
    "staffed_hours": {"mon": ["08:00", "20:00"], "sat": ["20:00", "24:00"], "sun": ["20:00", "06:00"]},
}


def test_everything_that_is_sent_comes_back(api: Api) -> None:
    answer = api.post("/v1/wards", WHOLE, Role.COORDINATOR)
    ward = made(answer)
    assert ward == WHOLE | {"id": "RESP1"}
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
        ({"staffed_hours": {"mon": ["08:00"]}}, "staffed_hours.mon"),
        ({"staffed_hours": {"mon": ["24:00", "08:00"]}}, "staffed_hours.mon[0]"),
        ({"staffed_hours": {"mon": ["08:00", "20:00\n"]}}, "staffed_hours.mon[1]"),
        ({"staffed_hours": {"tue": ["08:00", "20:00"], "monday": []}}, "staffed_hours.monday"),
        ({"beds": 3}, "beds"),
    ]
    for changed, field in wrong:
        assert faults(api.post("/v1/wards", WHOLE | changed)) == [field], changed


def test_an_unknown_pathway_is_told_which_there_are(api: Api) -> None:
    problem = refused(api.post("/v1/wards", WHOLE | {"pathway": "surgery"}), 422)
    assert "acute_respiratory" in problem["errors"][0]["reason"]


def test_a_code_names_one_ward_however_many_open_it_at_once(api: Api) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.post("/v1/wards", WHOLE), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + 5 * [409]
    conflict = next(answer for answer in answers if answer.status_code == 409)
    assert refused(conflict, 409)["current"] == WHOLE | {"id": "RESP1"}


def test_beds_that_begin_later_are_shown_as_to_come(api: Api) -> None:
    later = (utc_now() + timedelta(days=7)).isoformat()
    open_ward(api, "SOON", **{"from": later, "staffed": 7})
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
