"""Replaying recorded readings, on one core: a real hospital's where they lie beside the checkout, and made-up ones.

Both of the size of PhysioNet's challenge of 2019, set B. In time of the processor, as of `rules`.
"""

import time
from pathlib import Path
from typing import Final

import numpy as np

from alert_rules.alarm_arrays import Answering
from alert_rules.alarms import Kind
from alert_rules.kinds import HOUR_US
from alert_rules.pathway import pathways
from monitoring.backtest.columns import EMPTY
from monitoring.backtest.reading import LeftOut, Part, read
from monitoring.backtest.recorded import Recorded, recorded
from monitoring.backtest.replay import replay
from tests.benchmarks.figures import Figure, Target, middle
from tests.benchmarks.measure import Bench
from tests.conformance import CONFORMANCE

REAL: Final = CONFORMANCE.parent / "data" / "physionet2019_setB_vitals.csv.gz"
SECONDS: Final = Target(must=3, aim=1)
PATHWAY: Final = "acute_respiratory"  # the most rules that look back
RUNS: Final = 5
PATIENTS, HOURS = 9_271, 38
MEASURED_SHARE: Final = 0.8
# By vital sign, in whole units: mean, spread.
SPREAD: Final = {
    "respiratory_rate": (18, 4), "spo2": (96, 2.5), "systolic": (122, 20), "pulse": (85, 16), "temperature": (369, 7),
}  # fmt: skip


def made_up() -> Recorded:
    """An hour a row, some of the values missing."""
    rng = np.random.default_rng(2019)
    n = PATIENTS * HOURS
    fields = {
        name: np.where(rng.random(n) < MEASURED_SHARE, rng.normal(mean, sd, n).astype(np.int64), EMPTY)
        for name, (mean, sd) in SPREAD.items()
    }
    whose = [f"p{number:05}" for number in range(PATIENTS) for _ in range(HOURS)]
    hours = np.tile(np.arange(HOURS, dtype=np.int64), PATIENTS)
    everyone, nobody = np.ones(n, np.bool_), np.zeros(n, np.bool_)
    return recorded([Part(whose, hours * HOUR_US, fields, everyone, nobody)], LeftOut())


def _real(path: Path) -> Recorded:
    left_out = LeftOut()
    return recorded(read([path], left_out), left_out)


def take(bench: Bench) -> list[Figure]:
    """From the arrays that were read to every alarm of every patient."""
    figures = []
    for said, found in (("made-up", made_up()), ("hospital", _real(REAL) if REAL.exists() else None)):
        if found is None:
            continue
        bench.say(f"{len(found.sets.stay):,} {said} sets of {len(found.patients):,} patients")
        seconds = []
        for _ in range(RUNS):
            started_s = time.process_time()
            replayed = replay(found, pathways()[PATHWAY], Answering())
            seconds.append(time.process_time() - started_s)
        assert replayed.lives[Kind.DETERIORATION].asks.any()
        value, beside = middle(seconds, "s")
        rate = f"{len(found.sets.stay) / value:,.0f} sets/s"
        figures.append(Figure(f"backtest of {said} hours", value, "s", SECONDS, f"{rate}; {beside}"))
    return figures
