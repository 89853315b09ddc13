"""Small numbers in a table of groups with its total: rounded, suppressed, and not to be worked out from what is shown.

Source: docs/clinical/policy.md, *Spells, clocks and counts*: suppress < 5, round to 5, secondary suppression. Nothing
is too small: whether nobody or four people of a group came is not told.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from monitoring.reports.small_numbers import SHOWN_FROM

Group = TypeVar("Group")

ROUNDED_TO: Final = 5


def rounded(number: float) -> int:
    """To the nearest 5."""
    return int(number / ROUNDED_TO + 0.5) * ROUNDED_TO


def published(
    people: Mapping[Group, int], numbers: Mapping[Group, float], total: float
) -> tuple[dict[Group, int], int | None]:
    """The numbers of those groups that count enough people, rounded, and the total to stand with them, if any may.

    Where a group is hidden, the total is the sum of what is shown. One that counts everybody, rounded or not, tells of
    the hidden at the edges of rounding; to hide more beside it, or the total, only where that is needed tells it too.
    """
    shown = {group: rounded(numbers[group]) for group, count in people.items() if count >= SHOWN_FROM}
    if len(shown) == len(people):
        return shown, rounded(total)
    return shown, sum(shown.values()) if shown else None
