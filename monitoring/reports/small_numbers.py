"""Small numbers are not shown, nor what would give them away.

Source: docs/clinical/policy.md, *Spells, clocks and counts*: fewer than 5 are suppressed, with secondary suppression.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

Group = TypeVar("Group")

SHOWN_FROM: Final = 5


def hidden(people: Mapping[Group, int]) -> frozenset[Group]:
    """Which groups of a total are not shown, by how many people each counts: those with 1 to 4.

    And where the total less what is shown would tell of fewer than 5, the smallest others too.
    """
    kept = {group: number for group, number in people.items() if number >= SHOWN_FROM}
    out = {group: number for group, number in people.items() if 0 < number < SHOWN_FROM}
    for group in sorted(kept, key=lambda one: kept[one]):
        if not out or sum(out.values()) >= SHOWN_FROM:
            break
        out[group] = kept[group]
    return frozenset(out)
