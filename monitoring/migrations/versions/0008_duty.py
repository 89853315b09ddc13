"""Duty: alerts handed over by name, and until when the secret before the present one still signs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE ON handover TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the table of handovers."""
    op.add_column("contact", sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "handover",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("giver_id", sa.BigInteger(), nullable=False),
        sa.Column("to_id", sa.BigInteger(), nullable=False),
        sa.Column("offered_by", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ended IS NULL OR ended IN ('taken', 'lapsed', 'replaced', 'moot')", name="ended_known"),
        sa.CheckConstraint("(ended IS NULL) = (ended_at IS NULL)", name="ended_when"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.ForeignKeyConstraint(["giver_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["to_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["offered_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("handover_of", "handover", ["alert_id"], unique=True, postgresql_where=sa.text("ended IS NULL"))
    op.create_index(
        "handover_due", "handover", ["due_at"], postgresql_where=sa.text("ended IS NULL AND due_at IS NOT NULL")
    )
    op.execute(GRANTS)
