"""Documents as they came, of formats that say more than the sets of readings that they are decoded to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON original TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the table. Its bytes are packed already."""
    op.create_table(
        "original",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("patients", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.CheckConstraint("format IN ('fhir', 'hl7v2', 'gatt', 'open-mhealth')", name="format_known"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("ALTER TABLE original ALTER COLUMN packed SET STORAGE EXTERNAL")
    op.execute(GRANTS)
