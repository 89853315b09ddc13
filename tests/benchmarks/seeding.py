"""Patients by the thousand: one of each kind is admitted through the API, the others are copied from it in SQL.

A copy has the same internal key as a patient, as a stay and as a device: `FIRST_KEY` + its number.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

import httpx
import psycopg
from psycopg import sql

from devices.simulator import Patient
from monitoring.clock import utc_now
from tests.benchmarks.up import Up, clean_environment
from tests.monitoring.embedded.processes import REPOSITORY

FIRST_KEY: Final = 1_000  # beyond the patients made through the API
ADMITTED_AGO: Final = timedelta(days=100)
PATIENTS_PER_WARD: Final = 50
Kind = tuple[str, int, float]  # pathway, SpO2 scale, home oxygen in L/min


def token_of(number: int) -> str:
    """The token of a copy's device."""
    return f"vwd_benchmark-{number}"


def add_staff(up: Up, role: str) -> str:
    """Somebody who works there. Returns their token."""
    command = [sys.executable, "-m", "monitoring.cli", "staff", "add", "--name", "Bench", "--role", role, "--json"]
    data = ["--data", up.installation.data]
    made = subprocess.run(
        [*command, *data], cwd=REPOSITORY, env=clean_environment(), capture_output=True, check=True, timeout=60
    )
    token: str = json.loads(made.stdout)["token"]
    return token


def seed(up: Up, patients: Sequence[Patient]) -> None:
    """Admit everybody, 100 days ago, each with a device; fifty patients to a ward."""
    wards = _wards(patients)
    with httpx.Client(base_url=up.url, headers={"Authorization": f"Bearer {add_staff(up, 'admin')}"}) as client:
        models = _admit_models(client, patients, wards)
    rows = [(number, models[_kind(patient)], wards[number]) for number, patient in enumerate(patients)]
    with up.owner() as connection, connection.transaction():
        connection.execute(
            _HOMES,
            {
                "first": FIRST_KEY,
                "numbers": [number for number, _, _ in rows],
                "models": [model for _, model, _ in rows],
                "wards": [ward for _, _, ward in rows],
            },
        )
        for table, joined, changed in _COPIES:
            _copy(connection, table, joined, changed, utc_now() - ADMITTED_AGO)
        for table in ("patient", "device", "episode"):
            connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    with up.owner() as connection:
        connection.execute("VACUUM (ANALYZE)")


def forget(connection: psycopg.Connection, now: datetime) -> None:
    """Nothing is known of anybody, no alert is open, and everybody's readings are due: a new slot begins."""
    values = {"now": now, "overdue": now + timedelta(minutes=60)}
    connection.execute(_NOTHING_KNOWN, values)
    connection.execute(_NO_ALERTS, values)
    connection.execute("VACUUM (ANALYZE) latest_vitals")


def _kind(patient: Patient) -> Kind:
    return patient.pathway, patient.spo2_scale, patient.home_oxygen_l_min


def _wards(patients: Sequence[Patient]) -> list[str]:
    """The code of each patient's ward: fifty of one pathway on each."""
    pathways = sorted({patient.pathway for patient in patients})
    beds = {pathway: count() for pathway in pathways}
    return [f"B{pathways.index(one.pathway)}N{next(beds[one.pathway]) // PATIENTS_PER_WARD}" for one in patients]


def _admit_models(client: httpx.Client, patients: Sequence[Patient], wards: Sequence[str]) -> dict[Kind, str]:
    """Open the wards, and admit one patient of each kind. Returns their ids."""
    opened: set[str] = set()
    models: dict[Kind, str] = {}
    for patient, ward in zip(patients, wards, strict=True):
        if ward not in opened:
            opened.add(ward)
            body = {"code": ward, "name": f"Ward {ward}", "pathway": patient.pathway, "provider": "RXX", "icb": "QXX"}
            _post(client, "/v1/wards", body | {"funded": PATIENTS_PER_WARD + 20, "staffed": PATIENTS_PER_WARD + 20})
        if _kind(patient) not in models:
            models[_kind(patient)] = _admit(client, patient, ward)
    return models


