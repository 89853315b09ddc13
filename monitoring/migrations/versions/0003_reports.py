"""Reports: SitReps as they were taken, the key of pseudonyms, and indexes by time."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON sitrep TO vw_app;
        GRANT SELECT ON pseudonym_key TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the tables of reports, and this installation's key."""
    op.create_table(
        "sitrep",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("version >= 1 AND (version = 1) = (reason IS NULL)", name="a_correction_has_a_reason"),
        sa.ForeignKeyConstraint(["taken_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sitrep_version", "sitrep", ["as_of", "version"], unique=True)
    key = op.create_table(
        "pseudonym_key",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name="one_key"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(key, [{"id": 1, "key": secrets.token_bytes(32)}])
    op.create_index("episode_by_admission", "episode", ["admitted_at"], unique=False)
    op.create_index("referral_history_by_time", "referral_history", ["what", "at"], unique=False)
    op.create_index("delay_by_end", "delay", ["ended_at"], unique=False)
    op.create_index("leave_by_time", "leave", ["from_at"], unique=False)
    op.create_index(
        "referral_by_hospital_admission",
        "referral",
        ["hospital_admitted_on"],
        unique=False,
        postgresql_where=sa.text("hospital_admitted_on IS NOT NULL"),
    )
    op.execute(GRANTS)
