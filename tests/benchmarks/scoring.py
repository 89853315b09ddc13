"""NEWS2 in arrays, on one core."""

import time
from typing import Final

import numpy as np

from alert_rules.news2_arrays import score_arrays
from alert_rules.vitals import PARAMETERS, VitalArrays
from tests.benchmarks.figures import Figure, Target, middle
from tests.benchmarks.measure import Bench

RATE: Final = Target(must=20e6, aim=50e6)
RUNS: Final = 7
MEASURED_SHARE: Final = 0.9
SCALE_2_SHARE: Final = 0.15
# By parameter, in chart units: mean and standard deviation of what is measured at home.
SPREAD: Final = ((17, 4), (95, 3), (0.2, 0.4), (125, 20), (80, 18), (0.1, 0.4), (368, 7))


def take(bench: Bench) -> list[Figure]:
    """Random sets of every band, a tenth of the values missing; numpy computes on one core only."""
    rng = np.random.default_rng(2026)
    sets = bench.scale.array_sets
    bench.say(f"{sets:,} sets in arrays")
    mean, sd = (np.array(SPREAD)[:, [column]] for column in (0, 1))
    values = np.maximum(rng.normal(mean, sd, (len(PARAMETERS), sets)), 0).astype(np.int16)
    vitals = VitalArrays(values, rng.random(values.shape) < MEASURED_SHARE)
    on_scale_2 = rng.random(sets) < SCALE_2_SHARE
    rates = []
    for _ in range(RUNS):
        started_s = time.perf_counter()
        score_arrays(vitals, on_scale_2)
        rates.append(sets / (time.perf_counter() - started_s))
    rate, beside = middle(rates)
    return [Figure("array NEWS2, one core", rate, "sets/s", RATE, beside)]
