"""How much each measure does."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts that bound every measure."""

    name: str
    patients: int  # each with a device and its token
    runs: int  # of what is measured several times, to take the median
    posts: int  # single sets in one run of the way in
    arrays: int  # arrays in one run
    naive: int  # jobs of the naive pipeline's quicker worker; the forking one gets a quarter
    sick: int  # patients whose alert is awaited
    array_sets: int  # scored at once by the array NEWS2
    copied: int  # rows
    history: int  # sets of history, apart
    spells: int  # of a year on 420 wards, apart


SETS_PER_ARRAY: Final = 200
FULL: Final = Scale(
    "full", patients=25_000, runs=3, posts=20_000, arrays=500, naive=1_000, sick=300, array_sets=4_000_000,
    copied=200_000, history=10_000_000, spells=1_000_000,
)  # fmt: skip
QUICK: Final = Scale(
    "quick", patients=1_500, runs=1, posts=1_500, arrays=20, naive=80, sick=30, array_sets=1_000_000, copied=4_000,
    history=300_000, spells=40_000,
)  # fmt: skip
