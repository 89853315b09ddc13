"""Access in an emergency: for a reason and a while, written down, with the ward's people told; and for few."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session

from monitoring.access.roles import Role
from monitoring.access.tokens import OVERLAP, Tokens
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.delivery import wording
from monitoring.escalation.tables import Message
from monitoring.live import Hub, Watcher
from tests.monitoring.api import Api
from tests.monitoring.live_server import serving, watching
from tests.monitoring.outages import until
from tests.monitoring.steps import elsewhere, employ, faults, has_alert, made, open_ward, refused
from tests.monitoring.visitor import Visitor
from tests.ward import VERY_SICK, Ward

WHY = "collapsed at the door, her ward does not answer"
NUMBER = "9990000018"


def stranger(api: Api, role: Role = Role.CLINICIAN, **employed: Any) -> str:
    """The token of somebody who works on another ward."""
    open_ward(api, "OTHER")
    return api.ward.employ(role, wards=["OTHER"], **employed)[1]


def opens(api: Api, token: str, **body: Any) -> dict[str, Any]:
    """They open the ward of the ward's patient."""
    whom = {} if "nhs_number" in body else {"patient": str(api.ward.patient.id)}
    return made(api.post("/v1/break-glass", {"reason": WHY} | whom | body, token=token))


def patient_seen(api: Api, token: str) -> int:
    """What they are answered who ask for the ward's patient's plan."""
    return api.get(f"/v1/patients/{api.ward.patient.id}/plan", token=token).status_code


def test_a_clinician_opens_the_ward_of_a_patient_and_does_there_what_they_do_on_their_own(api: Api) -> None:
    alert = has_alert(api, **VERY_SICK)
    token = stranger(api)
    assert patient_seen(api, token) == 404
    opened = opens(api, token)
    assert (opened["ward"], opened["patient"], opened["reason"]) == ("WARD1", str(api.ward.patient.id), WHY)
    assert patient_seen(api, token) == 200
    assert api.get("/v1/wards/WARD1/board", token=token).status_code == 200
    assert api.post(f"/v1/alerts/{alert['id']}/acknowledge", token=token).status_code == 200
    assert api.get(f"/v1/break-glass/{opened['id']}", token=token).json() == opened


def test_it_holds_in_every_process_within_a_second_and_for_nobody_else(api: Api) -> None:
    token, colleague = stranger(api), employ(api, Role.CLINICIAN, "OTHER")
    with Api(api.ward) as another:
        assert patient_seen(another, token) == 404
        opens(api, token)
        until(lambda: patient_seen(another, token) == 200, within_s=1)
        assert patient_seen(another, colleague) == 404


def test_it_ends_by_itself(ward: Ward) -> None:
    with Api(ward, break_glass_minutes=0.02) as api:
        token = stranger(api)
        opens(api, token)
        until(lambda: patient_seen(api, token) == 404, within_s=3)
        assert api.get("/v1/wards/OTHER", token=token).status_code == 200


def test_a_stream_of_a_ward_that_was_opened_ends_with_it(api: Api) -> None:
    token = stranger(api)
    opens(api, token)
    tokens, now = Tokens(api.ward.engine), utc_now()
    caller = tokens.ask(token, now)
    assert caller is not None
    hub: Hub = api.app.state.service.hub
    watcher = Watcher(caller, "WARD1")
    hub.add(watcher)
    later, ended = now + timedelta(minutes=61), []
    for at in (now + 2 * OVERLAP, later):  # from then on nothing of it is read again, for nothing of it changes
        tokens.refresh(at)
        hub.drop_unless(tokens.has)
        ended.append(watcher.closed)
    assert ended == [False, True]
    still = tokens.ask(token, later)
    assert still is not None
    assert (still.wards, still.opened) == (frozenset({"OTHER"}), frozenset())


def test_the_wards_people_are_told_at_once_and_without_the_patient(api: Api) -> None:
    api.ward.reaches(Role.CLINICIAN)
    api.ward.reaches(Role.COORDINATOR, "https://pager.example/2")
    opened = opens(api, stranger(api))
    assert set(opened["told"]) == {"The coordinator", "The clinician"}
    with Session(api.ward.engine) as session:
        told = list(session.execute(select(Message)).scalars())
    assert {one.address for one in told} == {"https://pager.example/1", "https://pager.example/2"}
    for one in told:
        assert one.body["type"] == "access.break_glass"
        assert set(one.body["data"]) == {"ward", "access", "until"}
        assert wording.text(one.body, None) == (
            "Virtual ward WARD1: access opened in an emergency. See under Emergency access who opened it, and why."
        )


def test_where_nobody_on_duty_can_be_told_the_end_of_the_ladders_is(ward: Ward) -> None:
    with Api(ward, fallback_to="https://always.example") as api:
        assert opens(api, stranger(api))["told"] == ["the ward's fallback"]


def test_whoever_watches_the_ward_hears_of_it(api: Api) -> None:
    token = stranger(api)
    with serving(api.ward.settings) as url, watching(url, api.ward.tokens[Role.COORDINATOR]) as stream:
        opened = opens(api, token)
        told = stream.next("system").data
    assert (told["ward"], told["system"]["what"], told["system"]["access"]) == ("WARD1", "break_glass", opened["id"])
    assert WHY not in str(told)


