"""Small numbers in a table of groups with its total: rounded, suppressed, and not to be worked out from what is shown.

Source: docs/clinical/policy.md, *Spells, clocks and counts*: suppress < 5, round to 5, secondary suppression. Nothing
is too small: whether nobody or four people of a group came is not told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from monitoring.reports.small_numbers import SHOWN_FROM

Group = TypeVar("Group")

ROUNDED_TO: Final = 5
_OFF_BY: Final = ROUNDED_TO // 2  # that a shown number may be, up or down
_SMALL_MAX: Final = SHOWN_FROM - 1
_OPEN: Final = 2
"""By how much at least the sum of the small groups stays unknown, from its least and from its most."""


@dataclass(frozen=True, slots=True)
class Shown(Generic[Group]):
    """Which groups are shown, and whether their total is."""

    groups: frozenset[Group]
    total: bool


def rounded(number: float) -> int:
    """To the nearest 5."""
    return int(number / ROUNDED_TO + 0.5) * ROUNDED_TO


def shown(people: Mapping[Group, int]) -> Shown[Group]:
    """What may be shown of a table, by how many people each of its groups counts.

    Rounding alone, of the total too, hides what is left over for a small group. Where it does not quite, the smallest
    of the others is hidden with it, and so on; with none left, the total. Which ones is decided by rounded numbers
    only, so that the choice tells nothing more.
    """
    total = sum(people.values())
    if total < SHOWN_FROM:
        return Shown(frozenset(), total=False)
    large = sorted((one for one in people if people[one] >= SHOWN_FROM), key=lambda one: rounded(people[one]))
    numbers, small = [rounded(people[one]) for one in large], len(people) - len(large)
    for gone in range(len(large) + 1):
        if not _told(rounded(total), numbers[gone:], small, gone):
            return Shown(frozenset(large[gone:]), total=True)
    return Shown(frozenset(), total=False)


def _told(total: int, numbers: Sequence[int], small: int, gone: int) -> bool:
    """Whether rounded numbers all but tell of the small groups, `gone` larger ones hidden beside them."""
    if not small:
        return False
    slack = _OFF_BY * (len(numbers) + 1)
    left = total - sum(numbers)
    gone_max = min(numbers, default=total) + _OFF_BY  # none of those hidden is larger than one that is shown
    lowest, highest = left - slack - gone * gone_max, left + slack - gone * SHOWN_FROM
    return highest < _OPEN or lowest > _SMALL_MAX * small - _OPEN
