"""The right of access: one person's record in a Bundle that others read, without what is somebody else's."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fhir.resources.R4B.bundle import Bundle

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.escalation.tables import By, Contact
from monitoring.privacy import shapes, subject_access
from monitoring.privacy.kept import RECORDS
from monitoring.refusals import Unacceptable
from tests.monitoring.api import Api
from tests.monitoring.audited import newest
from tests.monitoring.lives import IDENTIFYING, NUMBER, WORDS, Life, lives
from tests.monitoring.steps import done, drain, posts, register
from tests.ward import WELL
from tests.workers.records import change, rows


def told(api: Api, who: str, file: Path) -> list[dict[str, Any]]:
    """Every resource of a Bundle that the library takes."""
    path = file / f"{uuid4()}.json"
    number = subject_access.export(api.ward.settings, who, path, utc_now(), lambda _: None)
    bundle = json.loads(path.read_bytes())
    Bundle.model_validate(bundle)
    made = [entry["resource"] for entry in bundle["entry"]]
    assert (bundle["type"], len(made)) == ("collection", number)
    assert len({(one["resourceType"], one["id"]) for one in made}) == number
    return made


def of_type(made: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Resources of some types."""
    return [one for one in made if one["resourceType"] in names]


def tables(made: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows that are told as they stand, by table."""
    attached = [one["content"][0]["attachment"] for one in of_type(made, "DocumentReference")]
    return {one["title"].removesuffix(".json"): json.loads(b64decode(one["data"])) for one in attached}


def whole(made: list[dict[str, Any]]) -> str:
    """All that it says, in words."""
    return json.dumps(made, ensure_ascii=False) + json.dumps(tables(made), ensure_ascii=False)


def test_it_holds_the_stay_its_readings_its_alerts_and_who_looked(api: Api, tmp_path: Path) -> None:
    life = lives(api)
    made = told(api, NUMBER, tmp_path)
    (person,) = of_type(made, "Patient")
    assert (person["id"], person["identifier"][0]["value"]) == (life.patient, NUMBER)
    assert [one["id"] for one in of_type(made, "Encounter")] == [life.episode]
    measured = [one["id"].partition("-")[2][-5:] for one in of_type(made, "Observation")]
    assert measured.count("news2") == 3
    flags = {one["id"]: one for one in of_type(made, "Flag")}
    assert flags[life.alert]["status"] == "inactive"
    assert "NEWS2" in flags[life.alert]["code"]["text"]
    done_by = {one["activity"]["text"]: one["agent"][0]["who"]["display"] for one in of_type(made, "Provenance")}
    assert done_by["acknowledged"] == "The admin"
    looked = {one["entity"][0]["description"] for one in of_type(made, "AuditEvent")}
    assert {"POST /v1/patients", "virtual-ward subject-access"} <= looked
    assert tables(made)["plan"][-1]["reason"] == "plan for Zeb"
    assert {"ucr_referral", "hotline_call", "assignment", "ward_stay", "set_aside"} <= tables(made).keys()


def test_what_staff_wrote_is_in_it_and_what_others_told_is_not(api: Api, tmp_path: Path) -> None:
    lives(api)
    mail, staff = "joy@trust.example", api.ward.staff[Role.ADMIN].id
    with transaction(api.ward.engine) as session:
        session.add(Contact(staff_id=staff, place=0, by=By.EMAIL, to=mail, recorded_at=utc_now()))
    said = whole(told(api, NUMBER, tmp_path))
    others = {"Ottoline", "Fotheringay", "Barnaby", "angry goose", "worried about Zeb"}
    known = {*IDENTIFYING, *WORDS} - {"SER-774411", "0770090046"}
    assert {word for word in known if word not in said} == others
    assert "07700900461" in said  # their own number
    assert [word for word in ("07700900462", "07700900463", mail) if word in said] == []
    assert shapes.WITHHELD in said


def test_what_patients_told_themselves_is_theirs(api: Api, tmp_path: Path) -> None:
    worry = {"id": "p1", "at": api.now(), "from": "patient", "text": "I feel odd", "callback": "1"}
    assert api.post("/v1/concerns", worry, token=api.device()).status_code == 201
    (one,) = of_type(told(api, str(api.ward.patient.id), tmp_path), "Communication")
    assert (one["payload"][0]["contentString"], one["sender"]["display"]) == ("I feel odd", "patient")


def test_every_table_of_a_record_is_told_or_says_why_not() -> None:
    kinds = {"rows", "Observation", "Encounter", "Flag", "Provenance", "Communication"}
    for table, kept in RECORDS.items():
        assert kept.told in kinds or (kept.told.startswith("not: ") and len(kept.told) > 20), table


def test_nobody_else_is_in_it(api: Api, tmp_path: Path) -> None:
    lives(api)
    done(api.get("/v1/wards/WARD1/board"))  # an event that shows the ward's own patient
    other = str(api.ward.patient.id)
    posts(api, **WELL)
    drain(api)
    done(api.get("/v1/patients"))  # both in one event
    assert other not in whole(told(api, NUMBER, tmp_path))
    assert NUMBER not in whole(told(api, other, tmp_path))


def test_a_record_that_was_merged_is_followed_from_either_side(api: Api, tmp_path: Path) -> None:
    life: Life = lives(api)
    kept = register(api, nhs_number="9449305552", no_nhs_number_reason=None, given_name="Zeb")
    change(api.ward.engine, "UPDATE patient SET nhs_number = NULL WHERE public_id = :id", id=life.patient)
    done(api.post(f"/v1/patients/{life.patient}/merge", {"into": kept, "reason": "twice"}))
    for who in (life.patient, kept, "9449305552"):
        made = told(api, who, tmp_path)
        people = of_type(made, "Patient")
        assert {one["id"] for one in people} == {life.patient, kept}
        (link,) = [one["link"][0]["other"]["reference"] for one in people if "link" in one]
        assert link == f"Patient/{kept}"
        assert len(of_type(made, "Observation")) > 10
        assert {"POST /v1/patients"} <= {one["entity"][0]["description"] for one in of_type(made, "AuditEvent")}


def test_it_leaves_an_event_before_anything_is_read(api: Api, tmp_path: Path) -> None:
    lives(api)
    told(api, NUMBER, tmp_path)
    event = newest(api.ward.engine)
    (patient,) = rows(api.ward.engine, "SELECT public_id::text AS id FROM patient WHERE nhs_number = :n", n=NUMBER)
    assert (event.route, event.by, event.patients) == (subject_access.ROUTE, "command", [patient.id])


def test_a_file_that_is_there_is_not_written_over_and_half_a_file_does_not_stay(api: Api, tmp_path: Path) -> None:
    file, new = tmp_path / "bundle.json", tmp_path / "new.json"
    file.write_text("mine")
    lives(api)
    looked = """
        INSERT INTO audit_event (at, by, browser, method, route, allows, subjects, status, request_id)
        SELECT :at, 'staff', false, 'GET', '/v1', 'read patients', sha256, 200, ''
        FROM audit_subjects, generate_series(1, 1100)
    """
    change(api.ward.engine, looked, at=utc_now())

    def stops(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Unacceptable, match="FILE"):
        subject_access.export(api.ward.settings, NUMBER, file, utc_now(), stops)
    assert file.read_text() == "mine"
    with pytest.raises(Unacceptable, match="PATIENT"):
        subject_access.export(api.ward.settings, "9449305552", new, utc_now(), stops)
    with pytest.raises(KeyboardInterrupt):
        subject_access.export(api.ward.settings, NUMBER, new, utc_now(), stops)
    assert not new.exists()
    subject_access.export(api.ward.settings, NUMBER, new, utc_now(), lambda _: None)
    assert new.stat().st_mode & 0o777 == subject_access.FOR_ITS_OWNER_ALONE


def test_years_of_readings_are_read_a_page_at_a_time(api: Api, tmp_path: Path) -> None:
    many = 3 * subject_access.SETS_AT_ONCE + 7
    posted = """
        INSERT INTO reading (
            episode_id, taken_at, set, source, id, received_at, quality, oxygen_assumed, severity, spo2
        )
        SELECT :episode, :at + n * interval '1 minute', gen_random_uuid(), :source, n::text, :at, 'good', false, 0, 96
        FROM generate_series(1, :many) AS n
    """
    one = api.ward.patient
    change(api.ward.engine, posted, episode=one.episode_id, source=one.device_key, at=api.ward.now, many=many)
    assert len(of_type(told(api, str(one.id), tmp_path), "Observation")) == many
