"""Messages of hospitals and in whose name they are worked off; merges of patients; discharges that are cancelled."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE ON hospital_message, patient_merge TO vw_app;
        GRANT UPDATE (patient_id) ON concern TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

ROLES = "role IN ('clinician', 'support', 'coordinator', 'ucr', 'engineer', 'auditor', 'admin', 'interface')"
KINDS = (
    "kind IN ('admitted', 'review', 'expected_discharge', 'leave', 'return', 'transfer', 'discharge_ready', 'delay', "
    "'delay_ended', 'discharge_failed', 'discharge', 'discharge_cancelled', 'contact', 'mdt', 'experience', 'letter', 'care')"
)


def upgrade() -> None:
    """Make the tables, and let interfaces act."""
    op.drop_constraint("role_known", "staff", type_="check")
    op.create_check_constraint("role_known", "staff", ROLES)
    op.add_column("staff", sa.Column("device_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(None, "staff", "device", ["device_id"], ["id"])
    op.create_index(
        "staff_of_device", "staff", ["device_id"], unique=True, postgresql_where=sa.text("device_id IS NOT NULL")
    )
    op.drop_constraint("kind_known", "spell_entry", type_="check")
    op.create_check_constraint("kind_known", "spell_entry", KINDS)
    op.create_index("patient_merged", "patient", ["merged_into"], postgresql_where=sa.text("merged_into IS NOT NULL"))
    _make_merges()
    _make_messages()
    op.execute(GRANTS)


def _make_merges() -> None:
    op.create_table(
        "patient_merge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("into_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("moved", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("brought_death", sa.Boolean(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.BigInteger(), nullable=True),
        sa.Column("undone_reason", sa.String(), nullable=True),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_by_somebody"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["into_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["undone_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("patient_merge_of", "patient_merge", ["patient_id", "id"])
    op.create_index("patient_merge_into", "patient_merge", ["into_id", "id"])
    op.create_index(
        "patient_merge_once",
        "patient_merge",
        ["patient_id"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )


def _make_messages() -> None:
    op.create_table(
        "hospital_message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("control_id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=True),
        sa.Column("visit", sa.String(), nullable=True),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("patient_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("did", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("outcome IN ('AA', 'AE', 'AR')", name="outcome_known"),
        sa.CheckConstraint("outcome = 'AA' OR NOT (placed OR corrected)", name="refused_did_nothing"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("hospital_message_once", "hospital_message", ["device_id", "control_id", "content"], unique=True)
    op.create_index("hospital_message_by_outcome", "hospital_message", ["outcome", "id"])
    op.create_index(
        "hospital_message_placed",
        "hospital_message",
        ["patient_id", "trigger", "event_at"],
        postgresql_where=sa.text("placed"),
    )
    op.create_index(
        "hospital_message_corrected",
        "hospital_message",
        ["patient_id", "event_at"],
        postgresql_where=sa.text("corrected"),
    )
    op.create_index(
        "hospital_message_of",
        "hospital_message",
        ["patient_id"],
        postgresql_where=sa.text("patient_id IS NOT NULL"),
    )
