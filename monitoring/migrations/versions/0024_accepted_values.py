"""Accepted values, what was resolved and is not told again for a while, and the alerts that this did not raise."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"

# What was accepted is written once, but for its withdrawal.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE (withdrawn_at, withdrawn_by, withdrawn_reason) ON accepted_value TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
WHY = "'repeated', 'raised', 'not_watched', 'refractory'"


def upgrade() -> None:
    """Add what is new; nothing is accepted, and nothing was resolved lately."""
    op.create_table(
        "accepted_value",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("vital", sa.String(), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Numeric(7, 2), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_reason", sa.String(), nullable=True),
        sa.CheckConstraint("until_at > from_at AND until_at <= from_at + interval '7 days'", name="days"),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_by_somebody"),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"]),
        sa.ForeignKeyConstraint(["by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("accepted_value_of_stay", "accepted_value", ["episode_id", "id"])
    op.add_column("latest_vitals", sa.Column("accepted_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("latest_vitals", sa.Column("resolved", JSON, nullable=True))
    op.alter_column("suppressed", "prompt_id", nullable=True)
    op.add_column("suppressed", sa.Column("alert_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("suppressed_alert_id_fkey", "suppressed", "alert", ["alert_id"], ["id"])
    op.create_check_constraint("suppressed_by_one", "suppressed", "(prompt_id IS NULL) <> (alert_id IS NULL)")
    op.drop_constraint("why_known", "suppressed")
    op.create_check_constraint("why_known", "suppressed", f"why IN ({WHY})")
    op.execute(GRANTS)
