"""Values that a senior clinician accepted of one patient for some days; kept after they end."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric
from sqlmodel import Field, SQLModel

from alert_rules.accepted import ACCEPTED_FOR_MAX
from monitoring.columns import UtcDateTime, instant, internal_key, public_key


class AcceptedValue(SQLModel, table=True):
    """One vital sign of a stay, accepted down (or up) to a value. It holds for what is taken from then until it ends.

    At most one holds at a time: whoever makes or withdraws one holds the stay's `latest_vitals`, whose
    `accepted_until` tells the drain that there is one to look up. Only its withdrawal is ever written to it.
    """

    __tablename__ = "accepted_value"
    __table_args__ = (
        Index("accepted_value_of_stay", "episode_id", "id"),
        CheckConstraint(
            f"until_at > from_at AND until_at <= from_at + interval '{ACCEPTED_FOR_MAX.days} days'", name="days"
        ),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_by_somebody"),
    )

    id: int = internal_key()
    public_id: UUID = public_key()
    episode_id: int = Field(sa_type=BigInteger, foreign_key="episode.id")
    vital: str
    up: bool  # up to the value; else down to it
    value: Decimal = Field(sa_type=Numeric(7, 2))
    from_at: datetime = instant()
    until_at: datetime = instant()
    by: int = Field(sa_type=BigInteger, foreign_key="staff.id")
    reason: str
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_by: int | None = Field(default=None, sa_type=BigInteger, foreign_key="staff.id")
    withdrawn_reason: str | None = None
