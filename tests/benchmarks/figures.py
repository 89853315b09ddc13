"""What a measure found: figures, each with its target or its ratio beside it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

Verdict = Literal["aim", "must", "missed", ""]


class BenchmarkError(Exception):
    """A measure cannot be taken, or what it counted does not agree."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must reach, and what it aims at."""

    must: float
    aim: float

    @property
    def at_most(self) -> bool:
        """Whether less is better: the aim then lies below."""
        return self.aim < self.must

    def verdict(self, value: float) -> Verdict:
        """What of it a value reaches."""
        sign = -1 if self.at_most else 1
        if value * sign >= self.aim * sign:
            return "aim"
        return "must" if value * sign >= self.must * sign else "missed"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    measure: str
    value: float
    unit: str
    target: Target | None = None
    beside: str = ""  # what it compares with, and how it came about

    @property
    def verdict(self) -> Verdict:
        """What of its target it reaches; nothing where it has none."""
        return self.target.verdict(self.value) if self.target else ""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self) | {"verdict": self.verdict}


def middle(values: Sequence[float], unit: str = "") -> tuple[float, str]:
    """The median of some runs, and what to say beside it."""
    runs = ", ".join(spoken(value) for value in values)
    return median(values), f"median of {len(values)}: {runs}{unit and ' '}{unit}"


def share(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of them don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def spoken(value: float) -> str:
    """A number as people read it: three digits where it is small."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.1f} M"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
