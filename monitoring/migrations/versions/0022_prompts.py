"""Repeats that patients are asked for instead of an alert, what was not raised, and how a ward reaches its patients."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"

# What was not raised is written once; that it moves when two records become one is its only change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE ON prompt TO vw_app;
        GRANT SELECT, INSERT, UPDATE (patient_id) ON suppressed TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
ENDED = "'repeated', 'raised', 'not_watched'"


def upgrade() -> None:
    """Add what is new; no ward sends SMS to its patients until somebody says so."""
    op.add_column("ward", sa.Column("phone", sa.String(), nullable=True))
    op.add_column("ward", sa.Column("prompts_by_sms", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("latest_vitals", sa.Column("repeat_by", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "latest_vitals_to_repeat", "latest_vitals", ["repeat_by"], postgresql_where=sa.text("repeat_by IS NOT NULL")
    )
    _make_prompts()
    _make_suppressed()
    op.execute(GRANTS)


def _make_prompts() -> None:
    op.create_table(
        "prompt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_us", sa.BigInteger(), nullable=False),
        sa.Column("vitals", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("finding", JSON, nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("measured", JSON, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint("why IN ('amber', 'low_quality')", name="why_known"),
        sa.CheckConstraint(f"outcome IN ({ENDED})", name="outcome_known"),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="prompt_ended"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("prompt_open", "prompt", ["episode_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index(
        "prompt_untold", "prompt", ["asked_at"], postgresql_where=sa.text("ended_at IS NULL AND told_at IS NULL")
    )
    op.create_index("prompt_of_patient", "prompt", ["patient_id", "id"])


def _make_suppressed() -> None:
    op.create_table(
        "suppressed",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("prompt_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("sets", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("values", JSON, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"why IN ({ENDED})", name="why_known"),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompt.id"]),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("suppressed_in_ward", "suppressed", ["ward_id", "at"])
    op.create_index("suppressed_of_patient", "suppressed", ["patient_id", "id"])
