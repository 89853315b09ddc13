"""Declined sets have an index of their own: they are counted whenever one more comes."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make the index, in every month that there is; those to come take it over."""
    op.create_index(
        "reading_declined",
        "reading",
        ["episode_id", "taken_at"],
        unique=False,
        postgresql_where=sa.text("quality <> 'test' AND also ? 'declined'"),
    )
