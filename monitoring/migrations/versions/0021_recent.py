"""What just came stands apart from what came before: readings and ledger entries, until they are settled."""

from alembic import op

revision = "0021"
down_revision = "0020"

# Nothing of what is stored is written anew: the tables as they are become the settled part of new ones.
LEDGER = """
ALTER TABLE ledger RENAME TO ledger_settled;
ALTER TABLE ledger_settled RENAME CONSTRAINT ledger_pkey TO ledger_settled_pkey;
ALTER TABLE ledger_settled ADD COLUMN recent boolean NOT NULL DEFAULT false;
CREATE TABLE ledger (LIKE ledger_settled) PARTITION BY LIST (recent);
ALTER TABLE ledger ALTER COLUMN recent SET DEFAULT true;
ALTER TABLE ledger ATTACH PARTITION ledger_settled FOR VALUES IN (false);
CREATE TABLE ledger_recent PARTITION OF ledger (PRIMARY KEY (source, id)) FOR VALUES IN (true);
"""

READING = """
ALTER TABLE reading RENAME TO reading_settled;
ALTER TABLE reading_settled RENAME CONSTRAINT reading_pkey TO reading_settled_pkey;
ALTER INDEX reading_declined RENAME TO reading_settled_declined;
ALTER TABLE reading_settled ADD COLUMN recent boolean NOT NULL DEFAULT false;
CREATE TABLE reading (LIKE reading_settled) PARTITION BY LIST (recent);
ALTER TABLE reading ALTER COLUMN recent SET DEFAULT true;
ALTER TABLE reading ATTACH PARTITION reading_settled FOR VALUES IN (false);
CREATE TABLE reading_recent PARTITION OF reading (PRIMARY KEY (episode_id, taken_at, set)) FOR VALUES IN (true);
CREATE INDEX reading_declined ON reading (episode_id, taken_at) WHERE quality <> 'test' AND also ? 'declined';
"""

# As in 0001, but for the name of what the months are parts of.
MAKE_READING_MONTH = """
CREATE OR REPLACE FUNCTION make_reading_month(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    part text := 'reading_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7704);
    -- A query and not to_regclass: that remembers, while we waited, that there was none.
    IF EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = 'public'::regnamespace) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE reading_settled INCLUDING ALL)', part);
    EXECUTE format('ALTER TABLE reading_settled ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part,
                   to_char(date_trunc('month', month), 'YYYY-MM-DD') || ' 00:00:00+00',
                   to_char(date_trunc('month', month) + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
END
$$
"""

# Each moves up to `most` rows of the first keys after `after`, and returns the key to go on after: NULL where there
# were none left, or somebody else was at it. A key whose rows were not all moved is come back to. What was written once
# is not in the application's power to change or delete: the owner's rights move it, and leave its content as it is.
# One statement moves them: whoever looks sees each row in one of the parts, and whoever enters an id on its way waits.
SETTLE = """
CREATE FUNCTION settle_{table}(after bigint, most int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    columns text;
    moved int;
    last bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock({lock}) THEN
        RETURN NULL;
    END IF;
    -- Whatever columns there are: a later migration may add some.
    SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
    WHERE attrelid = '{table}_recent'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'recent';
    EXECUTE format('
        WITH gone AS (
            DELETE FROM {table}_recent
            WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {table}_recent WHERE {first} > $1 ORDER BY {key} LIMIT $2
            ))
            RETURNING *
        ), settled AS (
            INSERT INTO {table}_settled (%1$s) SELECT %1$s FROM gone ORDER BY {key}
            RETURNING {first}
        )
        SELECT count(*), max({first}) FROM settled
    ', columns) INTO moved, last USING after, most;
    RETURN CASE WHEN moved < most THEN last ELSE last - 1 END;
END
$$
"""

GRANTS = """
REVOKE ALL ON FUNCTION settle_ledger, settle_reading FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON ledger, reading TO vw_app;
        REVOKE ALL ON ledger_settled, reading_settled FROM vw_app;
        GRANT EXECUTE ON FUNCTION settle_ledger, settle_reading TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Part both tables, and make what settles their recent rows."""
    op.execute(LEDGER)
    op.execute(READING)
    op.execute(MAKE_READING_MONTH)
    op.execute(SETTLE.format(table="ledger", lock=7720, first="source", key="source, id"))
    op.execute(SETTLE.format(table="reading", lock=7721, first="episode_id", key="episode_id, taken_at, set"))
    op.execute(GRANTS)
