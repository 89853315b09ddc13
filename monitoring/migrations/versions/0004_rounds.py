"""Rounds: hospital inpatients suitable for a ward, and an index of visits."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE ON inpatient TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the table of inpatients, and find a ward's visits of a day."""
    op.create_table(
        "inpatient",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("ward_id", sa.BigInteger(), nullable=False),
        sa.Column("hospital", sa.String(), nullable=False),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("hospital_admitted_on", sa.Date(), nullable=True),
        sa.Column("hospital_until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("seen_by", sa.String(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.Column("referral_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'referred') = (referral_id IS NOT NULL)", name="referred_has_a_referral"),
        sa.CheckConstraint("state IN ('proposed', 'referred', 'declined')", name="state_known"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.ForeignKeyConstraint(["proposed_by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"]),
        sa.ForeignKeyConstraint(["ward_id"], ["ward.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "inpatient_proposed",
        "inpatient",
        ["patient_id", "ward_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index("inpatient_to_ward", "inpatient", ["ward_id", "state", "id"], unique=False)
    op.create_index(
        "spell_entry_visit",
        "spell_entry",
        ["ward_id", "at"],
        unique=False,
        postgresql_where=sa.text("kind = 'contact' AND (data ->> 'mode') = 'visit'"),
    )
    op.execute(GRANTS)
