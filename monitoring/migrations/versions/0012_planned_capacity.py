"""Planned capacity: when a ward's beds change next, so that it is told when it comes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

# What was planned before: the timekeeper tells what has begun since once, and looks for the next.
PLANNED = """
UPDATE ward SET beds_change_at = (
    SELECT min(from_at) FROM ward_capacity WHERE ward_id = ward.id AND from_at > coalesce(recorded_at, ward.created_at)
) WHERE closed_at IS NULL
"""


def upgrade() -> None:
    """Keep the deadline with the ward, and fill it in."""
    op.add_column("ward", sa.Column("beds_change_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ward_beds_change",
        "ward",
        ["beds_change_at"],
        unique=False,
        postgresql_where=sa.text("beds_change_at IS NOT NULL"),
    )
    op.execute(PLANNED)
