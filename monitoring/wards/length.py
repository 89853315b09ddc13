"""How long a spell lasts, and how long it may: the review before the maximum, the breach after it.

Source: docs/clinical/policy.md, *Spells, clocks and counts*: 14 days where the ward says no other, a review 4 days
before, never discharged automatically. Counted in whole periods of 24 h from the admission to the spell, so that the
clock change makes no day longer; a transfer does not begin it anew, the maximum is the ward's where the patient is.
"""

from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from alert_rules.silence import LOCAL

REVIEW_BEFORE: Final = timedelta(days=4)
DAY_S: Final = 86_400


class LengthView(msgspec.Struct, kw_only=True):
    """The length of a spell so far, or as it was, against the ward's maximum."""

    days: float
    max_days: int
    review_at: datetime  # from then on its length has to be reviewed
    breach_at: datetime
    review_due: bool  # and no extension with a reason lasts still
    breach: bool
    extension_reason: str | None


def length(
    admitted_at: datetime,
    discharged_at: datetime | None,
    now: datetime,
    max_days: int,
    *,
    extension_reason: str | None,
    expected_on: date | None,
) -> LengthView:
    """How long, and what is flagged. A spell that has ended asks for no review; its breach stays a fact.

    An extension lasts until the expected date of discharge that it gave a reason for.
    """
    is_extended = (
        extension_reason is not None and expected_on is not None and now.astimezone(LOCAL).date() <= expected_on
    )
    until = discharged_at or now
    breach_at = admitted_at + timedelta(days=max_days)
    review_at = max(admitted_at, breach_at - REVIEW_BEFORE)
    return LengthView(
        days=round((until - admitted_at).total_seconds() / DAY_S, 2),
        max_days=max_days,
        review_at=review_at,
        breach_at=breach_at,
        review_due=discharged_at is None and not is_extended and now >= review_at,
        breach=until > breach_at,
        extension_reason=extension_reason,
    )
