"""Whether sepsis is suspected, asked on an alert and answered; soft signs, as somebody at home or of the ward saw them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"

# Both are written once.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON sepsis_answer, soft_signs TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

JSON = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())


def upgrade() -> None:
    """Add what is new; of the alerts that are open nobody is asked before their patients' next sets."""
    op.add_column("alert", sa.Column("sepsis", JSON, nullable=True))
    op.add_column("alert", sa.Column("sepsis_due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "alert_sepsis_due", "alert", ["sepsis_due_at"], postgresql_where=sa.text("sepsis_due_at IS NOT NULL")
    )
    _make_answers()
    _make_signs()
    op.execute(GRANTS)


def _make_answers() -> None:
    op.create_table(
        "sepsis_answer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zero", sa.DateTime(timezone=True), nullable=True),
        sa.Column("act_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("criteria", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("by", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("answer IN ('suspected', 'not_suspected', 'cannot_tell')", name="answer_known"),
        sa.CheckConstraint("tool IN ('news2', 'nice_community')", name="tool_known"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.ForeignKeyConstraint(["by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sepsis_answer_of", "sepsis_answer", ["alert_id", "id"])


def _make_signs() -> None:
    op.create_table(
        "soft_signs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("signs", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source IN ('contact', 'concern', 'prompt')", name="source_known"),
        sa.CheckConstraint("(by IS NULL) <> (device_id IS NULL)", name="soft_signs_by_one"),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"]),
        sa.ForeignKeyConstraint(["by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("soft_signs_of", "soft_signs", ["episode_id", "at"])
