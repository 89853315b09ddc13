"""How much of the machine others used while a measure was taken: what makes its figures mean less."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Final, Self

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
IDLE: Final = (3, 4)  # in /proc/stat: idle, waiting for a disk
TWICE_COUNTED: Final = 8  # what guests use stands from here on once more


@dataclass(frozen=True, slots=True)
class CpuUsed:
    """CPU seconds until some instant: of the whole machine, and of us with all that we started and waited for."""

    at_s: float
    all_s: float
    ours_s: float

    @classmethod
    def now(cls) -> Self:
        """Read the counters. What still runs of ours counts for others: call it when everything was stopped."""
        ticks = [int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:]]
        busy = sum(used for place, used in enumerate(ticks[:TWICE_COUNTED]) if place not in IDLE)
        ours = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
        return cls(time.monotonic(), busy / TICKS_PER_S, sum(one.ru_utime + one.ru_stime for one in ours))

    def others_since(self, before: Self) -> float:
        """The share of all cores that others used meanwhile, 0 to 1."""
        cores_s = (self.at_s - before.at_s) * (os.cpu_count() or 1)
        others_s = (self.all_s - before.all_s) - (self.ours_s - before.ours_s)
        return min(1.0, max(0.0, others_s / cores_s))
