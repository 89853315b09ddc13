"""What is kept aside is decided by people; devices' clocks; which of a device's own users a patient is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON set_aside_history TO vw_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON device_clock TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

SLOTS = """
ALTER TABLE assignment ADD CONSTRAINT assignment_one_patient_per_slot EXCLUDE USING gist (
    int8range(device_id, device_id, '[]') WITH &&, int4range(slot, slot, '[]') WITH &&, during WITH &&
) WHERE (slot IS NOT NULL)
"""

JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())


def upgrade() -> None:
    """Add what is new; nothing that is there changes."""
    _extend_set_aside()
    _make_history()
    _make_clocks()
    op.add_column("assignment", sa.Column("slot", sa.Integer(), nullable=True))
    op.execute(SLOTS)
    op.execute(GRANTS)


def _extend_set_aside() -> None:
    op.add_column("set_aside", sa.Column("severity", sa.SmallInteger(), nullable=False, server_default="0"))
    op.alter_column("set_aside", "severity", server_default=None)
    op.add_column("set_aside", sa.Column("decision", sa.Text(), nullable=True))
    op.add_column("set_aside", sa.Column("decided_by", sa.BigInteger(), nullable=True))
    op.add_column("set_aside", sa.Column("released", JSON, nullable=True))
    op.add_column("set_aside", sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("set_aside", sa.Column("scored_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("set_aside", sa.Column("set", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "set_aside", "staff", ["decided_by"], ["id"])
    op.create_check_constraint("decision_known", "set_aside", "decision IN ('released', 'discarded')")
    op.create_check_constraint("set_aside_decided", "set_aside", "(decided_at IS NULL) = (decision IS NULL)")
    op.drop_index("set_aside_open", "set_aside")
    op.create_index("set_aside_open", "set_aside", ["key"], postgresql_where=sa.text("decided_at IS NULL"))
    op.create_index("set_aside_of_source", "set_aside", ["source", "key"])
    op.create_index("set_aside_of_patient", "set_aside", ["patient_id", "key"])
    op.create_index(
        "set_aside_to_score",
        "set_aside",
        ["queued_at"],
        postgresql_where=sa.text("decision = 'released' AND scored_at IS NULL"),
    )


def _make_history() -> None:
    op.create_table(
        "set_aside_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("set_aside_key", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=True),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("supplied", JSON, nullable=True),
        sa.ForeignKeyConstraint(["by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["set_aside_key"], ["set_aside.key"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_set_aside_history_set_aside_key"), "set_aside_history", ["set_aside_key"])


def _make_clocks() -> None:
    op.add_column(
        "device_seen", sa.Column("clock_samples_s", sa.ARRAY(sa.Integer()), nullable=False, server_default="{}")
    )
    op.alter_column("device_seen", "clock_samples_s", server_default=None)
    op.create_table(
        "device_clock",
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("sensor", sa.String(), nullable=False),
        sa.Column("samples_s", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("coincident_s", sa.Integer(), nullable=True),
        sa.Column("coincident_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("off_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.PrimaryKeyConstraint("device_id", "sensor"),
    )