def _admit(client: httpx.Client, patient: Patient, ward: str) -> str:
    person = {"given_name": "Ann", "family_name": "Other", "birth_date": "1950-02-28", "sex": "female"}
    made = _post(client, "/v1/patients", person | {"no_nhs_number_reason": "benchmark"})
    device = _post(client, "/v1/devices", {"kind": "hub", "serial": f"BENCH-{patient.number}"})
    plan: dict[str, Any] = {"spo2_scale": patient.spo2_scale, "reason": "benchmark", "review_on": "2100-01-01"}
    if patient.home_oxygen_l_min:
        plan["home_oxygen_l_min"] = patient.home_oxygen_l_min
    stay = {"patient": made["id"], "ward": ward, "step": "up", "devices": [device["id"]], "plan": plan}
    _post(client, "/v1/episodes", stay)
    patient_id: str = made["id"]
    return patient_id


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body, timeout=30)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


_HOMES: Final = """
CREATE TEMP TABLE home ON COMMIT DROP AS
SELECT %(first)s::bigint + asked.number AS key, 'vwd_benchmark-' || asked.number AS token,
       model.id AS patient_model, stay.id AS stay_model, worn.device_id AS device_model, ward.id AS ward_id
FROM unnest(%(numbers)s::int[], %(models)s::uuid[], %(wards)s::text[]) AS asked (number, model, ward)
JOIN patient AS model ON model.public_id = asked.model
JOIN episode AS stay ON stay.patient_id = model.id
JOIN assignment AS worn ON worn.patient_id = model.id
JOIN ward ON ward.code = asked.ward
"""

_MADE: Final = {"id": "home.key", "public_id": "gen_random_uuid()"}

_COPIES: Final[Sequence[tuple[str, str, dict[str, str]]]] = (
    ("patient", "one.id = home.patient_model", _MADE | {"created_at": "%(at)s"}),
    ("device", "one.id = home.device_model", _MADE | {"serial": "'BENCHMARK-' || home.key", "created_at": "%(at)s"}),
    (
        "episode",
        "one.id = home.stay_model",
        _MADE | {"patient_id": "home.key", "ward_id": "home.ward_id", "admitted_at": "%(at)s"},
    ),
    (
        "ward_stay",
        "one.episode_id = home.stay_model",
        {"episode_id": "home.key", "patient_id": "home.key", "ward_id": "home.ward_id", "from_at": "%(at)s"},
    ),
    ("plan", "one.episode_id = home.stay_model", {"episode_id": "home.key", "from_at": "%(at)s"}),
    ("latest_vitals", "one.episode_id = home.stay_model", {"episode_id": "home.key"}),
    (
        "assignment",
        "one.device_id = home.device_model",
        {"device_id": "home.key", "patient_id": "home.key", "during": "tstzrange(%(at)s, NULL)"},
    ),
    (
        "token",
        "one.device_id = home.device_model",
        {
            "device_id": "home.key",
            "sha256": "sha256(convert_to(home.token, 'UTF8'))",
            "created_at": "%(at)s",
            "changed_at": "%(at)s",
        },
    ),
)
"""By table: which row of a home's model is copied, and what of it is the home's own. In the order of their keys."""

_COLUMNS: Final = """
SELECT column_name::text FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s AND (is_identity = 'NO' OR column_name = ANY(%s))
ORDER BY ordinal_position
"""


def _copy(connection: psycopg.Connection, table: str, joined: str, changed: dict[str, str], at: datetime) -> None:
    """Copy each home's row, whatever columns the table has; a key that is not named is made by the table."""
    columns = [name for (name,) in connection.execute(_COLUMNS, (table, list(changed)))]
    values = [sql.SQL(changed[name]) if name in changed else sql.Identifier("one", name) for name in columns]
    statement = sql.SQL(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM home JOIN {} AS one ON {} ORDER BY home.key"
    ).format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(values),
        sql.Identifier(table),
        sql.SQL(joined),
    )
    connection.execute(statement, {"at": at})


_NOTHING_KNOWN: Final = """
UPDATE latest_vitals SET
    values = array_fill(NULL::smallint, ARRAY[cardinality(values)]),
    taken_us = array_fill(NULL::bigint, ARRAY[cardinality(taken_us)]),
    sets = array_fill(NULL::uuid, ARRAY[cardinality(sets)]),
    also = '{}', newest_at = NULL, newest_set = NULL, newest_severity = 0, heard_at = NULL, missed = 0,
    due_at = %(now)s, overdue_at = %(overdue)s
"""

_NO_ALERTS: Final = """
UPDATE alert SET state = 'resolved', due_at = NULL, resolved_at = %(now)s, outcome = 'advice'
WHERE state NOT IN ('resolved', 'expired')
"""
