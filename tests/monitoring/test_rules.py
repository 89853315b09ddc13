"""Rules over HTTP: which hold, proposing, and what a second person decides."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from alert_rules.pathway import packaged_text, pathways
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.database import transaction
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import done, made
from tests.rule_changes import SOONER, changed
from tests.workers.test_alerts_at_once import together

HOUR = timedelta(hours=1)


def proposal(content: str, pathway: str = "general", **other: Any) -> dict[str, Any]:
    """A body."""
    return {"pathway": pathway, "content": content, "reason": "as audited in May"} | other


@pytest.fixture
def senior(api: Api) -> str:
    """The token of a senior clinician of every ward."""
    return api.ward.employ(Role.CLINICIAN, name="Dr Senior", senior=True)[1]


def proposed(api: Api, content: str = "") -> dict[str, Any]:
    """A change by the clinician."""
    return made(api.post("/v1/rules", proposal(content or changed("general", SOONER)), Role.CLINICIAN))


def test_a_proposal_says_what_it_changes_and_changes_nothing(api: Api) -> None:
    answer = api.post("/v1/rules", proposal(changed("general", SOONER)), Role.CLINICIAN)
    shown = made(answer)
    assert answer.headers["location"] == f"/v1/rules/{shown['id']}"
    assert shown["changes"] == [{"key": "spo2.amber_low", "old": 93, "new": 95}]
    assert shown["no_longer"] == ["Amber: SpO2 93 % or less (limit)"]
    assert shown["from_then_on"] == ["Amber: SpO2 95 % or less (limit)"]
    assert (shown["state"], shown["from"], shown["decided_by"]) == ("proposed", None, None)
    assert (shown["proposed_by_name"], shown["reason"]) == ("The clinician", "as audited in May")
    assert shown["replaces"] == pathways()["general"].version
    assert api.get(f"/v1/rules/{shown['id']}").json() == shown
    held = api.get("/v1/rules/pathways/general").json()
    assert (held["version"], held["packaged"], held["content"]) == (shown["replaces"], True, packaged_text("general"))


def test_the_pages_say_what_holds_what_a_change_changes_and_who_may_decide_it(api: Api, senior: str) -> None:
    before, after = "Amber: SpO2 93 % or less (limit)", "Amber: SpO2 95 % or less (limit)"
    assert before.removeprefix("Amber: ") in api.get("/rules/pathways/general", Role.SUPPORT).text
    overtaken = proposed(api, changed("general", ("amber_low = 93", "amber_low = 94")))
    one = proposed(api)
    page = f"/rules/{one['id']}"
    to_senior, to_proposer = api.get(page, token=senior).text, api.get(page, Role.CLINICIAN).text
    assert to_senior.index("No longer") < to_senior.index(before) < to_senior.index(after)
    assert "<td>93</td><td>95</td>" in to_senior
    assert "Approve</button>" in to_senior
    assert "Approve</button>" not in to_proposer
    assert "Only a registered senior clinician approves rules." in to_proposer
    assert "waits for a second person" in api.get("/rules", Role.SUPPORT).text
    done(api.post(f"/v1/rules/{one['id']}/approve", token=senior))
    assert "approved by Dr Senior, from" in api.get("/rules", Role.SUPPORT).text
    assert "Approve</button>" not in api.get(page, token=senior).text
    too_late = api.get(f"/rules/{overtaken['id']}", token=senior).text
    assert "Another change of this pathway was approved since" in too_late
    assert "Approve</button>" not in too_late
    assert after.removeprefix("Amber: ") in api.get("/rules/pathways/general").text


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        (proposal(changed("general", ("amber_low = 93", "amber_low = 90"))), "content",
         "general.toml:7: spo2.red_low: overlaps: must be below amber_low"),
        (proposal("title = "), "content", "general.toml:1: Invalid value"),
        (proposal("title = 'x'\0"), "content", "Expected str matching regex"),
        (proposal("x" * 20_001), "content", "Expected str of length <= 20000"),
        (proposal(packaged_text("general")), "content", "changes nothing: it is version"),
        (proposal(packaged_text("general") + "nosuch = 1\n"), "content", "toml:56: rules[3].nosuch: is unknown"),
        (proposal("first_care_within_h = 24\n" + changed("general", SOONER)), "content", "which clocks a pathway has"),
        (proposal(packaged_text("general"), "nowhere"), "pathway", "is not one of acute_oncology"),
        (proposal(changed("general", SOONER), reason=" "), "reason", "Expected"),
        (proposal(changed("general", SOONER), by="me"), "by", "unknown"),
    ],
)  # fmt: skip
def test_what_would_not_load_is_refused_with_line_and_reason(
    api: Api, body: dict[str, Any], field: str, reason: str
) -> None:
    answer = api.post("/v1/rules", body, Role.CLINICIAN)
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["field"] == field
    assert reason in fault["reason"]
    assert api.get("/v1/rules").json()["items"] == []


def test_a_second_person_approves_from_an_instant_on(api: Api, senior: str) -> None:
    one, later = proposed(api), utc_now() + HOUR
    answer = api.post(f"/v1/rules/{one['id']}/approve", {"from": later.isoformat()}, token=senior)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["state"], shown["decided_by_name"], shown["changes"]) == ("approved", "Dr Senior", one["changes"])
    held = {item["id"]: item for item in api.get("/v1/rules/pathways").json()["items"]}
    assert held.keys() == pathways().keys()
    assert (held["general"]["packaged"], held["general"]["coming"][0]["version"]) == (True, one["version"])
    then = api.get("/v1/rules/pathways/general", params={"at": later.isoformat()}).json()
    assert (then["version"], then["packaged"], then["coming"]) == (one["version"], False, [])
    assert then["content"] == changed("general", SOONER)
    again = api.post(f"/v1/rules/{one['id']}/approve", token=senior)
    assert (again.status_code, again.json()["current"]["state"]) == (409, "approved")


def test_nothing_holds_from_the_past_or_from_a_time_that_nobody_remembers(api: Api, senior: str) -> None:
    one = proposed(api)
    for off in (-HOUR / 60, 93 * 24 * HOUR):
        body = {"from": (utc_now() + off).isoformat()}
        answer = api.post(f"/v1/rules/{one['id']}/approve", body, token=senior)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "from")


def test_who_may_not_is_told_so(api: Api, senior: str) -> None:
    one = proposed(api)
    mine = made(api.post("/v1/rules", proposal(packaged_text("copd") + "# mine\n", "copd"), token=senior))
    unregistered = api.ward.employ(Role.CLINICIAN, registered=False)[1]
    of_one_ward = api.ward.employ(Role.CLINICIAN, senior=True, wards=["WARD1"])[1]
    refusals: dict[str, Answer] = {
        "own": api.post(f"/v1/rules/{mine['id']}/approve", token=senior),
        "not senior": api.post(f"/v1/rules/{mine['id']}/approve", role=Role.CLINICIAN),
        "an admin as such": api.post(f"/v1/rules/{one['id']}/approve"),
        "of one ward": api.post(f"/v1/rules/{one['id']}/approve", token=of_one_ward),
        "unregistered": api.post("/v1/rules", proposal(changed("general", SOONER)), token=unregistered),
        "a coordinator": api.post(f"/v1/rules/{one['id']}/reject", {"reason": "no"}, Role.COORDINATOR),
    }
    assert {who: answer.status_code for who, answer in refusals.items()} == dict.fromkeys(refusals, 403)
    assert {item["state"] for item in api.get("/v1/rules").json()["items"]} == {"proposed"}


def test_a_rejected_change_stays_visible_with_who_and_why(api: Api, senior: str) -> None:
    one = proposed(api)
    shown = api.post(f"/v1/rules/{one['id']}/reject", {"reason": "too many ambers"}, token=senior).json()
    assert (shown["state"], shown["note"], shown["decided_by_name"]) == ("rejected", "too many ambers", "Dr Senior")
    answer = api.post(f"/v1/rules/{one['id']}/approve", token=senior)
    assert (answer.status_code, answer.json()["current"]["note"]) == (409, "too many ambers")
    assert api.get("/v1/rules/pathways/general").json()["packaged"] is True


def test_changes_are_listed_newest_first_by_pathway_and_state(api: Api, senior: str) -> None:
    one, other = proposed(api), proposed(api, packaged_text("general") + "# other\n")
    api.post(f"/v1/rules/{one['id']}/approve", token=senior)
    listed = api.get("/v1/rules", params={"pathway": "general"}).json()["items"]
    assert [(item["id"], item["state"], item["superseded"]) for item in listed] == [
        (other["id"], "proposed", True),
        (one["id"], "approved", False),
    ]
    assert [item["id"] for item in api.get("/v1/rules", params={"state": "proposed"}).json()["items"]] == [other["id"]]
    assert api.get("/v1/rules", params={"pathway": "copd"}).json()["items"] == []
    first = api.get("/v1/rules", params={"limit": 1}).json()
    assert api.get("/v1/rules", params={"limit": 1, "cursor": first["next"]}).json()["items"][0]["id"] == one["id"]


def test_of_two_changes_approved_at_once_one_is_and_the_other_is_told_what_holds(api: Api, senior: str) -> None:
    ids = [proposed(api)["id"], proposed(api, packaged_text("general") + "# other\n")["id"]] * 2
    answers: list[Answer] = []
    together(*(lambda one=one: answers.append(api.post(f"/v1/rules/{one}/approve", token=senior)) for one in ids))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    held = api.get("/v1/rules/pathways/general").json()["version"]
    assert [answer.json()["version"] for answer in answers if answer.status_code == 200] == [held]
    assert {answer.json()["current"]["version"] for answer in answers if answer.status_code == 409} == {held}


def test_nobody_rewrites_what_was_proposed_or_decided(api: Api, senior: str) -> None:
    one = proposed(api)
    api.post(f"/v1/rules/{one['id']}/approve", token=senior)
    for said in ("UPDATE rule_proposal SET content = ''", "DELETE FROM rule_decision", "DELETE FROM rule_proposal"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction(api.ward.engine) as session:
            session.execute(text(said))
