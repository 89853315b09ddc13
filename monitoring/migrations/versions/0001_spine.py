"""The spine: patients, wards, devices, readings, scores, alerts, events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

# Months are made whole and then attached: PARTITION OF would lock the parent, a DEFAULT partition would block later
# months. The application's role may not create tables, so the owner's rights do it.
MAKE_READING_MONTH = """
CREATE FUNCTION make_reading_month(month date) RETURNS void
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
    EXECUTE format('CREATE TABLE %I (LIKE reading INCLUDING ALL)', part);
    EXECUTE format('ALTER TABLE reading ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part,
                   to_char(date_trunc('month', month), 'YYYY-MM-DD') || ' 00:00:00+00',
                   to_char(date_trunc('month', month) + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
END
$$
"""

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO vw_app;
        REVOKE UPDATE, DELETE ON reading, rescored, ledger, alert_history, plan FROM vw_app;
        REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
        GRANT EXECUTE ON FUNCTION make_reading_month TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "answered",
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", "request", "key"),
    )
    op.create_index("answered_by_age", "answered", ["at"], unique=False)
    op.create_table(
        "device",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("identifiers", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ward", sa.String(), nullable=True),
        sa.Column("patient", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_by_age", "event", ["at"], unique=False)
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "ledger",
        sa.Column("source", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_table(
        "patient",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("nhs_number", sa.String(), nullable=True),
        sa.Column("no_nhs_number_reason", sa.String(), nullable=True),
        sa.Column("nhs_number_is_test", sa.Boolean(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("staying_at", sa.String(), nullable=True),
        sa.Column("postcode", sa.String(), nullable=True),
        sa.Column("postcode_district", sa.String(), nullable=True),
        sa.Column("phones", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("next_of_kin", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.Column("carer", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("key_safe", sa.String(), nullable=True),
        sa.Column("access_notes", sa.String(), nullable=True),
        sa.Column("scene_safety", sa.String(), nullable=True),
        sa.Column("allergies", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("interpreter", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("communication_needs", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("ethnicity", sa.String(), nullable=True),
        sa.Column("gp_practice", sa.String(), nullable=True),
        sa.Column("pregnant", sa.String(), nullable=False),
        sa.Column("spinal_cord_injury", sa.Boolean(), nullable=False),
        sa.Column("known_hypertension", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sex IN ('female', 'male', 'other', 'unknown')", name="sex_known"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "patient_by_nhs_number",
        "patient",
        ["nhs_number"],
        unique=True,
        postgresql_where=sa.text("nhs_number IS NOT NULL"),
    )
    op.create_table(
        "reading",
        sa.Column("points", sa.String(), nullable=True),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("score_max", sa.SmallInteger(), nullable=True),
        sa.Column("scale", sa.SmallInteger(), nullable=True),
        sa.Column("oxygen_assumed", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("not_scored", sa.String(), nullable=True),
        sa.Column("episode_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set", sa.Uuid(), nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("respiratory_rate", sa.SmallInteger(), nullable=True),
        sa.Column("spo2", sa.SmallInteger(), nullable=True),
        sa.Column("on_oxygen", sa.Boolean(), nullable=True),
        sa.Column("oxygen_flow_hundredths", sa.SmallInteger(), nullable=True),
        sa.Column("systolic", sa.SmallInteger(), nullable=True),
        sa.Column("diastolic", sa.SmallInteger(), nullable=True),
        sa.Column("pulse", sa.SmallInteger(), nullable=True),
        sa.Column("consciousness", sa.String(), nullable=True),
        sa.Column("temperature_tenths", sa.SmallInteger(), nullable=True),
        sa.Column("also", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("as_sent", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("flags", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("uses", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.PrimaryKeyConstraint("episode_id", "taken_at", "set"),
        postgresql_partition_by="RANGE (taken_at)",
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("wards", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("senior", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('clinician', 'support', 'coordinator', 'ucr', 'engineer', 'auditor', 'admin')",
            name="role_known",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_table(
        "ward",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("pathway", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("icb", sa.String(), nullable=False),
        sa.Column("max_stay_days", sa.SmallInteger(), nullable=False),
        sa.Column("in_sitrep", sa.Boolean(), nullable=False),
        sa.Column("staffed_hours", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(device_id, device_id, '[]')"), "&&"),
            (sa.column("during"), "&&"),
            where=sa.text("NOT shared"),
            using="gist",
            name="assignment_one_patient_at_a_time",
        ),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(device_id, device_id, '[]')"), "&&"),
            (sa.text("int8range(patient_id, patient_id, '[]')"), "&&"),
            (sa.column("during"), "&&"),
            using="gist",
            name="assignment_once_per_patient",
        ),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_assignment_device_id"), "assignment", ["device_id"], unique=False)
    op.create_index(op.f("ix_assignment_patient_id"), "assignment", ["patient_id"], unique=False)
    op.create_table(
        "device_seen",
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("battery_percent", sa.Integer(), nullable=True),
        sa.Column("clock_offset_s", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
        ),
        sa.PrimaryKeyConstraint("device_id"),
    )
    op.create_table(
        "episode",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("admitted_by", sa.BigInteger(), nullable=False),
        sa.Column("discharged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("step IN ('up', 'down')", name="step_known"),
        sa.ForeignKeyConstraint(
            ["admitted_by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "episode_in_ward",
        "episode",
        ["ward_id"],
        unique=False,
        postgresql_where=sa.text("discharged_at IS NULL"),
    )
    op.create_index("episode_of_patient", "episode", ["patient_id", "admitted_at"], unique=False)
    op.create_index(
        "episode_open",
        "episode",
        ["patient_id"],
        unique=True,
        postgresql_where=sa.text("discharged_at IS NULL"),
    )
    op.create_table(
        "set_aside",
        sa.Column("key", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("document", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "reason IN ('same id, other content', 'taken in the future', 'older than what is kept', 'device not assigned to a patient at that time', 'patient not on a ward at that time', 'not a patient of this device at that time', 'cannot be a measurement', 'could not be processed')",
            name="reason_known",
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("set_aside_once", "set_aside", ["source", "id", "content"], unique=True)
    op.create_index(
        "set_aside_open",
        "set_aside",
        ["kept_at"],
        unique=False,
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.create_table(
        "token",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(device_id IS NULL) <> (staff_id IS NULL)", name="token_has_one_owner"),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff.id"],
        ),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_index("token_changed", "token", ["changed_at"], unique=False)
    op.create_index("token_of_device", "token", ["device_id"], unique=False, postgresql_where="device_id IS NOT NULL")
    op.create_table(
        "ward_capacity",
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("funded", sa.Integer(), nullable=False),
        sa.Column("staffed", sa.Integer(), nullable=False),
        sa.CheckConstraint("funded >= 0 AND staffed >= 0", name="beds_not_negative"),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("ward_id", "from_at"),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=True),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("news2", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("reasons", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.Column("why", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.Column("basis", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('deterioration', 'concern', 'overdue', 'device', 'data_quality', 'late_deterioration', 'posting_after_discharge')",
            name="kind_known",
        ),
        sa.CheckConstraint(
            "state IN ('open', 'acknowledged', 'actioned', 'snoozed', 'resolved', 'expired')",
            name="state_known",
        ),
        sa.ForeignKeyConstraint(
            ["acknowledged_by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["episode_id"],
            ["episode.id"],
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("alert_in_ward", "alert", ["ward_id", "id"], unique=False)
    op.create_index("alert_of_patient", "alert", ["patient_id", "id"], unique=False)
    op.create_index(
        "alert_one_open",
        "alert",
        ["patient_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('resolved', 'expired')"),
    )
    op.create_index(
        "alert_open_in_ward",
        "alert",
        ["ward_id", "id"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('resolved', 'expired')"),
    )
    op.create_table(
        "latest_vitals",
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("values", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("taken_us", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("sets", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("also", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("newest_set", sa.Uuid(), nullable=True),
        sa.Column("newest_severity", sa.SmallInteger(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("missed", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["episode_id"],
            ["episode.id"],
        ),
        sa.PrimaryKeyConstraint("episode_id"),
    )
    op.create_index(
        "latest_vitals_overdue",
        "latest_vitals",
        ["overdue_at"],
        unique=False,
        postgresql_where=sa.text("overdue_at IS NOT NULL"),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spo2_scale", sa.SmallInteger(), nullable=False),
        sa.Column("home_oxygen_l_min", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("readings_per_day", sa.SmallInteger(), nullable=False),
        sa.Column("times", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("expects", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("usual_consciousness", sa.String(), nullable=True),
        sa.Column("monitoring", sa.String(), nullable=False),
        sa.Column("limits", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.Column("baselines", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=False),
        sa.Column("escalation", postgresql.JSONB(none_as_null=True, astext_type=Text()), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("monitoring IN ('full', 'comfort')", name="monitoring_known"),
        sa.CheckConstraint("spo2_scale IN (1, 2)", name="spo2_scale_known"),
        sa.ForeignKeyConstraint(
            ["decided_by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["episode_id"],
            ["episode.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("plan_in_force", "plan", ["episode_id", "from_at"], unique=False)
    op.create_table(
        "rescored",
        sa.Column("points", sa.String(), nullable=True),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("score_max", sa.SmallInteger(), nullable=True),
        sa.Column("scale", sa.SmallInteger(), nullable=True),
        sa.Column("oxygen_assumed", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("not_scored", sa.String(), nullable=True),
        sa.Column("revision", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set", sa.Uuid(), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uses", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.ForeignKeyConstraint(
            ["episode_id"],
            ["episode.id"],
        ),
        sa.PrimaryKeyConstraint("revision"),
    )
    op.create_index("rescored_set", "rescored", ["episode_id", "taken_at", "set", "revision"], unique=False)
    op.create_table(
        "alert_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("set", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alert.id"],
        ),
        sa.ForeignKeyConstraint(
            ["by"],
            ["staff.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alert_history_of", "alert_history", ["alert_id", "id"], unique=False)
    op.execute("ALTER TABLE latest_vitals SET (fillfactor = 70)")  # updated with every set: room for HOT
    op.execute("ALTER TABLE device_seen SET (fillfactor = 70)")
    op.execute(MAKE_READING_MONTH)
    op.execute("REVOKE ALL ON FUNCTION make_reading_month FROM PUBLIC")
    op.execute(GRANTS)
