"""Calls to the cancer hotline, and referrals that came as FHIR messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

# What is written once is not in the application's power to change; but a record that is merged takes its rows along.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON hotline_call, bars_message TO vw_app;
        GRANT UPDATE (patient_id) ON hotline_call, bars_message TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

RESULTS = "'advice', 'ward', 'ucr', 'acute_oncology', '999'"
JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())


def upgrade() -> None:
    """Make the tables."""
    _make_calls()
    _make_messages()
    op.execute(GRANTS)


def _make_calls() -> None:
    op.create_table(
        "hotline_call",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("out_of_hours", sa.Boolean(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("caller_name", sa.String(), nullable=True),
        sa.Column("callback", sa.String(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=True),
        sa.Column("ward_id", sa.BigInteger(), nullable=True),
        sa.Column("person", JSON, nullable=True),
        sa.Column("cancer", sa.String(), nullable=False),
        sa.Column("treatment", sa.String(), nullable=False),
        sa.Column("treatment_name", sa.String(), nullable=True),
        sa.Column("treated_on", sa.Date(), nullable=True),
        sa.Column("answers", JSON, nullable=False),
        sa.Column("temperature_tenths", sa.SmallInteger(), nullable=True),
        sa.Column("unwell", sa.Boolean(), nullable=False),
        sa.Column("triage", sa.String(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("minimum", sa.Text(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("why", JSON, nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("lowered", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("advice", sa.String(), nullable=True),
        sa.Column("emergency", JSON, nullable=True),
        sa.Column("alert_id", sa.BigInteger(), nullable=True),
        sa.Column("ucr_referral_id", sa.BigInteger(), nullable=True),
        sa.Column("taken_by", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("caller IN ('patient', 'carer', 'staff')", name="caller_known"),
        sa.CheckConstraint("colour IN ('green', 'amber', 'red')", name="colour_known"),
        sa.CheckConstraint(f"minimum IN ({RESULTS})", name="minimum_known"),
        sa.CheckConstraint(f"result IN ({RESULTS})", name="result_known"),
        sa.CheckConstraint("(patient_id IS NULL) <> (person IS NULL)", name="about_somebody"),
        sa.CheckConstraint("NOT critical OR result IN ('999', 'acute_oncology')", name="critical_is_no_less"),
        sa.CheckConstraint("(result = 'ucr') = (ucr_referral_id IS NOT NULL)", name="ucr_is_asked"),
        sa.CheckConstraint("result <> 'ward' OR alert_id IS NOT NULL", name="ward_is_told"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.ForeignKeyConstraint(["ucr_referral_id"], ["ucr_referral.id"]),
        sa.ForeignKeyConstraint(["taken_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("hotline_call_at", "hotline_call", ["at"])
    op.create_index("hotline_call_in_ward", "hotline_call", ["ward_id", "id"])
    op.create_index("hotline_call_with_result", "hotline_call", ["result", "id"])
    op.create_index(
        "hotline_call_of_patient",
        "hotline_call",
        ["patient_id", "id"],
        postgresql_where=sa.text("patient_id IS NOT NULL"),
    )


def _make_messages() -> None:
    op.create_table(
        "bars_message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("bundle_id", sa.String(), nullable=False),
        sa.Column("sender_key", sa.String(), nullable=False),
        sa.Column("did", sa.Text(), nullable=False),
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("did IN ('referred', 'updated', 'cancelled')", name="did_known"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("bars_message_once", "bars_message", ["device_id", "request_id"], unique=True)
    op.create_index(
        "bars_message_new",
        "bars_message",
        ["device_id", "sender_key"],
        unique=True,
        postgresql_where=sa.text("did = 'referred'"),
    )
    op.create_index("bars_message_chain", "bars_message", ["chain", "id"])
    op.create_index("bars_message_of_patient", "bars_message", ["patient_id"])
