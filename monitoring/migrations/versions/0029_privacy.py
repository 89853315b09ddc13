"""Records that are held or erased; and indexes by which what is of a record, or of nobody, is found to be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

OF_NOBODY = sa.text("patient_id IS NULL")


def upgrade() -> None:
    """Add what is new; nothing that is there changes."""
    op.add_column("patient", sa.Column("hold_reason", sa.String(), nullable=True))
    op.add_column("patient", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("patient", sa.Column("erased_because", sa.String(), nullable=True))
    op.create_index("break_glass_of", "break_glass", ["patient_id"])
    op.create_index("handover_of_alert", "handover", ["alert_id"])
    op.create_index("inpatient_of", "inpatient", ["patient_id"])
    op.create_index(
        "inpatient_referred", "inpatient", ["referral_id"], postgresql_where=sa.text("referral_id IS NOT NULL")
    )
    op.create_index("prevention_of", "prevention", ["patient_id"])
    op.create_index(
        "hotline_call_sent_on",
        "hotline_call",
        ["ucr_referral_id"],
        postgresql_where=sa.text("ucr_referral_id IS NOT NULL"),
    )
    op.create_index("hotline_call_of_nobody", "hotline_call", ["recorded_at"], postgresql_where=OF_NOBODY)
    op.create_index("hospital_message_of_nobody", "hospital_message", ["received_at"], postgresql_where=OF_NOBODY)
    op.create_index("set_aside_of_nobody", "set_aside", ["kept_at"], postgresql_where=OF_NOBODY)
