"""Delivery: tries by the present way, receipts that are waited for, contacts by their address."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add what deliveries need."""
    op.add_column("message", sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"))
    op.alter_column("message", "tries", server_default=None)
    op.create_index(
        "message_awaits_receipt",
        "message",
        ["give_up_at"],
        unique=False,
        postgresql_where=sa.text("state = 'delivered' AND ways <> '[]'::jsonb"),
    )
    op.create_index("contact_at", "contact", ["to", "by"], unique=False)
