"""What auditors, and patients who ask, are told of who looked: over HTTP and by the commands."""

import csv
import json
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from monitoring.access.roles import Role
from monitoring.audit.chain import new_key, signer
from monitoring.audit.checking import SEALED_WITHIN, audit_part
from monitoring.cli import app
from monitoring.clock import utc_now
from monitoring.config import Settings
from tests.monitoring.api import Api
from tests.monitoring.audited import newest, owner_of, sealed
from tests.monitoring.steps import done, elsewhere, employ, faults, refused, register
from tests.workers.records import change


def audit(api: Api, **asked: Any) -> list[dict[str, Any]]:
    """Events, newest first."""
    items: list[dict[str, Any]] = done(api.get("/v1/audit", Role.AUDITOR, params=asked))["items"]
    return items


def routes(items: Sequence[dict[str, Any]]) -> list[str]:
    """What was asked for, newest first."""
    return [f"{one['method']} {one['route']}" for one in items]


def test_an_auditor_sees_who_looked_at_a_patient_and_that_was_seen_too(api: Api) -> None:
    patient = str(api.ward.patient.id)
    register(api)
    api.get(f"/v1/patients/{patient}", Role.CLINICIAN)
    (one,) = audit(api, subject=patient)
    assert (one["name"], one["role"], one["by"]) == ("The clinician", "clinician", "staff")
    assert (one["route"], one["subjects"], one["status"]) == ("/v1/patients/{patient}", [patient], 200)
    again = audit(api, subject=patient)
    assert routes(again) == ["GET /v1/audit", "GET /v1/patients/{patient}"]
    assert again[0]["role"] == "auditor"


def test_others_whom_an_event_shows_are_counted_and_not_named_to_who_asks_for_one(api: Api) -> None:
    patient, other = str(api.ward.patient.id), str(api.ward.admit().id)
    api.get("/v1/wards/WARD1/board")
    (one,) = audit(api, subject=patient)
    assert (one["subjects"], one["subject_count"]) == ([patient], 2)
    (of_all,) = [one for one in audit(api) if one["route"].endswith("/board")]
    assert of_all["subjects"] == sorted([patient, other])


def test_by_whom_and_when(api: Api) -> None:
    patient = f"/v1/patients/{api.ward.patient.id}"
    api.get(patient, Role.CLINICIAN)
    between = utc_now()
    api.get(f"{patient}/plan", Role.SUPPORT)
    clinician = str(api.ward.staff[Role.CLINICIAN].public_id)
    assert routes(audit(api, by=clinician)) == ["GET /v1/patients/{patient}"]
    assert routes(audit(api, by=str(uuid4()))) == []
    assert routes(audit(api, to=between.isoformat())) == ["GET /v1/patients/{patient}"]
    assert "GET /v1/patients/{patient}" not in routes(audit(api, **{"from": between.isoformat()}))
    assert faults(api.get("/v1/audit", Role.AUDITOR, params={"from": "yesterday"})) == ["from"]


def test_it_comes_in_pages(api: Api) -> None:
    for number in range(5):
        api.get(f"/v1/patients/{api.ward.patient.id}", headers={"X-Request-ID": f"r{number}"})
    subject = {"subject": str(api.ward.patient.id)}
    first = done(api.get("/v1/audit", Role.AUDITOR, params=subject | {"limit": 3}))
    second = done(api.get("/v1/audit", Role.AUDITOR, params=subject | {"limit": 3, "cursor": first["next"]}))
    told = [one["request_id"] for one in (*first["items"], *second["items"])]
    assert told == ["r4", "r3", "r2", "r1", "r0"]
    assert second["next"] is None
    assert faults(api.get("/v1/audit", Role.AUDITOR, params={"cursor": "x"})) == ["cursor"]


def test_what_was_looked_at_under_the_id_of_a_merged_record_is_that_persons(api: Api) -> None:
    kept, gone = register(api), register(api)
    api.get(f"/v1/patients/{gone}", Role.CLINICIAN)
    done(api.post(f"/v1/patients/{gone}/merge", {"into": kept, "reason": "the same"}, Role.COORDINATOR))
    for subject in (kept, gone):
        assert "GET /v1/patients/{patient}" in routes(audit(api, subject=subject))
        assert "POST /v1/patients/{patient}/merge" in routes(audit(api, subject=subject))


