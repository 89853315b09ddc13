"""Where each device is in its life, what was done with it, and what is wrong with the kit at home."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

# What was done with a device is written once.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT ON kit_move TO vw_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON device_trouble TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

STATES = "'stock', 'issued', 'awaited', 'returned', 'cleaned', 'lost', 'faulty', 'retired'"
MOVES = (
    "'registered', 'issued', 'shared', 'handed_on', 'awaited', 'returned', 'cleaned', 'stocked', 'lost', 'found', "
    "'faulty', 'repaired', 'retired'"
)


def upgrade() -> None:
    """What nobody has now is taken to be in stock: nobody knows better."""
    op.add_column("device", sa.Column("state", sa.Text(), nullable=False, server_default="stock"))
    op.add_column("device", sa.Column("state_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        """
        UPDATE device SET state_at = coalesce(held.since, one.created_at),
                          state = CASE WHEN held.since IS NULL THEN 'stock' ELSE 'issued' END
        FROM device AS one
        LEFT JOIN LATERAL (SELECT max(lower(during)) AS since FROM assignment
                           WHERE device_id = one.id AND upper(during) IS NULL) AS held ON true
        WHERE one.id = device.id
        """
    )
    op.alter_column("device", "state_at", nullable=False)
    op.create_check_constraint("state_known", "device", f"state IN ({STATES})")
    op.create_index("device_in_state", "device", ["state", "kind"])
    op.create_index("device_by_serial", "device", [sa.text("lower(serial)"), "kind"])
    op.create_index("device_by_identifier", "device", ["identifiers"], postgresql_using="gin")
    op.create_index("assignment_lasting", "assignment", [sa.text("upper(during)")])
    _make_moves()
    op.execute(
        """
        INSERT INTO kit_move (device_id, move, to_state, at, recorded_at)
        SELECT id, 'registered', 'stock', created_at, created_at FROM device ORDER BY id
        """
    )
    op.execute(
        """
        INSERT INTO kit_move (device_id, move, from_state, to_state, at, recorded_at)
        SELECT id, 'issued', 'stock', 'issued', state_at, state_at FROM device WHERE state = 'issued' ORDER BY id
        """
    )
    _make_troubles()
    op.execute(GRANTS)


def _make_moves() -> None:
    op.create_table(
        "kit_move",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("move", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"move IN ({MOVES})", name="move_known"),
        sa.CheckConstraint(f"to_state IN ({STATES})", name="to_state_known"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.ForeignKeyConstraint(["by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("kit_move_of_device", "kit_move", ["device_id", "id"])


def _make_troubles() -> None:
    op.create_table(
        "device_trouble",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("trouble IN ('silent', 'battery')", name="trouble_known"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("device_trouble_once", "device_trouble", ["device_id", "trouble"], unique=True)
    op.create_index("device_trouble_of_patient", "device_trouble", ["patient_id"])