def test_a_ucr_crew_reads_the_record_where_it_opened_it_and_nowhere_else(api: Api) -> None:
    other, _ = elsewhere(api)
    crew = api.ward.employ(Role.UCR, teams=["LE1"])[1]
    path = f"/v1/patients/{api.ward.patient.id}"
    refused(api.get(path, token=crew), 403)
    opens(api, crew)
    assert api.get(path, token=crew).status_code == 200
    assert api.get(f"{path}/alerts", token=crew).status_code == 200
    refused(api.get(f"/v1/patients/{other}", token=crew), 404)
    assert "OTHER, Ann" in Visitor(api, crew).opens(f"/patients/{api.ward.patient.id}")
    refused(api.put(f"{path}/plan", {}, token=crew), 403)
    refused(api.get("/v1/wards/OTHER/board", token=crew), 403)


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.COORDINATOR, Role.ENGINEER, Role.AUDITOR])
def test_others_open_nothing(api: Api, role: Role) -> None:
    refused(api.post("/v1/break-glass", {"reason": WHY}, token=stranger(api, role)), 403)


def test_a_clinician_who_is_not_registered_opens_nothing(api: Api) -> None:
    body = {"reason": WHY, "patient": str(api.ward.patient.id)}
    token = stranger(api, registered=False)
    for sent in (body, {"no": "sense"}):
        refused(api.post("/v1/break-glass", sent, token=token), 403)


def test_a_patient_is_named_by_number_too_and_by_one_of_both_only(api: Api) -> None:
    patient = str(api.ward.patient.id)
    token = stranger(api)
    with transaction(api.ward.engine) as session:
        session.execute(text("UPDATE patient SET nhs_number = :number"), {"number": NUMBER})
    for body in ({}, {"patient": patient, "nhs_number": NUMBER}):
        assert faults(api.post("/v1/break-glass", {"reason": WHY, **body}, token=token)) == ["patient"]
    assert faults(api.post("/v1/break-glass", {"patient": patient}, token=token)) == ["reason"]
    assert faults(api.post("/v1/break-glass", {"reason": " ", "patient": patient}, token=token)) == ["reason"]
    refused(api.post("/v1/break-glass", {"reason": WHY, "nhs_number": "9990000026"}, token=token), 404)
    assert faults(api.post("/v1/break-glass", {"reason": WHY, "nhs_number": "1"}, token=token)) == ["nhs_number"]
    assert opens(api, token, nhs_number=NUMBER)["patient"] == patient


def test_who_sees_the_patient_already_is_told_so_and_nobody_else_is(api: Api) -> None:
    body = {"reason": WHY, "patient": str(api.ward.patient.id)}
    for token in (api.ward.tokens[Role.CLINICIAN], employ(api, Role.CLINICIAN, "WARD1")):
        assert refused(api.post("/v1/break-glass", body, token=token), 409)["current"]["ward"] == "WARD1"
    token = stranger(api)
    opens(api, token)
    assert refused(api.post("/v1/break-glass", body, token=token), 409)["current"]["until"] is not None


def test_who_opened_what_is_for_themselves_the_wards_own_and_auditors(api: Api) -> None:
    token, other = stranger(api), employ(api, Role.CLINICIAN, "THIRD")
    opened = opens(api, token)
    for reader in (token, employ(api, Role.COORDINATOR, "WARD1"), api.ward.tokens[Role.AUDITOR]):
        assert [one["id"] for one in api.get("/v1/break-glass", token=reader).json()["items"]] == [opened["id"]]
    assert api.get("/v1/break-glass", token=other).json()["items"] == []
    refused(api.get(f"/v1/break-glass/{opened['id']}", token=other), 404)
    refused(api.get("/v1/break-glass?ward=WARD1", token=other), 403)


def test_what_was_opened_is_written_once(api: Api) -> None:
    opens(api, stranger(api))
    for statement in ("UPDATE break_glass SET reason = 'x'", "DELETE FROM break_glass"):
        with pytest.raises(ProgrammingError) as refusal, api.ward.engine.begin() as connection:
            connection.execute(text(statement))
        assert isinstance(refusal.value.orig, InsufficientPrivilege)


def test_the_page_says_what_is_open_and_shows_the_form_to_who_may(api: Api) -> None:
    token = stranger(api)
    opens(api, token)
    said = Visitor(api, token).opens("/break-glass")
    assert "Open the ward and tell its people" in said
    assert WHY in said
    assert "In an emergency you have opened" in said
    coordinator = Visitor(api, api.ward.tokens[Role.COORDINATOR]).opens("/break-glass")
    assert ("Open the ward and tell its people" in coordinator, WHY in coordinator) == (False, True)


def test_a_request_costs_no_more_while_somebody_has_opened_a_ward(api: Api) -> None:
    token = stranger(api)
    opens(api, token)
    patient_seen(api, token)
    tokens = api.app.state.service.tokens
    until(lambda: tokens.held(token) is not None)
    held = tokens.held(token)
    assert held.opened == frozenset({"WARD1"})
    assert not held.is_outdated(utc_now())
    assert held.is_outdated(utc_now() + timedelta(hours=1))
