"""Every kind of rule of one pathway, in arrays and as the plain rules that the tests hold them against, on one core.

In time of the processor, so that a busy machine makes it no slower.
"""

import time
from typing import Final

import numpy as np

from alert_rules.engine import Beside, Seen, with_pathways
from alert_rules.kinds import HOUR_US, QUALITY, USUAL
from alert_rules.limits import LIMITED, NO_HIGH, NO_LOW
from alert_rules.news2 import score
from alert_rules.news2_arrays import score_arrays
from alert_rules.pathway import Pathway, read
from alert_rules.severity import NOT_LOW, UNKNOWN_FLOW, Facts, Verdicts, judge
from alert_rules.vitals import PARAMETERS, VitalArrays
from alert_rules.windows import History, window
from tests.alert_rules.plain_rules import PlainSet, fires, floor
from tests.benchmarks.figures import Figure, Target, middle
from tests.benchmarks.measure import Bench

RATE: Final = Target(must=500_000, aim=1_000_000)
TIMES: Final = Target(must=100, aim=300)
RUNS: Final = 7
PLAIN: Final = 2_000
PATIENTS: Final = 400
SETS_EACH: Final = 40  # four a day
MEASURED_SHARE: Final = 0.9
# By vital sign, in whole units: mean, spread between patients, spread within one.
SPREAD: Final = {
    "respiratory_rate": (17, 1, 2), "spo2": (95, 1, 1), "systolic": (125, 12, 8), "pulse": (78, 8, 6),
    "temperature": (368, 2, 3), "weight": (7_500, 900, 25),
}  # fmt: skip

EVERY_KIND: Final = """
title = "Every kind"
readings_per_day = 4
spo2 = { amber_low = 93, red_low = 91 }
limits = { systolic = { amber_low = 95, amber_high = 180 } }

[[rules]]
name = "value"
severity = "amber"
kind = "value"
vital = "temperature"
at_least = 38.5

[[rules]]
name = "total"
severity = "amber_plus"
kind = "total"
at_least = 4

[[rules]]
name = "points"
severity = "amber"
kind = "points"
parameter = "respiratory_rate"
at_least = 2

[[rules]]
name = "usual"
severity = "amber"
kind = "usual"
vital = "spo2"
below = 3

[[rules]]
name = "trend"
severity = "amber"
kind = "trend"
vital = "weight"
rise = 1.5
within_h = 48

[[rules]]
name = "slope"
severity = "amber"
kind = "slope"
vital = "weight"
rise_a_day = 0.4
span_h = 48
within_h = 72
readings = 4

[[rules]]
name = "again"
severity = "amber"
kind = "persistence"
vital = "pulse"
at_least = 110
readings = 2
of = 3
within_h = 24

[[rules]]
name = "lasts"
severity = "amber"
kind = "persistence"
vital = "temperature"
at_least = 37.8
for_h = 24
within_h = 48

[[rules]]
name = "together"
severity = "red"
kind = "value"
vital = "systolic"
at_most = 100

[[rules.and]]
kind = "answer"
at_least = "worse"

[[rules]]
name = "absence"
severity = "amber"
kind = "absence"
vital = "weight"
for_h = 36

[[rules]]
name = "quality"
severity = "amber"
kind = "quality"
readings = 3
of = 4
within_h = 48
"""


LINES: Final = {"spo2": {"red_low": 91, "amber_low": 93}, "systolic": {"amber_low": 95, "amber_high": 180}}


