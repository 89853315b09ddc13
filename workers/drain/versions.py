"""By which version of which pathway each set of a batch is judged: the one that held when it was taken."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alert_rules.pathway import Pathway
from workers.drain.neighbours import Row
from workers.drain.stays import Stay


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions that a batch is judged by. `of_row`: the place of each set's own among them."""

    each: list[Pathway]
    of_row: NDArray[np.intp]  # (n,)

    def of(self, row: int) -> Pathway:
        """The version that one set is judged by."""
        return self.each[int(self.of_row[row])]


def versions_of(stays: Sequence[Stay], rows: Sequence[Row]) -> Versions:
    """Few, whatever the number of sets: mostly one for each pathway."""
    each: dict[int, Pathway] = {}
    places: dict[int, int] = {}
    of_row = []
    for row in rows:
        found = stays[row.stay].pathway_at(row.one.taken_at)
        of_row.append(places.setdefault(id(found), len(places)))
        each[id(found)] = found
    return Versions([*each.values()], np.array(of_row, dtype=np.intp))
