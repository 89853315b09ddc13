"""A million spells: a year on 42 ICBs of ten wards each, made in the database itself in seconds.

Indexes and checks are put aside meanwhile. The refusal of two beds at a time is not put back: it alone would take as
long as all the rest, and nothing that is measured reads it.
"""

from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg import sql

ICBS: Final = 42
WARDS_PER_ICB: Final = 10
SPAN: Final = timedelta(days=365)
_EACH: Final = 4  # spells of a patient, one in each quarter, so that they never overlap
_BEDS_PER_SPELL: Final = 0.0145  # of a ward: about 80 % of them are occupied

# Of each spell a held bed before it; of one in ten, a leave.
_ROWS: Final = (
    """
    INSERT INTO staff (public_id, name, role, registered, senior, created_at)
    SELECT gen_random_uuid(), 'Bench', 'coordinator', false, false, %(since)s
    """,
    """
    INSERT INTO ward (code, name, pathway, provider, icb, max_stay_days, in_sitrep, created_at)
    SELECT format('I%%sW%%s', icb, ward), format('Ward %%s', ward),
           (ARRAY['general', 'frailty', 'copd'])[1 + ward %% 3],
           format('R%%s', lpad(icb::text, 2, '0')), format('Q%%s', lpad(icb::text, 2, '0')), 14, true, %(since)s
    FROM generate_series(1, %(icbs)s) AS icb, generate_series(1, %(each)s) AS ward
    """,
    """
    INSERT INTO ward_capacity (ward_id, from_at, funded, staffed)
    SELECT id, %(since)s::timestamptz + month * interval '1 month', %(beds)s, %(beds)s - month %% 3
    FROM ward, generate_series(0, 11) AS month
    """,
    """
    INSERT INTO patient (public_id, given_name, family_name, birth_date, sex, no_nhs_number_reason, created_at,
                         nhs_number_is_test, pregnant, known_hypertension, spinal_cord_injury, phones, next_of_kin)
    SELECT uuidv7(), 'Ann', 'Other', '1950-02-28', 'female', 'benchmark', %(since)s, false, 'false', 'false', false,
           '{}', '[]'
    FROM generate_series(1, %(spells)s / %(quarters)s)
    """,
    """
    CREATE TEMP TABLE spell AS
    SELECT row_number() OVER (ORDER BY at) AS id, patient, ward_id, at,
           nullif(least(at + length, %(until)s), %(until)s) AS until_at
    FROM (SELECT patient, (SELECT min(id) FROM ward) + (random() * 1e6)::int %% %(wards)s AS ward_id,
                 %(since)s::timestamptz + (day - 364 * floor(day / 364)) * interval '1 day' AS at,
                 random() * random() * interval '14 days' + interval '1 day' AS length
          FROM (SELECT patient, quarter * 91 + random() * 75 + phase AS day
                FROM generate_series(0, %(quarters)s - 1) AS quarter,
                     (SELECT id AS patient, random() * 91 AS phase FROM patient
                      ORDER BY id DESC LIMIT %(spells)s / %(quarters)s) AS patients) AS begun) AS made
    """,
    """
    INSERT INTO episode (public_id, patient_id, ward_id, step, admitted_at, admitted_by, discharged_at)
    SELECT uuidv7(), patient, ward_id, 'up', at, (SELECT max(id) FROM staff), until_at FROM spell ORDER BY id
    """,
    """
    INSERT INTO ward_stay (episode_id, patient_id, ward_id, from_at, until_at)
    SELECT id, patient, ward_id, at, until_at FROM spell ORDER BY id
    """,
    """
    INSERT INTO bed_hold (referral_id, ward_id, from_at, held_until, ended_at)
    SELECT id, ward_id, at - random() * interval '4 hours', at + interval '1 hour', at FROM spell ORDER BY id
    """,
    """
    INSERT INTO leave (episode_id, ward_id, kind, from_at, until_at)
    SELECT id, ward_id, 'family', at + 0.3 * (until_at - at), at + 0.4 * (until_at - at)
    FROM spell WHERE id %% 10 = 0 AND until_at IS NOT NULL ORDER BY id
    """,
)

_TABLES: Final = ["episode", "ward_stay", "bed_hold", "leave"]

_INDEXES: Final = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid::regclass::text = ANY(%s) AND NOT indisprimary AND NOT EXISTS (
    SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def write_spells(connection: psycopg.Connection, spells: int, until: datetime) -> None:
    """Write a year of spells that ends at an instant, over a superuser's connection."""
    values = {
        "since": until - SPAN,
        "until": until,
        "spells": spells,
        "quarters": _EACH,
        "icbs": ICBS,
        "each": WARDS_PER_ICB,
        "wards": ICBS * WARDS_PER_ICB,
        "beds": max(3, round(_BEDS_PER_SPELL * spells / (ICBS * WARDS_PER_ICB))),
    }
    connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
    connection.execute("ALTER TABLE ward_stay DROP CONSTRAINT ward_stay_one_bed_at_a_time")
    indexes = connection.execute(_INDEXES, (_TABLES,)).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(name)))
    for rows in _ROWS:
        connection.execute(rows, values)
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("RESET session_replication_role")
    connection.execute("VACUUM (ANALYZE)")
