"""Ladders that follow plans, messages that go out as one, handovers put off, FHIR messages to teams and senders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

# Of what climbs already: by what was decided when the alert was raised. Where another plan came since, the ladder
# changes with its next step.
STAY_HOME = """
UPDATE escalation SET no_hospital = true FROM alert
WHERE alert.id = escalation.alert_id AND alert.severity >= 3 AND 'no' = (
    SELECT plan.escalation ->> 'hospital' FROM plan
    WHERE plan.episode_id = alert.episode_id AND greatest(plan.from_at, plan.recorded_at) <= alert.raised_at
    ORDER BY from_at DESC, plan.id DESC LIMIT 1)
"""


GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE ON bars_replies TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Keep these with their rows, and make the table of replies."""
    op.add_column("escalation", sa.Column("no_hospital", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(STAY_HOME)
    op.alter_column("escalation", "no_hospital", server_default=None)
    op.add_column("message", sa.Column("sent_as", sa.Uuid(), nullable=True))
    op.create_index("message_sent_as", "message", ["sent_as"], postgresql_where=sa.text("sent_as IS NOT NULL"))
    op.add_column("ucr_team", sa.Column("webhook_format", sa.Text(), nullable=False, server_default="webhook"))
    op.alter_column("ucr_team", "webhook_format", server_default=None)
    op.create_check_constraint("webhook_format_known", "ucr_team", "webhook_format IN ('webhook', 'bars')")
    op.create_table(
        "bars_replies",
        sa.Column("device_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to", sa.String(), nullable=True),
        sa.Column("secrets", postgresql.JSONB(), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.PrimaryKeyConstraint("device_id"),
    )
    op.execute(GRANTS)
    op.add_column("handover", sa.Column("put_off_until", sa.DateTime(timezone=True), nullable=True))
