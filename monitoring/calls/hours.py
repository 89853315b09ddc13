"""Which calls come out of hours: when general practice is closed."""

from datetime import datetime, time
from typing import Final

from monitoring.clock import WARD_TIME
from monitoring.duty.bank_holidays import is_bank_holiday

OPENS: Final = time(8)
CLOSES: Final = time(18, 30)
"""General practice's core hours in England, Monday to Friday but for bank holidays (GMS regulations)."""


def is_out_of_hours(at: datetime) -> bool:
    """Whether a practice is closed at an instant, by the clock in London."""
    local = at.astimezone(WARD_TIME)
    is_open = local.weekday() < 5 and OPENS <= local.time() < CLOSES
    return not is_open or is_bank_holiday(local.date())
