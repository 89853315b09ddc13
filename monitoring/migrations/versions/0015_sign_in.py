"""Sessions of people at a browser: tokens that end by themselves, and links that work once."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_link TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Let tokens end, and make the table of links."""
    op.add_column("token", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "sign_in_link",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_index("sign_in_link_by_age", "sign_in_link", ["expires_at"], unique=False)
    op.execute(GRANTS)
