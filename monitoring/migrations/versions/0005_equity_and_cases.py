"""Equity and case finding: tables that a site loads, contacts of others, and what was sent to practices."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# What is written once is not in the application's power to change.
GRANTS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vw_app') AND current_user <> 'vw_app' THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON loading, deprivation, postcode_lsoa, ethnic_group, population_group,
            practice TO vw_app;
        GRANT SELECT, INSERT ON outside_contact, cases_sent, case_sent, case_reply TO vw_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vw_app;
    END IF;
END
$$
"""

# NHS Data Dictionary, ETHNIC CATEGORY (of 2001), in the groups of Census 2021, which counts R, Chinese, among the Asian.
# Z, not stated, and 99, not known, are in none.
ETHNICITY = """
INSERT INTO ethnic_group (from_on, code, "group")
SELECT '2001-04-01', code, grp
FROM (VALUES ('white', 'ABC'), ('mixed', 'DEFG'), ('asian', 'HJKLR'), ('black', 'MNP'), ('other', 'S')) AS of (grp, codes)
CROSS JOIN LATERAL regexp_split_to_table(codes, '') AS code;
INSERT INTO loading (name, from_on, rows, loaded_at)
SELECT 'ethnicity', '2001-04-01', count(*), '2001-04-01T00:00:00Z' FROM ethnic_group
"""


def upgrade() -> None:
    """Make the tables, and load the ethnic categories that the NHS uses."""
    op.create_table(
        "loading",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("loaded_by", sa.BigInteger(), nullable=True),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["loaded_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("name", "from_on"),
    )
    op.create_table(
        "deprivation",
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("quintile", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("from_on", "area"),
    )
    op.create_table(
        "postcode_lsoa",
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("postcode", sa.String(), nullable=False),
        sa.Column("lsoa", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("from_on", "postcode"),
    )
    op.create_table(
        "ethnic_group",
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("from_on", "code"),
    )
    op.create_table(
        "population_group",
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("icb", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("from_on", "icb", "by", "group"),
    )
    op.create_table(
        "practice",
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("gp_practice", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("from_on", "gp_practice"),
    )
    _make_case_tables()
    op.create_index(
        "patient_of_practice",
        "patient",
        ["gp_practice"],
        unique=False,
        postgresql_where=sa.text("gp_practice IS NOT NULL"),
    )
    op.execute(ETHNICITY)
    op.execute(GRANTS)


def _make_case_tables() -> None:
    op.create_table(
        "outside_contact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("nhs_number", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("systolic", sa.SmallInteger(), nullable=False),
        sa.Column("diastolic", sa.SmallInteger(), nullable=False),
        sa.Column("gp_practice", sa.String(), nullable=True),
        sa.Column("loaded_by", sa.BigInteger(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["loaded_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("outside_contact_by_time", "outside_contact", ["at"], unique=False)
    op.create_index("outside_contact_once", "outside_contact", ["nhs_number", "at"], unique=True)
    op.create_table(
        "cases_sent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("gp_practice", sa.String(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("sent_by", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["sent_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("cases_sent_to_practice", "cases_sent", ["gp_practice", "id"], unique=False)
    op.create_table(
        "case_sent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("case", sa.Uuid(), nullable=False),
        sa.Column("finding", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["cases_sent.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("case_sent_of_list", "case_sent", ["list_id", "case"], unique=True)
    op.create_index(op.f("ix_case_sent_case"), "case_sent", ["case"], unique=False)
    op.create_table(
        "case_reply",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reply IN ('reviewed', 'diagnosed', 'optimised', 'lifestyle')", name="reply_known"),
        sa.ForeignKeyConstraint(["case_id"], ["case_sent.id"]),
        sa.ForeignKeyConstraint(["recorded_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("case_reply_to", "case_reply", ["case_id", "id"], unique=False)
