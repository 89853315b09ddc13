"""From the first POST until the last set is stored, scored and its alert committed, and what that takes in memory."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks import wrk
from tests.benchmarks.copying import copy_rate
from tests.benchmarks.figures import BenchmarkError, Figure, Target, middle, spoken
from tests.benchmarks.measure import Bench
from tests.benchmarks.posting import DRAIN_S_MAX, ROUTE
from tests.benchmarks.scale import SETS_PER_ARRAY
from tests.benchmarks.up import Up

SINGLES: Final = Target(must=2_500, aim=5_000)
ARRAYS: Final = Target(must=8_000, aim=25_000)
MEMORY_MB: Final = Target(must=700, aim=400)

_COUNTS: Final = """
SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM set_aside), (SELECT count(*) FROM alert)
"""


@dataclass(frozen=True, slots=True)
class Through:
    """What one run brought through."""

    rate: float  # sets a second
    cpu_us: dict[str, float]  # a set, by part
    busy: int  # posts refused with 503, not counted
    alerts: int
    p99_ms: float  # until the 202


def take(bench: Bench) -> list[Figure]:
    """Singles by everybody, then arrays, then raw COPY of the same rows; memory right after."""
    scale = bench.scale
    with bench.house.open() as up:
        arrays = []
        for run in range(scale.runs):
            bench.say(f"arrays of {SETS_PER_ARRAY}, end to end, {run + 1} of {scale.runs}")
            arrays.append(through(up, bench.house.arrays(up, scale.arrays), scale.arrays, SETS_PER_ARRAY))
        singles = []
        for run in range(scale.runs):
            bench.say(f"single sets, end to end, {run + 1} of {scale.runs}")
            singles.append(through(up, bench.house.singles(up, scale.patients), scale.patients, 1))
        memory = memory_figure(up, "after the end-to-end runs")
        bench.say("raw COPY of the same rows")
        copied = copy_rate(up, scale.copied)
    bench.reached["single sets"], beside = middle([one.rate for one in singles])
    bench.reached["arrays of 200"], beside_arrays = middle([one.rate for one in arrays])
    share = bench.reached["arrays of 200"] / copied
    return [
        _figure(f"end to end: single sets, {scale.patients:,} patients", singles, SINGLES, beside),
        _cpu_figure("single sets", singles),
        _figure("end to end: arrays of 200", arrays, ARRAYS, beside_arrays),
        _cpu_figure("arrays of 200", arrays),
        Figure("raw COPY into an identical table", copied, "rows/s", beside=f"arrays reach {share:.2f} × of it"),
        memory,
    ]


def through(up: Up, file: Path, posts: int, per_post: int) -> Through:
    """Post a file, wait for the last set, and count. Raises BenchmarkError where an accepted set is not stored."""
    before, cpu_s = _counted(up), up.cpu_s()
    load = wrk.post(up.url + ROUTE, file, expected=posts)
    ended_s = up.wait_until_drained(DRAIN_S_MAX)
    cpu_us = {part: 1e6 * (used - cpu_s.get(part, 0)) / (posts * per_post) for part, used in up.cpu_s().items()}
    stored, kept, alerts = (now - then for now, then in zip(_counted(up), before, strict=True))
    accepted = load.accepted * per_post
    if stored != accepted or kept:
        raise BenchmarkError(f"{accepted} sets were accepted, {stored} are stored and {kept} kept aside")
    return Through(stored / (ended_s - load.first_s), cpu_us, load.busy, alerts, load.p99_ms)


def memory_figure(up: Up, when: str) -> Figure:
    """The proportional set size of everything that `up` started."""
    parts = up.pss_mb()
    return Figure(f"memory (PSS) {when}", sum(parts.values()), "MB", MEMORY_MB, _by_size(parts))


def _by_size(parts: dict[str, float]) -> str:
    largest_first = sorted(parts.items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {spoken(value)}" for name, value in largest_first if value >= 1)


def _cpu_figure(what: str, runs: list[Through]) -> Figure:
    """What a set costs, whatever else the machine does: the cores' seconds over it are the most that can be."""
    parts = {part: median(run.cpu_us.get(part, 0.0) for run in runs) for part in runs[0].cpu_us}
    return Figure(f"end to end: {what}, CPU of all parts", sum(parts.values()), "µs/set", beside=_by_size(parts))


def _counted(up: Up) -> tuple[int, int, int]:
    with up.owner() as connection:
        row = connection.execute(_COUNTS).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _figure(measure: str, runs: list[Through], target: Target, beside: str) -> Figure:
    rate, _ = middle([run.rate for run in runs])
    last = runs[-1]
    told = f"{beside}; {last.alerts:,} alerts, {sum(run.busy for run in runs)} × 503, 202 within {last.p99_ms:.0f} ms"
    return Figure(measure, rate, "sets/s", target, f"{told} (p99)")
