"""What is usual for a patient, learnt from the first days: a proposal, with how sure it is, for a person to decide.

Nothing alerts by what was learnt: a clinician puts it into the plan (`baselines`), or does not. Source:
docs/clinical/policy.md, *What pathways add*; the median, so that one odd reading moves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

LEARNT_WITHIN: Final = timedelta(days=2)
"""From admission."""
READINGS_MIN: Final = 4
"""Fewer say too little."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """The usual value of one vital sign, in whole units, and what it rests on."""

    value: int
    readings: int
    over_us: int  # from the first to the last
    spread: int  # half of the readings are no further away than that

    @property
    def enough(self) -> bool:
        """Whether there are enough readings to propose it."""
        return self.readings >= READINGS_MIN


def learn(readings: Sequence[tuple[int, int]]) -> Learnt | None:
    """From instants in microseconds and values in whole units, in whatever order; None where there are none."""
    if not readings:
        return None
    instants, values = [at_us for at_us, _ in readings], [value for _, value in readings]
    usual = _median(values)
    spread = _median([abs(value - usual) for value in values])
    return Learnt(usual, len(values), max(instants) - min(instants), spread)


def _median(values: Sequence[int]) -> int:
    """Between two, half up."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half] + 1) // 2
