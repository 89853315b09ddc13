"""Who looked at or changed what of which patient; and the seals that show what was tampered with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"

# As make_reading_month: the month's part where it is not there yet, by the owner's rights.
MAKE_AUDIT_MONTH = """
CREATE FUNCTION make_audit_month(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    part text := 'audit_event_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7705);
    -- A query and not to_regclass: that remembers, while we waited, that there was none.
    IF EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = 'public'::regnamespace) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE audit_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
    EXECUTE format('ALTER TABLE audit_event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part,
                   to_char(date_trunc('month', month), 'YYYY-MM-DD') || ' 00:00:00+00',
                   to_char(date_trunc('month', month) + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
END
$$
"""

# Nobody but the owner may change or delete any of it, nor reach the parts beside the whole.
GRANTS = """
REVOKE ALL ON FUNCTION make_audit_month FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON audit_event, audit_subjects, audit_seal TO vw_app;
        GRANT EXECUTE ON FUNCTION make_audit_month TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the three tables. The months are made by whoever migrates, and by the timekeeper."""
    _make_events()
    op.create_table(
        "audit_subjects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("patients", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_subjects_by_hash", "audit_subjects", ["sha256"])
    op.create_index("audit_subjects_patients", "audit_subjects", ["patients"], postgresql_using="gin")
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("to_id", sa.BigInteger(), nullable=False),
        sa.Column("gaps", postgresql.INT8MULTIRANGE(), nullable=False),
        sa.Column("late", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("audit_seal_by_time", "audit_seal", ["sealed_at"])
    op.create_index(
        "audit_seal_with_gaps", "audit_seal", ["sealed_at"], postgresql_where=sa.text("gaps <> '{}' OR late <> '{}'")
    )
    op.create_index("audit_seal_late", "audit_seal", ["late"], postgresql_using="gin")
    op.execute(MAKE_AUDIT_MONTH)
    op.execute(GRANTS)


def _make_events() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("who", sa.Uuid(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("browser", sa.Boolean(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("allows", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=True),
        sa.Column("subjects", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.CheckConstraint("by IN ('staff', 'device', 'command')", name="by_known"),
        sa.PrimaryKeyConstraint("id", "at"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(
        "audit_event_of_subjects", "audit_event", ["subjects", "id"], postgresql_where=sa.text("subjects IS NOT NULL")
    )
    op.create_index("audit_event_by", "audit_event", ["who", "id"])
