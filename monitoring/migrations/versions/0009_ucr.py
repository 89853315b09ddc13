"""UCR: teams, referrals to them with their clocks, and whose referrals a team's staff see."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"

JSON = JSONB(none_as_null=True)

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE ON ucr_team, ucr_referral TO vw_app;
        GRANT SELECT, INSERT ON ucr_history TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "ucr_team",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("icb", sa.String(), nullable=False),
        sa.Column("postcode_districts", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("hours", JSON, nullable=False),
        sa.Column("referral_hours", JSON, nullable=True),
        sa.Column("skills", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("max_news2", sa.SmallInteger(), nullable=True),
        sa.Column("exclusions", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("max_active", sa.Integer(), nullable=False),
        sa.Column("webhook", sa.String(), nullable=True),
        sa.Column("secrets", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("max_active >= 0", name="visits_not_negative"),
        sa.ForeignKeyConstraint(
            ["changed_by"],
            ["staff.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_index("ucr_team_of_district", "ucr_team", ["postcode_districts"], unique=False, postgresql_using="gin")
    op.create_index("ucr_team_of_icb", "ucr_team", ["icb", "id"], unique=False)
    op.create_table(
        "ucr_referral",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("previous_id", sa.BigInteger(), nullable=True),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=True),
        sa.Column("ward_id", sa.BigInteger(), nullable=True),
        sa.Column("alert_id", sa.BigInteger(), nullable=True),
        sa.Column("team_id", sa.BigInteger(), nullable=True),
        sa.Column("need", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("skills", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("news2", sa.SmallInteger(), nullable=True),
        sa.Column("sepsis", sa.String(), nullable=False),
        sa.Column("district", sa.String(), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("placing", JSON, nullable=False),
        sa.Column("handover", JSON, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_rule", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("breach_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_clock_rule", sa.String(), nullable=False),
        sa.Column("provider_breach_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.SmallInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("unanswered", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("requested_by", sa.BigInteger(), nullable=True),
        sa.Column("accepted_by", sa.BigInteger(), nullable=True),
        sa.Column("reviewed_by", sa.BigInteger(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('sent', 'accepted', 'dispatched', 'unplaced')) = (due_at IS NOT NULL)",
            name="waiting_has_a_deadline",
        ),
        sa.CheckConstraint(
            "outcome IN ('stayed_at_home', 'conveyed', 'admitted', 'died', 'no_access', 'other')", name="outcome_known"
        ),
        sa.CheckConstraint("response IN ('2_hour', 'same_day', '2_day')", name="response_known"),
        sa.CheckConstraint("state <> 'sent' OR team_id IS NOT NULL", name="sent_to_somebody"),
        sa.CheckConstraint(
            "state IN ('sent', 'accepted', 'declined', 'dispatched', 'arrived', 'completed', 'cancelled', 'unplaced')",
            name="state_known",
        ),
        sa.ForeignKeyConstraint(
            ["accepted_by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alert.id"],
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
            ["previous_id"],
            ["ucr_referral.id"],
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["ucr_team.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ward_id"],
            ["ward.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "ucr_referral_active",
        "ucr_referral",
        ["team_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('sent', 'accepted', 'dispatched', 'arrived')"),
    )
    op.create_index("ucr_referral_chain", "ucr_referral", ["chain", "id"], unique=False)
    op.create_index(
        "ucr_referral_due", "ucr_referral", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index(
        "ucr_referral_followed",
        "ucr_referral",
        ["previous_id"],
        unique=True,
        postgresql_where=sa.text("previous_id IS NOT NULL"),
    )
    op.create_index("ucr_referral_in_state", "ucr_referral", ["state", "id"], unique=False)
    op.create_index("ucr_referral_in_ward", "ucr_referral", ["ward_id", "id"], unique=False)
    op.create_index(
        "ucr_referral_of_alert",
        "ucr_referral",
        ["alert_id", "id"],
        unique=False,
        postgresql_where=sa.text("alert_id IS NOT NULL"),
    )
    op.create_index("ucr_referral_of_patient", "ucr_referral", ["patient_id", "id"], unique=False)
    op.create_index("ucr_referral_of_team", "ucr_referral", ["team_id", "id"], unique=False)
    op.create_index(
        "ucr_referral_once",
        "ucr_referral",
        ["patient_id", "need"],
        unique=True,
        postgresql_where=sa.text("state IN ('sent', 'accepted', 'dispatched', 'unplaced')"),
    )
    op.create_index(
        "ucr_referral_one_live",
        "ucr_referral",
        ["chain"],
        unique=True,
        postgresql_where=sa.text("state IN ('sent', 'accepted', 'dispatched', 'unplaced', 'arrived')"),
    )
    op.create_index("ucr_referral_received", "ucr_referral", ["received_at"], unique=False)
    op.create_index("ucr_referral_sent", "ucr_referral", ["sent_at"], unique=False)
    op.create_table(
        "ucr_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=True),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["by"],
            ["staff.id"],
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"],
            ["ucr_referral.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ucr_history_of", "ucr_history", ["referral_id", "id"], unique=False)
    op.add_column("staff", sa.Column("teams", sa.ARRAY(sa.Text()), nullable=True))
    op.execute(GRANTS)
