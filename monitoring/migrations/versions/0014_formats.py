"""More reasons to keep something aside: what the decoders of the devices' own formats can't be sure of."""

from alembic import op

revision = "0014"
down_revision = "0013"

BEFORE = (
    "'same id, other content', 'taken in the future', 'older than what is kept', "
    "'device not assigned to a patient at that time', 'patient not on a ward at that time', "
    "'not a patient of this device at that time', 'cannot be a measurement'"
)
NEW = (
    "'code not known', 'unit not known', 'time not known', 'withdrawn by its sender', 'corrected by its sender', "
    "'another user of the device', 'can hardly be this patient''s'"
)


def upgrade() -> None:
    """Let the new reasons in; the rows that are there keep to the old ones."""
    op.drop_constraint("reason_known", "set_aside")
    op.execute(
        f"ALTER TABLE set_aside ADD CONSTRAINT reason_known "
        f"CHECK (reason IN ({BEFORE}, {NEW}, 'could not be processed')) NOT VALID"
    )
    op.execute("ALTER TABLE set_aside VALIDATE CONSTRAINT reason_known")
