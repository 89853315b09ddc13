"""What a measure is, and what it is given."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.figures import Figure
from tests.benchmarks.house import House
from tests.benchmarks.scale import Scale


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmarks."""

    scale: Scale
    house: House
    say: Callable[[str], None]
    reached: dict[str, float] = field(default_factory=dict)  # rates that later measures compare with


@dataclass(frozen=True, slots=True)
class Measure:
    """One entry of the table of measures."""

    name: str
    what: str
    take: Callable[[Bench], list[Figure]]
    needs_wrk: bool = True