def test_auditors_and_admins_only_and_of_ones_own_wards(api: Api) -> None:
    for role in set(Role) - {Role.AUDITOR, Role.ADMIN}:
        refused(api.get("/v1/audit", role), 403)
        assert (newest(api.ward.engine).allows, newest(api.ward.engine).status) == ("read audit", 403)
    patient, _ = elsewhere(api)
    of_first = employ(api, Role.AUDITOR, "WARD1")
    refused(api.get("/v1/audit", token=of_first), 403)
    refused(api.get("/v1/audit", token=of_first, params={"subject": patient}), 404)
    assert api.get("/v1/audit", token=of_first, params={"subject": str(api.ward.patient.id)}).status_code == 200


def test_as_csv_it_is_whole_for_the_patient_who_asks(api: Api) -> None:
    patient = str(api.ward.patient.id)
    for _ in range(3):
        api.get(f"/v1/patients/{patient}", Role.CLINICIAN)
    headers = {"Accept": "text/csv"}
    answer = api.get("/v1/audit", Role.AUDITOR, params={"subject": patient, "limit": 1}, headers=headers)
    lines = list(csv.DictReader(StringIO(answer.text)))
    assert [line["route"] for line in lines] == ["/v1/patients/{patient}"] * 3
    assert lines[0]["name"] == "The clinician"


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """What the commands are told."""
    return {"VIRTUAL_WARD_DATABASE_URL": settings.database_url, "VIRTUAL_WARD_QUEUE_URL": settings.queue_url}


def test_the_command_hands_out_a_patients_events_and_leaves_one(api: Api, environment: dict[str, str]) -> None:
    patient = str(api.ward.patient.id)
    api.get(f"/v1/patients/{patient}", Role.CLINICIAN)
    said = CliRunner().invoke(app, ["audit", "export", "--subject", patient], env=environment)
    assert said.exit_code == 0, said.output
    told = [(line["by"], line["route"]) for line in csv.DictReader(StringIO(said.stdout))]
    assert told == [("command", "virtual-ward audit export"), ("staff", "/v1/patients/{patient}")]
    assert newest(api.ward.engine).by == "command"


def test_the_command_verifies_and_exits_1_where_anything_is_wrong(
    api: Api, environment: dict[str, str], settings: Settings
) -> None:
    secret, public = new_key()
    api.get(f"/v1/patients/{api.ward.patient.id}")
    sealed(api.ward.engine, signer(secret))
    environment |= {"VIRTUAL_WARD_AUDIT_PUBLIC_KEYS": public}
    good = CliRunner().invoke(app, ["audit", "verify", "--json"], env=environment)
    found = json.loads(good.stdout)
    assert (good.exit_code, found["wrong"], found["signed"], found["events"]) == (0, [], 1, 1)
    kept = ["audit", "verify", "--head", found["head"]]
    assert CliRunner().invoke(app, kept, env=environment).exit_code == 0
    with owner_of(settings) as owner:
        change(owner, "UPDATE audit_event SET status = 404")
    bad = CliRunner().invoke(app, ["audit", "verify"], env=environment)
    assert bad.exit_code == 1
    assert "altered: 20" in bad.stdout
    assert "WRONG: 1" in bad.stdout
    today = utc_now().date()
    others = ["--from", str(today + timedelta(days=1))], ["--to", str(today - timedelta(days=1))]
    for period in others:
        assert CliRunner().invoke(app, ["audit", "verify", *period], env=environment).exit_code == 0, period


def test_a_key_is_made_for_both_sides() -> None:
    said = CliRunner().invoke(app, ["audit", "key"]).stdout.split()
    settings = Settings(
        audit_signing_key=said[0].partition("=")[2], audit_public_keys=said[1].partition("=")[2]
    )  # each is what the setting takes
    assert signer(settings.audit_signing_key) is not None


def test_check_says_what_waits_for_its_seal_and_whether_anybody_signs(api: Api, tmp_path: Path) -> None:
    assert "not signed" in audit_part(api.ward.engine, utc_now()).detail
    api.get(f"/v1/patients/{api.ward.patient.id}")
    assert audit_part(api.ward.engine, utc_now()).status == "ok"
    late = audit_part(api.ward.engine, utc_now() + SEALED_WITHIN)
    assert (late.status, late.detail.partition(",")[0]) == ("degraded", "1 events wait to be sealed")
    sealed(api.ward.engine, signer(new_key()[0]))
    assert audit_part(api.ward.engine, utc_now() + SEALED_WITHIN).detail == "sealed and signed"
