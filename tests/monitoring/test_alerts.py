"""Alerts over HTTP: found, answered in order, by whom who may, and each step kept."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from alert_rules.alarms import (
    ACT_WITHIN,
    ASK_AGAIN_AFTER,
    NEXT,
    TECHNICAL,
    Kind,
    NotNow,
    State,
    acknowledge,
    act,
    resolve,
)
from alert_rules.severity import Severity
from monitoring.access.roles import Role
from monitoring.database import transaction
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import done, drain, elsewhere, employ, faults, has_alert, posts, refused
from tests.ward import SICK, VERY_SICK, WELL

FIELDS = {
    "id", "patient", "ward", "kind", "severity", "state", "raised_at", "acknowledged_at", "acknowledged_by",
    "resolved_at", "due_at", "outcome", "news2", "reasons", "sepsis", "version",
}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "acknowledge": {},
    "action": {"what": "called"},
    "resolve": {"outcome": "advice"},
}
VERBS = {"acknowledge": acknowledge, "action": act, "resolve": resolve}


def answer(api: Api, alert: str, verb: str, role: Role = Role.CLINICIAN, **body: Any) -> Answer:
    """A person answers an alert."""
    token = body.pop("token", None)
    return api.post(f"/v1/alerts/{alert}/{verb}", BODIES[verb] | body, role, token=token)


def raise_alert(api: Api, **columns: Any) -> str:
    """An alert as the database would hold it, where no reading raises that kind or state."""
    row: dict[str, Any] = {
        "id": uuid4(), "patient": api.ward.patient.key, "kind": "deterioration", "severity": int(Severity.RED),
        "state": "open", "at": api.ward.now,
    } | columns  # fmt: skip
    with transaction(api.ward.engine) as session:
        session.execute(
            text(
                "INSERT INTO alert (public_id, patient_id, ward_id, kind, severity, state, raised_at, reasons, why,"
                " basis, version) SELECT :id, :patient, id, :kind, :severity, :state, :at, '[]', '{}', '{}', 1"
                " FROM ward WHERE code = 'WARD1'"
            ),
            row,
        )
    return str(row["id"])


def test_an_alert_says_why_it_fired(api: Api) -> None:
    found = has_alert(api, **VERY_SICK)
    assert found.keys() == FIELDS
    assert (found["kind"], found["severity"], found["state"], found["version"]) == (
        "deterioration", "critical", "open", 1,
    )  # fmt: skip
    assert (found["patient"], found["ward"]) == (str(api.ward.patient.id), "WARD1")
    assert found["news2"]["score"] == found["news2"]["score_max"] == 10
    assert found["news2"].keys() == {"score", "score_max", "complete", "missing", "subscores"}
    assert found["reasons"][0]["severity"] == "critical"
    whole = done(api.get(f"/v1/alerts/{found['id']}", Role.AUDITOR))
    assert {name: whole[name] for name in FIELDS} == found
    assert whole["why"]["rules_version"]
    assert whole["why"]["inputs"]["spo2"] == 90
    assert UUID(whole["why"]["set"])
    (raised,) = whole["history"]
    assert (raised["what"], raised["from_state"], raised["to_state"], raised["by"]) == ("raised", None, "open", None)


def test_acknowledging_takes_responsibility_and_resolves_nothing(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    taken = done(answer(api, alert, "acknowledge", note="on my way", version=1))
    clinician = api.ward.staff[Role.CLINICIAN]
    assert (taken["state"], taken["version"]) == ("acknowledged", 2)
    assert taken["acknowledged_by"] == str(clinician.public_id)
    at = datetime.fromisoformat(taken["acknowledged_at"])
    assert datetime.fromisoformat(taken["due_at"]) == at + ACT_WITHIN[Severity.RED]
    assert taken["resolved_at"] is None
    last = taken["history"][-1]
    assert (last["by"], last["by_name"], last["note"]) == (str(clinician.public_id), clinician.name, "on my way")
    assert done(api.get(f"/v1/alerts/{alert}")) == taken


def test_acknowledging_needs_no_body(api: Api) -> None:
    path = f"/v1/alerts/{has_alert(api, **SICK)['id']}/acknowledge"
    assert done(api.post(path, None, Role.CLINICIAN))["state"] == "acknowledged"
    other = raise_alert(api, kind="concern")
    assert done(api.call("POST", f"/v1/alerts/{other}/acknowledge", content=b"null"))["state"] == "acknowledged"


def test_a_second_acknowledgement_names_who_was_first(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    done(answer(api, alert, "acknowledge"))
    for _ in ("acknowledged", "actioned"):
        problem = refused(answer(api, alert, "acknowledge", Role.ADMIN, version=1), 409)
        assert problem["detail"] == "The clinician acknowledged it first."
        assert problem["current"]["acknowledged_by"] == str(api.ward.staff[Role.CLINICIAN].public_id)
        assert problem["current"].keys() == FIELDS
        done(answer(api, alert, "action"))


def test_of_many_who_acknowledge_at_once_one_takes_it_and_the_others_learn_who(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    tokens = {name: api.ward.employ(Role.CLINICIAN, name=name)[1] for name in (f"Nurse {n}" for n in range(16))}
    with ThreadPoolExecutor(16) as pool:
        given = pool.map(lambda one: answer(api, alert, "acknowledge", token=one), tokens.values())
        answers = dict(zip(tokens, given, strict=True))
    assert sorted(one.status_code for one in answers.values()) == [200] + 15 * [409]
    (first,) = [name for name, one in answers.items() if one.status_code == 200]
    for one in answers.values():
        if one.status_code == 409:
            assert refused(one, 409)["detail"] == f"{first} acknowledged it first."
    assert done(api.get(f"/v1/alerts/{alert}"))["version"] == 2


def test_an_answer_to_what_has_changed_since_is_refused_with_what_it_now_is(api: Api) -> None:
    alert = has_alert(api, **SICK)
    has_alert(api, **VERY_SICK)
    for verb in BODIES:
        problem = refused(answer(api, alert["id"], verb, version=alert["version"]), 409)
        assert (problem["current"]["version"], problem["current"]["severity"]) == (2, "critical")
    assert faults(answer(api, alert["id"], "acknowledge", version=0)) == ["version"]


def test_whoever_acts_has_taken_responsibility(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    acted = done(answer(api, alert, "action", what="called an ambulance", note="999"))
    assert (acted["state"], acted["acknowledged_by"]) == ("actioned", str(api.ward.staff[Role.CLINICIAN].public_id))
    last = acted["history"][-1]
    assert (last["what"], last["note"]) == ("actioned: called an ambulance", "999")
    assert datetime.fromisoformat(acted["due_at"]) == datetime.fromisoformat(last["at"]) + ASK_AGAIN_AFTER
    again = done(answer(api, alert, "action", Role.ADMIN, what="called again"))
    assert again["acknowledged_by"] == acted["acknowledged_by"]


def test_resolving_says_how_it_ended_and_leaves_room_for_the_next(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    ended = done(answer(api, alert, "resolve", outcome="visit"))
    assert (ended["state"], ended["outcome"], ended["due_at"]) == ("resolved", "visit", None)
    assert ended["resolved_at"] is not None
    assert [entry["what"] for entry in ended["history"]] == ["raised", "resolved: visit"]
    assert has_alert(api, **VERY_SICK)["id"] != alert


def test_what_cannot_be_an_answer_is_refused_by_name(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("resolve", {}, "outcome"),
        ("resolve", {"outcome": "better"}, "outcome"),
        ("resolve", {"outcome": "visit", "note": "\0"}, "note"),
        ("action", {}, "what"),
        ("action", {"what": " "}, "what"),
        ("acknowledge", {"by": "me"}, "by"),
        ("acknowledge", {"version": "1"}, "version"),
        ("acknowledge", {"version": 10**12}, "version"),
    ]
    for verb, body, field in wrong:
        assert faults(api.post(f"/v1/alerts/{alert}/{verb}", body, Role.CLINICIAN)) == [field], body


@pytest.mark.parametrize("state", State)
def test_only_the_table_of_states_says_what_may_be_done_when(api: Api, state: State) -> None:
    for verb in BODIES:
        alert = raise_alert(api, state=state)
        try:
            to = VERBS[verb](state)
        except NotNow:
            problem = refused(answer(api, alert, verb), 409)
            assert problem["current"]["state"] == state
        else:
            assert to in NEXT[state]
            assert done(answer(api, alert, verb))["state"] == to
        with transaction(api.ward.engine) as session:
            session.execute(text("UPDATE alert SET state = 'resolved'"))  # one open alert of a kind at a time


def test_support_workers_answer_technical_and_amber_alerts(api: Api) -> None:
    for kind, severity in product(Kind, (Severity.AMBER, Severity.AMBER_PLUS, Severity.RED, Severity.CRITICAL)):
        alert = raise_alert(api, kind=kind, severity=int(severity))
        may_answer = kind in TECHNICAL or severity is Severity.AMBER
        for verb, may in (("acknowledge", may_answer), ("action", may_answer), ("resolve", kind in TECHNICAL)):
            given = answer(api, alert, verb, Role.SUPPORT)
            assert given.status_code == (200 if may else 403), (kind, severity, verb)
        with transaction(api.ward.engine) as session:
            session.execute(text("UPDATE alert SET state = 'resolved'"))


def test_only_a_registered_clinician_resolves_what_is_not_technical(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    unregistered = employ(api, Role.CLINICIAN, "WARD1", registered=False)
    supporter = employ(api, Role.SUPPORT, "WARD1", registered=True)
    refused(answer(api, alert, "resolve", token=unregistered), 403)
    refused(answer(api, alert, "resolve", token=supporter), 403)
    done(answer(api, alert, "acknowledge", token=unregistered))
    overdue = raise_alert(api, kind="overdue")
    assert done(answer(api, overdue, "resolve", token=unregistered))["state"] == "resolved"
    assert done(answer(api, alert, "resolve"))["state"] == "resolved"


def test_who_may_is_judged_before_which_version(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    refused(answer(api, alert, "acknowledge", Role.SUPPORT, version=9), 403)
    for role in (Role.COORDINATOR, Role.AUDITOR, Role.ENGINEER, Role.UCR):
        refused(api.post(f"/v1/alerts/{alert}/resolve", {"no": "sense"}, role), 403)
    for role in (Role.ENGINEER, Role.UCR):
        refused(api.get("/v1/alerts", role), 403)
        refused(api.get(f"/v1/alerts/{alert}", role), 403)


def test_who_may_is_judged_before_what_was_sent(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    unregistered = employ(api, Role.CLINICIAN, "WARD1", registered=False)
    refused(api.post(f"/v1/alerts/{alert}/resolve", {}, token=unregistered), 403)
    for verb, body in BODIES.items():
        path = f"/v1/alerts/{alert}/{verb}"
        refused(api.post(path, {"no": "sense"}, Role.SUPPORT), 403)
        refused(api.call("POST", path, Role.SUPPORT, content=b"{"), 403)
        refused(api.call("POST", path, Role.SUPPORT, content=b"x", headers={"Content-Type": "text/plain"}), 403)
        refused(api.post(f"{path}?no=sense", body, Role.SUPPORT), 403)
    refused(api.post(f"/v1/alerts/{alert}/resolve", {}, Role.CLINICIAN), 422)


def test_an_alert_of_another_ward_is_not_there(api: Api) -> None:
    patient, token = elsewhere(api)
    one = {"id": "a", "taken_at": api.now(), **VERY_SICK}
    assert api.post(f"/v1/patients/{patient}/readings", one).status_code == 202
    drain(api)
    (alert,) = done(api.get("/v1/alerts"))["items"]
    refused(api.get(f"/v1/alerts/{alert['id']}", token=token), 404)
    for verb in BODIES:
        refused(answer(api, alert["id"], verb, token=token), 404)
        refused(api.post(f"/v1/alerts/{alert['id']}/{verb}", {"no": "sense"}, token=token), 404)
        refused(answer(api, str(uuid4()), verb), 404)
    assert done(api.get("/v1/alerts", token=token))["items"] == []
    refused(api.get("/v1/alerts", token=token, params={"ward": "OTHER"}), 403)
    assert done(api.get("/v1/alerts", token=token, params={"ward": "WARD1"}))["items"] == []


def test_alerts_are_found_by_state_ward_patient_and_severity(api: Api) -> None:
    patient, _ = elsewhere(api)
    here = has_alert(api, **VERY_SICK)["id"]
    one = {"id": "a", "taken_at": api.now(), **SICK}
    assert api.post(f"/v1/patients/{patient}/readings", one).status_code == 202
    drain(api)
    done(answer(api, here, "acknowledge"))

    def found(**params: str) -> list[str]:
        return [item["id"] for item in done(api.get("/v1/alerts", params=params))["items"]]

    there, also_here = found()
    assert also_here == here
    assert found(state="open") == found(ward="OTHER") == found(patient=patient) == found(severity="red") == [there]
    assert found(state="acknowledged", ward="WARD1", severity="critical") == [here]
    assert found(state="resolved") == found(ward="NOWHERE") == found(patient=str(uuid4())) == []
    for params in ({"state": "asleep"}, {"severity": "green"}, {"patient": "Ann"}, {"ward": "a\0"}, {"limit": "0"}):
        assert faults(api.get("/v1/alerts", params=params)) == list(params)


def test_alerts_are_listed_newest_first_page_by_page(api: Api) -> None:
    known = [raise_alert(api, kind=kind) for kind in Kind][::-1]
    listed: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = done(api.get("/v1/alerts", params=params))
        listed += [one["id"] for one in page["items"]]
        cursor = page["next"]
    assert (listed, cursor) == (known, None)
    of_patient = done(api.get(f"/v1/patients/{api.ward.patient.id}/alerts", params={"limit": 1000}))
    assert [one["id"] for one in of_patient["items"]] == known


def test_an_amber_is_owed_its_action_in_staffed_hours(api: Api) -> None:
    now = datetime.fromisoformat(api.now())
    tomorrow = now + timedelta(days=1)
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[tomorrow.weekday()]
    with transaction(api.ward.engine) as session:
        hours = f'{{"{day}": ["12:00", "14:00"]}}'
        session.execute(text("UPDATE ward SET staffed_hours = CAST(:hours AS jsonb)"), {"hours": hours})
    alert = raise_alert(api, severity=int(Severity.AMBER))
    taken = done(answer(api, alert, "acknowledge"))
    assert datetime.fromisoformat(taken["due_at"]) >= now + ACT_WITHIN[Severity.AMBER] + timedelta(hours=1)


def test_getting_better_leaves_the_alert_as_it_is(api: Api) -> None:
    alert = has_alert(api, **VERY_SICK)
    posts(api, **WELL)
    drain(api)
    assert done(api.get(f"/v1/alerts/{alert['id']}"))["state"] == "open"
