"""Signing in at an issuer (OIDC), how recent a sign-in is, and access that somebody opens in an emergency."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

# How somebody signed in and what they opened is written once; that the patient moves with a merge is its only change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON oidc_identity TO vw_app;
        GRANT SELECT, INSERT, DELETE ON oidc_attempt TO vw_app;
        GRANT SELECT, INSERT ON oidc_sign_in TO vw_app;
        GRANT SELECT, INSERT, UPDATE (patient_id) ON break_glass TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Add what is new; who has a token signs in with it as before."""
    op.add_column("token", sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("token_of_staff", "token", ["staff_id"], postgresql_where=sa.text("staff_id IS NOT NULL"))
    _make_sign_in()
    _make_break_glass()
    op.execute(GRANTS)


def _make_sign_in() -> None:
    op.create_table(
        "oidc_identity",
        sa.Column("staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("named", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("by_claims", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("named IS NOT NULL OR subject IS NOT NULL", name="identity_of_somebody"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("staff_id"),
    )
    op.create_index("oidc_identity_subject", "oidc_identity", ["issuer", "subject"], unique=True)
    op.create_index("oidc_identity_named", "oidc_identity", ["issuer", "named"], unique=True)
    op.create_table(
        "oidc_attempt",
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("again", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state"),
    )
    op.create_index("oidc_attempt_by_age", "oidc_attempt", ["expires_at"])
    op.create_table(
        "oidc_sign_in",
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acr", sa.String(), nullable=True),
        sa.Column("amr", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("id_token", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_index("oidc_sign_in_of", "oidc_sign_in", ["staff_id", "at"])


def _make_break_glass() -> None:
    op.create_table(
        "break_glass",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("break_glass_open", "break_glass", ["until_at"])
    op.create_index("break_glass_by", "break_glass", ["staff_id", "id"])
    op.create_index("break_glass_on", "break_glass", ["ward_id", "id"])
