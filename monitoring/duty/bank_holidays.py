"""Bank holidays of England."""

from datetime import date
from functools import cache
from typing import Final

SUBSTITUTE: Final = " (observed)"


def is_bank_holiday(day: date) -> bool:
    """Whether England has a bank holiday on that day."""
    return day in _of_year(day.year)


@cache
def _of_year(year: int) -> frozenset[date]:
    """As published: of a holiday at a weekend that has a substitute day, the substitute only."""
    import holidays  # noqa: PLC0415 - 40 ms and some MB, and few rotas ask for it

    found = holidays.country_holidays("GB", subdiv="ENG", years=year, language="en_GB")
    named = {(day, name) for day in found for name in found.get_list(day)}
    moved = {name.removesuffix(SUBSTITUTE) for _, name in named if name.endswith(SUBSTITUTE)}
    return frozenset(day for day, name in named if name not in moved and day.year == year)
