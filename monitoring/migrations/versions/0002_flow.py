"""Flow: referrals and held beds, ward stays and leave, what is recorded of a spell."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

# Each spell so far was spent on one ward.
STAYS = """
INSERT INTO ward_stay (episode_id, patient_id, ward_id, from_at, until_at)
SELECT id, patient_id, ward_id, admitted_at, discharged_at FROM episode
"""

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON icb_population, referral, ward_stay, leave, bed_hold, delay, letter, code
            TO vw_app;
        GRANT SELECT, INSERT ON referral_history, spell_entry TO vw_app;
        REVOKE UPDATE, DELETE ON ward_capacity FROM vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the tables of flow, and a ward stay of every spell."""
    op.create_table(
        "code",
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("meaning", sa.String(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("list", "code"),
    )
    op.create_table(
        "icb_population",
        sa.Column("icb", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("basis IN ('16+', 'all')", name="population_basis_known"),
        sa.ForeignKeyConstraint(
            ["recorded_by"],
            ["staff.id"],
        ),
        sa.PrimaryKeyConstraint("icb", "from_on"),
    )
    op.create_table(
        "referral",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("referrer", sa.String(), nullable=True),
        sa.Column("condition", sa.String(), nullable=True),
        sa.Column("hospital", sa.String(), nullable=True),
        sa.Column("hospital_admitted_on", sa.Date(), nullable=True),
        sa.Column("hospital_until_on", sa.Date(), nullable=True),
        sa.Column("would_be_admitted", sa.Boolean(), nullable=True),
        sa.Column("frailty", sa.SmallInteger(), nullable=True),
        sa.Column("consent", sa.Boolean(), nullable=True),
        sa.Column("baselines", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("escalation", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("kit", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("redirected_to", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "source IN ('gp', '999', '111', 'ucr', 'sdec', 'ward', 'care_home', 'spoa', 'self')", name="source_known"
        ),
        sa.CheckConstraint(
            "state IN ('received', 'triaged', 'waiting', 'accepted', 'hold_expired', 'admitted', 'declined', 'redirected', 'withdrawn', 'not_onboarded')",
            name="state_known",
        ),
        sa.CheckConstraint("step IN ('up', 'down')", name="step_known"),
        sa.CheckConstraint("frailty BETWEEN 1 AND 9", name="frailty_on_the_scale"),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("referral_in_state", "referral", ["state", "id"], unique=False)
    op.create_index("referral_in_ward", "referral", ["ward_id", "id"], unique=False)
    op.create_index(
        "referral_live",
        "referral",
        ["patient_id", "ward_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('received', 'triaged', 'waiting', 'hold_expired', 'accepted')"),
    )
    op.create_index("referral_of_patient", "referral", ["patient_id", "id"], unique=False)
    op.create_index("referral_received", "referral", ["received_at"], unique=False)
    op.create_index(
        "referral_waiting",
        "referral",
        ["ward_id", "urgency", "received_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "bed_hold",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["referral_id"],
            ["referral.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("bed_hold_of_referral", "bed_hold", ["referral_id", "id"], unique=False)
    op.create_index(
        "bed_hold_once", "bed_hold", ["referral_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index("bed_hold_of_ward", "bed_hold", ["ward_id", "ended_at", "from_at", "held_until"], unique=False)
    op.create_index(
        "bed_hold_open", "bed_hold", ["ward_id"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "referral_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=True),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"],
            ["referral.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("referral_history_of", "referral_history", ["referral_id", "id"], unique=False)
    op.create_table(
        "delay",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["episode_id"],
            ["episode.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("delay_of", "delay", ["episode_id", "id"], unique=False)
    op.create_index(
        "delay_open", "delay", ["ward_id", "due_at"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "leave",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('ed', 'hospital', 'family')", name="kind_known"),
        sa.CheckConstraint("until_at >= from_at", name="leave_not_backwards"),
        sa.ForeignKeyConstraint(
            ["episode_id"],
            ["episode.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_leave_episode_id"), "leave", ["episode_id"], unique=False)
    op.create_index("leave_of_ward", "leave", ["ward_id", "until_at", "from_at"], unique=False)
    op.create_index("leave_open", "leave", ["episode_id"], unique=True, postgresql_where=sa.text("until_at IS NULL"))
    op.create_index(
        "leave_open_in_ward", "leave", ["ward_id", "id"], unique=False, postgresql_where=sa.text("until_at IS NULL")
    )
    op.create_table(
        "letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by", sa.BigInteger(), nullable=True),
        sa.Column("how", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('admission_notice', 'discharge_summary')", name="kind_known"),
        sa.ForeignKeyConstraint(
            ["episode_id"],
            ["episode.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sent_by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("letter_once", "letter", ["episode_id", "kind"], unique=True)
    op.create_index(
        "letter_unsent", "letter", ["ward_id", "due_at"], unique=False, postgresql_where=sa.text("sent_at IS NULL")
    )
    op.create_table(
        "spell_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=False),
        sa.Column("senior", sa.Boolean(), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('admitted', 'review', 'expected_discharge', 'leave', 'return', 'transfer', 'discharge_ready', 'delay', 'delay_ended', 'discharge_failed', 'discharge', 'contact', 'mdt', 'experience', 'letter')",
            name="kind_known",
        ),
        sa.ForeignKeyConstraint(
            ["by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["episode_id"],
            ["episode.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("spell_entry_by_time", "spell_entry", ["kind", "at"], unique=False)
    op.create_index("spell_entry_of", "spell_entry", ["episode_id", "kind", "at"], unique=False)
    op.create_table(
        "ward_stay",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(patient_id, patient_id, '[]')"), "&&"),
            (sa.text("tstzrange(from_at, until_at)"), "&&"),
            using="gist",
            name="ward_stay_one_bed_at_a_time",
        ),
        sa.CheckConstraint("until_at >= from_at", name="ward_stay_not_backwards"),
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
    )
    op.create_index("ward_stay_of_episode", "ward_stay", ["episode_id", "from_at"], unique=False)
    op.create_index("ward_stay_of_ward", "ward_stay", ["ward_id", "from_at"], unique=False)
    op.create_index("ward_stay_until", "ward_stay", ["ward_id", "until_at", "from_at"], unique=False)
    op.add_column("episode", sa.Column("referral_id", sa.BigInteger(), nullable=True))
    op.add_column("episode", sa.Column("readmission_of", sa.BigInteger(), nullable=True))
    op.add_column("episode", sa.Column("expected_discharge_on", sa.Date(), nullable=True))
    op.add_column("episode", sa.Column("extension_reason", sa.String(), nullable=True))
    op.add_column("episode", sa.Column("discharge_ready_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("episode", sa.Column("discharged_by", sa.BigInteger(), nullable=True))
    op.add_column("episode", sa.Column("decided_by", sa.String(), nullable=True))
    op.add_column("episode", sa.Column("outcome", sa.String(), nullable=True))
    op.add_column("episode", sa.Column("destination", sa.String(), nullable=True))
    op.create_index(
        "episode_by_discharge",
        "episode",
        ["discharged_at"],
        unique=False,
        postgresql_where=sa.text("discharged_at IS NOT NULL"),
    )
    op.create_index(
        "episode_of_referral",
        "episode",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("referral_id IS NOT NULL"),
    )
    op.create_foreign_key(None, "episode", "staff", ["discharged_by"], ["id"])
    op.create_foreign_key(None, "episode", "referral", ["referral_id"], ["id"])
    op.create_foreign_key(None, "episode", "episode", ["readmission_of"], ["id"])
    op.add_column("patient", sa.Column("died_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("patient", sa.Column("merged_into", sa.BigInteger(), nullable=True))
    op.create_foreign_key(None, "patient", "patient", ["merged_into"], ["id"])
    op.add_column("ward", sa.Column("lead_clinician", sa.String(), nullable=True))
    op.add_column("ward", sa.Column("min_age", sa.SmallInteger(), nullable=True))
    op.add_column("ward", sa.Column("max_age", sa.SmallInteger(), nullable=True))
    op.add_column(
        "ward", sa.Column("staff_on_shift", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.add_column("ward", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    # What was decided for one instant can be decided again: a key of its own, and the row written last counts.
    op.drop_constraint("ward_capacity_pkey", "ward_capacity", type_="primary")
    op.add_column("ward_capacity", sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False))
    op.create_primary_key("ward_capacity_pkey", "ward_capacity", ["id"])
    op.create_index("ward_capacity_of_ward", "ward_capacity", ["ward_id", "from_at", "id"], unique=False)
    op.add_column("ward_capacity", sa.Column("reason", sa.String(), nullable=True))
    op.add_column("ward_capacity", sa.Column("decided_by", sa.BigInteger(), nullable=True))
    op.add_column("ward_capacity", sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(None, "ward_capacity", "staff", ["decided_by"], ["id"])
    op.execute(STAYS)
    op.execute(GRANTS)