class Patients:
    """Some patients over ten days: the same sets as arrays and, the first of them, as plain sets."""

    def __init__(self) -> None:
        rng = np.random.default_rng(2026)
        n = PATIENTS * SETS_EACH
        self.stay = np.repeat(np.arange(PATIENTS), SETS_EACH)
        self.taken_us = np.tile(np.arange(SETS_EACH) * 6 * HOUR_US, PATIENTS).astype(np.int64)
        self.values = np.zeros((len(LIMITED), n), np.int32)
        self.known = np.zeros((len(LIMITED), n), np.bool_)
        for name, (mean, between, within) in SPREAD.items():
            row = LIMITED.index(name)
            own = np.repeat(rng.normal(mean, between, PATIENTS), SETS_EACH)
            self.values[row] = rng.normal(own, within)
            self.known[row] = rng.random(n) < MEASURED_SHARE
        self.poor = (rng.random(n) < 1 - MEASURED_SHARE).astype(np.int32)
        self.wellness = rng.integers(0, 5, n).astype(np.int8)
        self.usual = np.repeat(self.values[:, ::SETS_EACH], SETS_EACH, axis=1)  # as each was at first

    def facts(self) -> Facts:
        """As the drain makes them: NEWS2 first."""
        n = len(self.stay)
        rows = {name: LIMITED.index(name) for name in PARAMETERS if name in LIMITED}
        values, known = np.zeros((len(PARAMETERS), n), np.int16), np.ones((len(PARAMETERS), n), np.bool_)
        for slot, name in enumerate(PARAMETERS):
            if name in rows:
                values[slot], known[slot] = self.values[rows[name]], self.known[rows[name]]
        vitals, nobody = VitalArrays(values, known), np.zeros(n, np.bool_)
        lines = np.empty((4, len(LIMITED), n), np.int32)
        lines[:2], lines[2:] = NO_LOW, NO_HIGH
        lines[:2, LIMITED.index("spo2")] = [[91], [93]]
        lines[1:3, LIMITED.index("systolic")] = [[95], [180]]
        return Facts(
            vitals=vitals, news2=score_arrays(vitals, nobody), scorable=~nobody, adult=~nobody, watched=~nobody,
            on_scale_2=nobody, limited=self.values, limited_known=self.known, lines=lines,
            oxygen_flow=np.full(n, UNKNOWN_FLOW, np.int32), oxygen_prescribed=np.zeros(n, np.int32),
            oxygen_assumed=nobody, wellness=self.wellness, glucose_lately=np.full(n, NOT_LOW, np.int32),
            consciousness_now=np.zeros(n, np.int16),
        )  # fmt: skip

    def beside(self, pathway: Pathway) -> Beside:
        """What was measured before each set, of what the rules look back on."""
        seen = {}
        for vital, reach in pathway.windows.items():
            values, known = (self.poor, self.poor >= 0) if vital == QUALITY else self._row(vital)
            here = np.flatnonzero(known)
            columns = np.flatnonzero(self.poor) if vital == QUALITY else here
            places = columns if vital == QUALITY else np.arange(len(here))
            history = History(self.stay[here], self.taken_us[here], values[here])
            seen[vital] = Seen(columns, window(history, places, reach.earlier))
        return Beside(np.vstack([self.usual, self.usual[:1]]), seen, {"weight": self._silent_us()})

    def _row(self, vital: str) -> tuple[np.ndarray, np.ndarray]:
        return self.values[LIMITED.index(vital)], self.known[LIMITED.index(vital)]

    def _silent_us(self) -> np.ndarray:
        _, known = self._row("weight")
        first = np.searchsorted(self.stay, self.stay)
        last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
        return self.taken_us - np.where(last >= first, self.taken_us[np.maximum(last, 0)], self.taken_us[first])

    def plain(self, facts: Facts, count: int) -> list[PlainSet]:
        """The first sets, as the plain rules take them."""
        before: dict[str, list[tuple[int, int]]] = {}
        poor_before: list[tuple[int, bool]] = []
        sets = []
        for column in range(count):
            if column % SETS_EACH == 0:
                before, poor_before = {}, []
            values = self.values[:, column].tolist()
            known = {vital: values[row] for row, vital in enumerate(LIMITED) if self.known[row, column]}
            now_us = int(self.taken_us[column])
            points = dict(zip(PARAMETERS, facts.news2.points[:, column].tolist(), strict=True))
            sets.append(
                PlainSet(
                    now_us=now_us, known=known, measured=known, score=int(facts.news2.score[column]), points=points,
                    wellness=int(self.wellness[column]), poor=bool(self.poor[column]),
                    usual={name: int(self.usual[row, column]) for row, name in enumerate(USUAL[:-1])},
                    before={vital: tuple(readings) for vital, readings in before.items()},
                    poor_before=tuple(poor_before), lines=LINES,
                )
            )  # fmt: skip
            for vital, value in known.items():
                before.setdefault(vital, []).append((now_us, value))
            poor_before.append((now_us, bool(self.poor[column])))
        return sets


def judged(patients: Patients, pathway: Pathway) -> tuple[Facts, Verdicts]:
    """All that is done with a batch: NEWS2, the floor, what was before, and the pathway's rules."""
    facts = patients.facts()
    return facts, with_pathways(judge(facts), [(pathway.rules, facts.adult)], facts, patients.beside(pathway))


def take(bench: Bench) -> list[Figure]:
    """Both on the same sets; what they say is compared first."""
    pathway, patients = read("every_kind", EVERY_KIND), Patients()
    facts, verdicts = judged(patients, pathway)
    plain = patients.plain(facts, PLAIN)
    scored = [facts.vitals.at(column) for column in range(PLAIN)]
    fired = (*verdicts.added, *verdicts.technical)
    told = [{rule.name for rule, flags in fired if flags[column]} for column in range(PLAIN)]
    assert [floor(one) for one in plain] == judge(facts).severity[:PLAIN].tolist()
    assert told == [{rule.name for rule in pathway.rules if fires(rule, one)} for one in plain]
    bench.say(f"{len(pathway.rules)} rules of every kind, {len(patients.stay):,} sets at a time")
    rates, slow = [], []
    for _ in range(RUNS):
        started_s = time.process_time()
        for _ in range(10):
            judged(patients, pathway)
        rates.append(10 * len(patients.stay) / (time.process_time() - started_s))
        started_s = time.process_time()
        for one, vitals in zip(plain, scored, strict=True):
            score(vitals, 1)
            floor(one)
            for rule in pathway.rules:
                fires(rule, one)
        slow.append(PLAIN / (time.process_time() - started_s))
    rate, beside = middle(rates)
    times, _ = middle([fast / one for fast, one in zip(rates, slow, strict=True)])
    return [
        Figure("rules of every kind, with NEWS2, one core", rate, "sets/s", RATE, beside),
        Figure(
            "against plain rules, set by set",
            times,
            "×",
            TIMES,
            f"{middle(slow)[0]:,.0f} sets/s",
        ),
    ]
