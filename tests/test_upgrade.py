"""The schema is brought up to date under a version that goes on serving: nothing is lost, and nobody waits for long."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from threading import Event
from typing import Any, Final
from uuid import UUID

import httpx
import psycopg
import pytest

from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import SESSION_OPTIONS, make_engine
from monitoring.embedded import postgres
from monitoring.migrating import LOCK_WAIT_S, migrate
from monitoring.schema import HEAD, version
from tests import servers
from tests.monitoring.live_server import serving
from tests.servers import Servers
from tests.workers.records import rows

BEFORE: Final = "0022"
"""The schema of an installation that is brought up to date."""
PATIENT: Final = UUID(int=1)
TOKEN: Final = "vws_of_the_version_before"
SETS: Final = 20_000

# As that version left them.
FILLED: Final = f"""
INSERT INTO ward (code, name, pathway, provider, icb, max_stay_days, in_sitrep, created_at)
VALUES ('OLD', 'Old ward', 'general', 'RXX', 'QXX', 14, true, '2026-01-01Z');
INSERT INTO ward_capacity (ward_id, from_at, funded, staffed) VALUES (1, '2026-01-01Z', 10, 10);
INSERT INTO staff (public_id, name, role, registered, senior, created_at)
VALUES ('{UUID(int=2)}', 'Ada', 'admin', false, false, '2026-01-01Z');
INSERT INTO token (sha256, staff_id, created_at, changed_at)
SELECT '\\x{sha256(TOKEN.encode()).hexdigest()}', id, '2026-01-01Z', '2026-01-01Z' FROM staff WHERE name = 'Ada';
INSERT INTO patient (public_id, nhs_number_is_test, no_nhs_number_reason, given_name, family_name, birth_date, sex,
                     phones, next_of_kin, pregnant, spinal_cord_injury, known_hypertension, created_at)
VALUES ('{PATIENT}', false, 'visitor', 'Ann', 'Other', '1950-02-28', 'female', '{{}}', '[]', 'false', false,
        'unknown', '2026-01-01Z');
INSERT INTO episode (public_id, patient_id, ward_id, step, admitted_at, admitted_by)
SELECT '{UUID(int=3)}', 1, 1, 'up', '2026-01-01Z', id FROM staff WHERE name = 'Ada';
INSERT INTO ward_stay (episode_id, patient_id, ward_id, from_at) VALUES (1, 1, 1, '2026-01-01Z');
INSERT INTO plan (episode_id, from_at, spo2_scale, readings_per_day, times, expects, monitoring, limits, baselines,
                  recorded_at)
VALUES (1, '2026-01-01Z', 1, 4, '{{}}', '{{}}', 'full', '{{}}', '{{}}', '2026-01-01Z');
INSERT INTO device (public_id, kind, serial, identifiers, shared, created_at, state_at)
VALUES ('{UUID(int=4)}', 'hub', 'H-1', '{{}}', false, '2026-01-01Z', '2026-01-01Z');
INSERT INTO latest_vitals (episode_id, values, taken_us, sets, also, newest_severity, missed)
SELECT 1, array_fill(NULL::int, ARRAY[9]), array_fill(NULL::bigint, ARRAY[9]), array_fill(NULL::uuid, ARRAY[9]), '{{}}',
       0, 0;
"""
TAKEN: Final = """
WITH new AS (
    INSERT INTO ledger (source, id, content)
    SELECT 1, 's' || n, sha256(n::text::bytea) FROM generate_series(%(first)s::int, %(last)s::int) n RETURNING id
)
INSERT INTO reading (oxygen_assumed, severity, episode_id, taken_at, set, source, id, received_at, quality, spo2)
SELECT false, 0, 1, '2026-01-02Z'::timestamptz + substr(id, 2)::int * interval '1 minute', gen_random_uuid(), 1, id,
       '2026-01-02Z', 'good', 96
FROM new
"""


@dataclass(frozen=True)
class Installation:
    """A database of the version before, with what that left in it, and a queue."""

    owner: str
    settings: Settings


@pytest.fixture
def before(run_servers: Servers) -> Iterator[Installation]:
    """A ward with a patient and some months of readings, in the schema before."""
    with servers.own_database(run_servers, "template1") as name:
        owner = run_servers.postgres.url(name, postgres.OWNER)
        assert migrate(owner, utc_now(), to=BEFORE) == BEFORE
        with psycopg.connect(owner) as connection:
            connection.execute(FILLED)
            connection.execute(TAKEN, {"first": 1, "last": SETS})
        yield Installation(
            owner, Settings(database_url=run_servers.postgres.url(name), queue_url=run_servers.valkey.url(0))
        )


@contextmanager
def taking(url: str) -> Iterator[list[float]]:
    """The version before goes on storing sets, one after another; how long each took, in seconds."""
    took: list[float] = []
    enough = Event()

    def take() -> None:
        with psycopg.connect(url, options=SESSION_OPTIONS, autocommit=True) as connection:
            while not enough.is_set():
                began, number = time.monotonic(), SETS + len(took) + 1
                connection.execute(TAKEN, {"first": number, "last": number})
                connection.execute("UPDATE latest_vitals SET heard_at = '2026-01-03Z' WHERE episode_id = 1")
                connection.execute("SELECT count(*) FROM token JOIN staff ON staff.id = token.staff_id").fetchall()
                took.append(time.monotonic() - began)

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(take)
        try:
            yield took
        finally:
            enough.set()
        writer.result()


def test_what_the_version_before_stored_and_goes_on_storing_is_there_afterwards(before: Installation) -> None:
    with taking(before.settings.database_url) as took:
        assert migrate(before.owner, utc_now()) == HEAD
    assert len(took) > 1
    assert max(took) < LOCK_WAIT_S
    engine = make_engine(before.settings.database_url)
    try:
        stored = SETS + len(took)
        assert [rows(engine, f"SELECT count(*) AS n FROM {one}")[0].n for one in ("ledger", "reading")] == [stored] * 2
    finally:
        engine.dispose()
    with serving(before.settings) as url:
        looked = {
            path: _get(f"{url}{path}")
            for path in ("/v1/wards/OLD/board", f"/v1/patients/{PATIENT}", f"/v1/patients/{PATIENT}/plan")
        }
        newest = _get(f"{url}/v1/patients/{PATIENT}/readings?limit=1")["items"]
    assert [one["id"] for one in newest] == [f"s{stored}"]
    assert looked[f"/v1/patients/{PATIENT}"]["family_name"] == "Other"


def test_a_migration_gives_way_to_whoever_waits_behind_it(before: Installation) -> None:
    read, app = "SELECT count(*) FROM token", before.settings.database_url
    with psycopg.connect(before.owner) as long, psycopg.connect(app, options=SESSION_OPTIONS, autocommit=True) as other:
        long.execute(read)  # and goes on holding what it read, in a transaction that does not end
        with ThreadPoolExecutor(1) as pool:
            migrated = pool.submit(migrate, before.owner, utc_now())
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
            while other.execute(waits).fetchone() == (0,):
                assert not migrated.done(), migrated.result()
            began = time.monotonic()
            try:
                other.execute(read)
            finally:
                long.rollback()
            assert time.monotonic() - began < LOCK_WAIT_S + 1
            assert migrated.result(timeout=60) == HEAD
    engine = make_engine(app)
    assert version(engine) == HEAD
    engine.dispose()


def _get(url: str) -> Any:
    answer = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    return answer.json()
