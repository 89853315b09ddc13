"""How long `up` takes on a folder that is there, and what it weighs before it works."""

from typing import Final

from tests.benchmarks.end_to_end import memory_figure
from tests.benchmarks.figures import Figure, Target, middle
from tests.benchmarks.measure import Bench

READY_S: Final = Target(must=5, aim=2)


def take(bench: Bench) -> list[Figure]:
    """Start it several times on the seeded folder, stopped properly in between."""
    bench.house.make()
    ready_s = []
    for run in range(bench.scale.runs - 1):
        bench.say(f"starting `up`, {run + 1} of {bench.scale.runs}")
        with bench.house.open(settle=False) as up:
            ready_s.append(up.ready_s)
    bench.say("starting `up`, and letting it settle")
    with bench.house.open() as up:
        ready_s.append(up.ready_s)
        memory = memory_figure(up, "idle after its start")
    took_s, beside = middle(ready_s, "s")
    return [Figure("`up` on an existing folder until ready", took_s, "s", READY_S, beside), memory]
