"""What was told of the system's own problems, so that of several watchers one tells it; and traces of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, DELETE, UPDATE (unheard) ON system_alert TO vw_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON alert_trace TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "system_alert",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("seen_by", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unheard", sa.Boolean(), nullable=False),
        sa.CheckConstraint("state IN ('began', 'still', 'ended')", name="state_known"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("system_alert_of", "system_alert", ["problem", "id"])
    op.create_index("system_alert_by_age", "system_alert", ["at"])
    op.create_table(
        "alert_trace",
        sa.Column("alert_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("traceparent", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    op.create_index("alert_trace_by_age", "alert_trace", ["at"])
    # A release that runs on meanwhile says nothing of them.
    began = sa.Column("began_at", sa.DateTime(timezone=True), server_default="2000-01-01Z", nullable=False)
    op.add_column("heartbeat", began)
    op.add_column("heartbeat", sa.Column("took_a_place", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(GRANTS)
