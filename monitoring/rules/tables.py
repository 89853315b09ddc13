"""Changes of pathways: what was proposed, whole, and what another person decided of it. Both are written once."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from monitoring.columns import UtcDateTime, instant, internal_key, one_of, public_key

RULES_LOCK: Final = 7_725
"""Advisory, of the transaction: proposals are decided one at a time, so that ids follow commits."""


class Decided(StrEnum):
    """What became of a proposal."""

    APPROVED = "approved"
    REJECTED = "rejected"


class RuleProposal(SQLModel, table=True):
    """A pathway's file as somebody wants it to be. Append-only.

    `replaces_id`, `replaces_version`: what was approved last when it was proposed; no id: the packaged file.
    """

    __tablename__ = "rule_proposal"
    __table_args__ = (Index("rule_proposal_of_pathway", "pathway", "id"),)

    id: int = internal_key()
    public_id: UUID = public_key()
    pathway: str
    content: str = Field(sa_type=Text)
    version: str  # of the content, as in an alert's `why`
    replaces_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="rule_proposal.id")
    replaces_version: str
    reason: str
    proposed_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    proposed_at: datetime = instant()


class RuleDecision(SQLModel, table=True):
    """Who approved a proposal, and from when it holds; or who rejected it and why. Append-only."""

    __tablename__ = "rule_decision"
    __table_args__ = (
        one_of("decision", Decided),
        CheckConstraint("(decision = 'approved') = (from_at IS NOT NULL)", name="approved_from"),
        Index("rule_approved", "pathway", "id", postgresql_where=text("decision = 'approved'")),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    proposal_id: int = Field(sa_type=BigInteger, foreign_key="rule_proposal.id", unique=True)
    pathway: str
    decision: Decided = Field(sa_type=Text)
    from_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str | None = None  # why it was rejected
    decided_by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    decided_at: datetime = instant()
