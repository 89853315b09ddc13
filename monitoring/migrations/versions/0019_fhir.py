"""Observations that devices post as FHIR: each is created once."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON fhir_observation TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "fhir_observation",
        sa.Column("source", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("set", sa.Uuid(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "name"),
    )
    op.create_index("fhir_observation_of_set", "fhir_observation", ["set"], unique=False)
    op.execute(GRANTS)
