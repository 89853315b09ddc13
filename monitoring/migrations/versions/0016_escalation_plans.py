"""What a changed plan does to a ladder; messages that go out as one; handovers that could not be ended."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"

# Of what climbs already: by what was decided when the alert was raised. Where another plan came since, the ladder
# changes with its next step.
STAY_HOME = """
UPDATE escalation SET no_hospital = true FROM alert
WHERE alert.id = escalation.alert_id AND alert.severity >= 3 AND 'no' = (
    SELECT plan.escalation ->> 'hospital' FROM plan
    WHERE plan.episode_id = alert.episode_id AND greatest(plan.from_at, plan.recorded_at) <= alert.raised_at
    ORDER BY from_at DESC, plan.id DESC LIMIT 1)
"""


def upgrade() -> None:
    """Keep with each alert's ladder whether it is that one."""
    op.add_column("escalation", sa.Column("no_hospital", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(STAY_HOME)
    op.alter_column("escalation", "no_hospital", server_default=None)
    op.add_column("message", sa.Column("sent_as", sa.Uuid(), nullable=True))
    op.create_index("message_sent_as", "message", ["sent_as"], postgresql_where=sa.text("sent_as IS NOT NULL"))
    op.add_column("handover", sa.Column("put_off_until", sa.DateTime(timezone=True), nullable=True))
