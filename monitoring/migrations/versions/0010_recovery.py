"""Recovery and discharge to assess: instants, care and its capacity; the caseload of admission prevention."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE ON recovery, service_line, prevention TO vw_app;
        GRANT SELECT, INSERT ON care_capacity TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

ENTRIES = "'admitted', 'review', 'expected_discharge', 'leave', 'return', 'transfer', 'discharge_ready', 'delay', 'delay_ended', 'discharge_failed', 'discharge', 'contact', 'mdt', 'experience', 'letter', 'care'"


def upgrade() -> None:
    """Make the tables, and let the record of a spell tell of care."""
    op.create_table(
        "recovery",
        sa.Column("episode_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("referred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("home_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_care_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('independent', 'reablement', 'long_term_care', 'readmitted', 'died')", name="outcome_known"
        ),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"]),
        sa.PrimaryKeyConstraint("episode_id"),
    )
    op.create_index(
        "recovery_by_home", "recovery", ["home_at"], unique=False, postgresql_where=sa.text("home_at IS NOT NULL")
    )
    _make_care_tables()
    op.create_table(
        "prevention",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("after_episode_id", sa.BigInteger(), nullable=True),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("support", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.BigInteger(), nullable=True),
        sa.Column("close_reason", sa.String(), nullable=True),
        sa.CheckConstraint("closed_at >= opened_at", name="prevention_not_backwards"),
        sa.CheckConstraint("(closed_at IS NULL) = (close_reason IS NULL)", name="closed_with_a_reason"),
        sa.ForeignKeyConstraint(["after_episode_id"], ["episode.id"]),
        sa.ForeignKeyConstraint(["closed_by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["opened_by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "prevention_once",
        "prevention",
        ["patient_id", "ward_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("prevention_of_ward", "prevention", ["ward_id", "id"], unique=False)
    op.create_index(
        "prevention_open", "prevention", ["id"], unique=False, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_constraint("kind_known", "spell_entry", type_="check")
    op.create_check_constraint("kind_known", "spell_entry", f"kind IN ({ENTRIES})")
    op.execute(GRANTS)


def _make_care_tables() -> None:
    op.create_table(
        "service_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("hours_per_week", sa.Float(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("re_access", sa.Boolean(), nullable=False),
        sa.CheckConstraint("service IN ('home_care', 'therapy')", name="service_known"),
        sa.CheckConstraint("hours_per_week > 0", name="hours_above_zero"),
        sa.CheckConstraint(
            "begun_at >= requested_at AND ended_at >= coalesce(begun_at, requested_at)", name="line_not_backwards"
        ),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"]),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("service_line_of", "service_line", ["episode_id", "id"], unique=False)
    op.create_index(
        "service_line_of_patient",
        "service_line",
        ["patient_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("service_line_of_ward", "service_line", ["ward_id", "ended_at", "requested_at"], unique=False)
    op.create_index(
        "service_line_awaited",
        "service_line",
        ["ward_id", "requested_at"],
        unique=False,
        postgresql_where=sa.text("begun_at IS NULL"),
    )
    op.create_index("service_line_by_beginning", "service_line", ["begun_at"], unique=False)
    op.create_index(
        "service_line_once",
        "service_line",
        ["episode_id", "service"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "care_capacity",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hours_per_week", sa.Float(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("hours_per_week >= 0", name="hours_not_negative"),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("care_capacity_of_ward", "care_capacity", ["ward_id", "from_at", "id"], unique=False)
