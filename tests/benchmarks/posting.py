"""The way in alone, and then the way through alone: nothing is drained while posting, nothing posted while draining."""

import time
from pathlib import Path
from typing import Final

from tests.benchmarks import baseline, wrk
from tests.benchmarks.figures import BenchmarkError, Figure, Target, middle
from tests.benchmarks.measure import Bench
from tests.benchmarks.scale import SETS_PER_ARRAY
from tests.benchmarks.up import Up

ROUTE: Final = "/v1/readings"
DURABLE_SHARE: Final = Target(must=0.50, aim=0.75)
DRAIN_S_MAX: Final = 120.0


def take(bench: Bench) -> list[Figure]:
    """Singles against the baseline, then drained; arrays posted, then drained."""
    with bench.house.open() as up, baseline.serving("tests.benchmarks.baseline") as nothing_behind:
        up.hold_bell()
        durable, plain = [], []
        for run in range(bench.scale.runs):
            bench.say(f"single sets, durable and with nothing behind, {run + 1} of {bench.scale.runs}")
            file = bench.house.singles(up, bench.scale.posts)
            durable.append(durable_rate(up, file, bench.scale.posts))
            plain.append(_rate(nothing_behind, file, bench.scale.posts))
        singles = _singles(durable, plain)
        bench.say("draining what was posted")
        singles.append(_drained(up, bench.scale.posts * bench.scale.runs, "single sets"))
        up.hold_bell()
        bench.say("arrays, durable")
        posts = bench.scale.arrays
        rate = durable_rate(up, bench.house.arrays(up, posts), posts)
        arrays = Figure(
            "way in: arrays of 200, durable 202", rate, "202/s", beside=f"{rate * SETS_PER_ARRAY:,.0f} sets/s"
        )
        bench.say("draining them")
        return [*singles, arrays, _drained(up, posts * SETS_PER_ARRAY, "arrays of 200")]


def durable_rate(up: Up, file: Path, posts: int) -> float:
    """Posts a second into a stream that nobody drains. Raises BenchmarkError where somebody did."""
    before = up.backlog()
    rate = _rate(up.url, file, posts)
    if (waiting := up.backlog() - before) != posts:
        raise BenchmarkError(f"{waiting} of {posts} posts wait: some were drained meanwhile")
    return rate


def drain_rate(up: Up, sets: int) -> float:
    """Sets a second out of a stream in which so many wait."""
    started_s = time.monotonic()
    up.ring_bell()
    return sets / (up.wait_until_drained(DRAIN_S_MAX) - started_s)


def _rate(url: str, file: Path, posts: int) -> float:
    load = wrk.post(url + ROUTE, file, expected=posts)
    if load.busy:
        raise BenchmarkError(f"{load.busy} posts were refused with 503")
    return load.rate


def _singles(durable: list[float], plain: list[float]) -> list[Figure]:
    """The share of what the server does anyway, run by run."""
    rate, beside = middle(durable)
    bare, bare_beside = middle(plain)
    share, shares = middle([one / other for one, other in zip(durable, plain, strict=True)])
    return [
        Figure("way in: single sets, durable 202", rate, "202/s", beside=f"{beside}; nothing drained meanwhile"),
        Figure("way in: the same server with nothing behind", bare, "202/s", beside=bare_beside),
        Figure("way in: durable against nothing behind", share, "×", DURABLE_SHARE, shares),
    ]


def _drained(up: Up, sets: int, what: str) -> Figure:
    rate = drain_rate(up, sets)
    return Figure(f"drain alone: {what}", rate, "sets/s", beside=f"{sets:,} sets waiting in the stream")
