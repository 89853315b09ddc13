"""Every look at a patient's record and every change of it leaves an event: by whom, when, of what, of whom."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from monitoring.access.roles import Role
from monitoring.audit.events import Event, write_looks
from monitoring.audit.tables import By
from monitoring.clock import local_day, utc_now
from monitoring.database import driver, snapshot
from tests.bars import message
from tests.monitoring.api import Api
from tests.monitoring.audited import events, newest, owner_of
from tests.monitoring.steps import (
    PERSON,
    add_device,
    admit,
    done,
    elsewhere,
    employ,
    has_alert,
    made,
    open_ward,
    posts,
    refused,
    register,
)
from tests.monitoring.ucr_steps import TEAM
from tests.monitoring.visitor import Visitor
from tests.ward import VERY_SICK, Ward
from tests.workers.records import change, count


def test_a_look_at_a_patient_says_who_when_and_whose(api: Api) -> None:
    patient = api.ward.patient.id
    answer = api.get(f"/v1/patients/{patient}", Role.CLINICIAN, headers={"X-Request-ID": "r-1"})
    one = newest(api.ward.engine)
    assert (one.by, one.who, one.role) == ("staff", api.ward.staff[Role.CLINICIAN].public_id, "clinician")
    assert (one.method, one.route, one.allows) == ("GET", "/v1/patients/{patient}", "read patients")
    assert (one.object, one.patients, one.status) == (str(patient), [str(patient)], answer.status_code)
    assert (one.request_id, one.browser) == ("r-1", False)


def test_a_change_says_whom_it_made_or_changed(api: Api) -> None:
    patient = register(api)
    assert (newest(api.ward.engine).route, newest(api.ward.engine).patients) == ("/v1/patients", [patient])
    spell = admit(api, patient)["id"]
    assert (newest(api.ward.engine).allows, newest(api.ward.engine).patients) == ("admit", [patient])
    done(api.post(f"/v1/episodes/{spell}/expected-discharge", {"date": local_day(utc_now()).isoformat()}))
    assert (newest(api.ward.engine).object, newest(api.ward.engine).patients) == (spell, [patient])


def test_a_change_leaves_one_event_and_not_another_for_its_answer(api: Api) -> None:
    register(api)
    assert [(one.method, one.status) for one in events(api.ward.engine)] == [("POST", 201)]


def test_a_change_without_its_event_is_not_made_and_nothing_is_shown_without_one(api: Api) -> None:
    before, patient = count(api.ward.engine, "patient"), api.ward.patient.id
    with owner_of(api.ward.settings) as owner:
        change(owner, "REVOKE INSERT ON audit_event FROM vw_app")
        answers = [api.post("/v1/patients", PERSON), api.get(f"/v1/patients/{patient}"), api.get("/v1/patients")]
        visitor_sees = api.get("/wards/WARD1", Role.CLINICIAN)
        change(owner, "GRANT INSERT ON audit_event TO vw_app")
    assert {answer.status_code for answer in (*answers, visitor_sees)} == {500}
    assert count(api.ward.engine, "patient") == before
    assert all(str(patient) not in answer.text and "Ann" not in answer.text for answer in (*answers, visitor_sees))
    assert visitor_sees.headers["content-type"].startswith("text/html")  # in the form of the route


def test_what_was_refused_is_recorded_too_with_whose_it_is(api: Api) -> None:
    patient, stranger = elsewhere(api)
    alert = has_alert(api, **VERY_SICK)
    other = employ(api, Role.CLINICIAN, "OTHER")
    refused(api.get(f"/v1/patients/{patient}", token=stranger), 404)
    assert (newest(api.ward.engine).status, newest(api.ward.engine).patients) == (404, [patient])
    refused(api.get(f"/v1/alerts/{alert['id']}", token=other), 404)
    assert (newest(api.ward.engine).status, newest(api.ward.engine).patients) == (404, [alert["patient"]])
    refused(api.post(f"/v1/alerts/{alert['id']}/acknowledge", role=Role.ENGINEER), 403)
    one = newest(api.ward.engine)
    assert (one.status, one.role, one.patients) == (403, "engineer", [alert["patient"]])


def test_what_somebody_typed_into_a_path_is_not_kept_where_it_was_refused(api: Api) -> None:
    refused(api.get("/v1/wards/Ann-Other/board"), 404)
    assert (newest(api.ward.engine).route, newest(api.ward.engine).object) == ("/v1/wards/{code}/board", None)
    api.get("/v1/wards/WARD1/board")
    assert newest(api.ward.engine).object == "WARD1"


def test_a_list_names_everybody_whom_it_shows_and_the_same_ones_once(api: Api) -> None:
    shown = sorted([str(api.ward.patient.id), *(str(api.ward.admit().id) for _ in range(3))])
    for path in ("/v1/wards/WARD1/board", "/wards/WARD1", "/wards/WARD1/board"):
        assert api.get(path, Role.CLINICIAN).status_code == 200, path
        assert newest(api.ward.engine).patients == shown, path
    done(api.get("/v1/patients", params={"limit": 2}))
    assert len(newest(api.ward.engine).patients) == 2
    assert count(api.ward.engine, "audit_subjects") == 2


def test_whoever_looked_for_somebody_and_found_nothing_looked_at_them(api: Api) -> None:
    patient = str(api.ward.patient.id)
    for path in ("/v1/alerts", "/v1/referrals"):
        assert done(api.get(path, params={"patient": patient}))["items"] == []
        assert newest(api.ward.engine).patients == [patient], path
    assert api.get("/v1/fhir/Observation", params={"patient": f"Patient/{patient}"}).status_code == 200
    assert newest(api.ward.engine).patients == [patient]


def test_an_answer_that_is_repeated_is_another_look(api: Api) -> None:
    answers = [api.post("/v1/patients", PERSON, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [one.patients for one in events(api.ward.engine)] == [[made(answer)["id"]] for answer in answers]


def test_at_a_browser_it_says_so(api: Api) -> None:
    visitor = Visitor(api, api.ward.tokens[Role.CLINICIAN])
    visitor.opens(f"/patients/{api.ward.patient.id}")
    one = newest(api.ward.engine)
    assert (one.browser, one.route, one.patients) == (True, "/patients/{patient}", [str(api.ward.patient.id)])


def test_a_device_that_asks_or_tells_is_named(api: Api) -> None:
    device = api.device()
    done(api.get("/v1/prompts", token=device))
    one = newest(api.ward.engine)
    assert (one.by, one.who, one.role) == ("device", api.ward.patient.device_id, None)
    concern = {"id": "c", "at": api.now(), "from": "carer", "text": "she is worse"}
    made(api.post("/v1/concerns", concern, token=device))
    one = newest(api.ward.engine)
    assert (one.allows, one.patients) == ("raise concerns", [str(api.ward.patient.id)])


def test_readings_cost_nothing_here_for_the_ledger_names_them(api: Api) -> None:
    posts(api)
    assert events(api.ward.engine) == []


def test_sets_that_staff_took_are_theirs(api: Api) -> None:
    one = {"id": "s", "taken_at": api.now(), "spo2": 96, "method": "manual", "measured_by": "staff"}
    answer = api.post(f"/v1/patients/{api.ward.patient.id}/readings", one, Role.CLINICIAN)
    assert answer.status_code == 202, answer.text
    assert (newest(api.ward.engine).status, newest(api.ward.engine).patients) == (202, [str(api.ward.patient.id)])


def test_a_hospitals_referral_is_recorded_once_in_its_own_transaction(api: Api) -> None:
    sender = add_device(api, kind="interface", serial="BARS-1")
    done(api.put("/v1/ucr/teams/LE1-UCR", TEAM))
    before = len(events(api.ward.engine))
    headers = {"Content-Type": "application/fhir+json", "X-Request-Id": "r-1"}
    content = msgspec.json.encode(message("one", at=utc_now()))
    answer = api.call("POST", "/v1/fhir/$process-message", token=sender["token"], content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    (left,) = events(api.ward.engine)[before:]
    assert (left.by, str(left.who), left.allows) == ("device", sender["id"], "post referral messages")
    assert left.patients == [api.get("/v1/patients").json()["items"][0]["id"]]


def test_watching_live_is_one_event_that_names_the_ward(api: Api) -> None:
    refused(api.get("/v1/live", params={"ward": "WARD1"}, headers={"Last-Event-ID": "x"}), 422)
    assert (newest(api.ward.engine).allows, newest(api.ward.engine).object) == ("watch live", None)


def test_nobody_is_named_but_by_an_id_and_nothing_measured_is_kept(api: Api) -> None:
    patient = register(api, given_name="Zebedee", nhs_number="9434765919", no_nhs_number_reason=None)
    admit(api, patient)
    has_alert(api, **VERY_SICK)
    api.get(f"/v1/patients/{patient}", params={"Zebedee": "9434765919"})
    api.get("/v1/patients")
    kept = str(events(api.ward.engine))
    assert "Zebedee" not in kept
    assert "9434765919" not in kept


def test_the_application_can_add_to_it_and_do_nothing_else(ward: Ward) -> None:
    for table, column in (("audit_event", "status"), ("audit_subjects", "sha256"), ("audit_seal", "events")):
        for statement in (f"UPDATE {table} SET {column} = NULL", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                change(ward.engine, statement)
    with ward.engine.connect() as connection:
        parts = connection.execute(text("SELECT tablename FROM pg_tables WHERE tablename LIKE 'audit_event_%'"))
        for (part,) in parts.all():
            with pytest.raises(ProgrammingError, match="permission denied"):
                change(ward.engine, f"DELETE FROM {part}")


def test_only_a_list_of_patients_that_is_new_waits_for_the_disk(ward: Ward) -> None:
    event = Event(
        at=utc_now(), by=By.STAFF, who=None, role=None, browser=False, method="GET", route="/", allows="read patients",
        object=None, status=200, request_id="", about=[("patient", ward.patient.id)],
    )  # fmt: skip

    def waits(known: set[bytes]) -> tuple[str, set[bytes]]:
        with snapshot(ward.engine, leaves_event=True) as session:
            session.execute(text("SELECT set_config('synchronous_commit', 'local', true)"))
            lists = write_looks(driver(session).cursor(), [event], known)
            return session.execute(text("SHOW synchronous_commit")).scalar_one(), lists

    first, lists = waits(set())
    assert first == "local"
    assert waits(set()) == waits(lists) == ("off", lists)


def test_many_at_once_are_each_recorded(api: Api) -> None:
    ids = [uuid4().hex for _ in range(20)]
    for one in ids:
        api.get(f"/v1/patients/{api.ward.patient.id}", headers={"X-Request-ID": one})
    assert [one.request_id for one in events(api.ward.engine)] == ids


def test_a_ward_that_opens_is_no_patients_and_recorded_all_the_same(api: Api) -> None:
    open_ward(api, "NEW1")
    assert (newest(api.ward.engine).allows, newest(api.ward.engine).patients) == ("manage wards", [])


def test_who_is_given_a_board_that_was_made_for_several_leaves_an_event_of_their_own(api: Api) -> None:
    patient, staff = str(api.ward.patient.id), api.ward.staff
    roles = [Role.CLINICIAN, Role.SUPPORT, Role.CLINICIAN, Role.ADMIN] * 3
    with ThreadPoolExecutor(len(roles)) as pool:
        answers = list(pool.map(lambda role: api.get("/wards/WARD1/board", role), roles))
    assert {answer.status_code for answer in answers} == {200}
    found = [one for one in events(api.ward.engine) if one.route == "/wards/{code}/board"]
    assert sorted(one.who for one in found) == sorted(staff[role].public_id for role in roles)
    assert {tuple(one.patients) for one in found} == {(patient,)}
