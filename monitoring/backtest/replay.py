"""Recorded sets through a pathway's rules and through the life of an alert: what the drain would have said of each.

The same functions as the drain calls, in the same order; only rows of the database are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from alert_rules.accepted import with_accepted
from alert_rules.alarm_arrays import Answering, Findings, Lives, findings, live, of_the_kit
from alert_rules.alarms import Kind
from alert_rules.compose import LONG_AGO_US, SLOTS, Composed, Known
from alert_rules.engine import Beside, Seen, with_pathways
from alert_rules.facts import Measured, facts_of
from alert_rules.kinds import QUALITY
from alert_rules.pathway import Pathway
from alert_rules.refractory_arrays import looked
from alert_rules.repeat_arrays import Ending, Repeats, repeatable
from alert_rules.severity import NOT_LOW, Facts, Verdicts, judge
from alert_rules.vitals import PARAMETERS
from alert_rules.windows import History, silent_us, window
from monitoring.backtest.recorded import Recorded

Flags = NDArray[np.bool_]

SETS_AT_ONCE = 1 << 16
"""Judged together: some megabytes an array. A patient's sets stay together."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules said of some sets."""

    composed: Composed
    facts: Facts
    beside: Beside
    verdicts: Verdicts


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a pathway made of all sets."""

    pathway: Pathway
    severity: NDArray[np.int8]  # of each set by itself
    lives: dict[Kind, Lives]
    fired: dict[str, int]  # sets, by rule
    endings: list[Ending]  # of what patients were asked to repeat before an alert of deterioration
    at_once: Lives  # of deterioration, had nobody been asked


def replay(
    recorded: Recorded, pathway: Pathway, answering: Answering, told: Callable[[int], object] = lambda _: None
) -> Replayed:
    """Judge every set, and let people answer as is assumed. `told` hears how many more sets were judged."""
    severity: list[NDArray[np.int8]] = []
    lives: dict[Kind, list[Lives]] = {Kind.DETERIORATION: [], Kind.DATA_QUALITY: []}
    endings: list[Ending] = []
    at_once: list[Lives] = []
    fired: dict[str, int] = {}
    for stays in _some(recorded):
        some = recorded.of(stays)
        judged = judge_sets(some, pathway)
        for rule, flags in (*judged.verdicts.added, *judged.verdicts.technical):
            fired[rule.name] = fired.get(rule.name, 0) + int(flags.sum())
        found = findings(
            some.sets, some.wellness > 0, judged.composed, judged.facts, judged.verdicts, pathway.hysteresis
        )
        severity.append(judged.verdicts.severity)
        same = looked(some.sets, judged.facts, judged.verdicts, pathway.refractory)
        repeats = _repeats(some, judged, found, pathway)
        lives[Kind.DETERIORATION].append(live(found, answering, len(some.patients), same, repeats))
        endings += repeats.endings
        asked = bool(repeats.endings)
        at_once.append(live(found, answering, len(some.patients), same) if asked else lives[Kind.DETERIORATION][-1])
        kit = of_the_kit(some.sets, judged.verdicts)
        lives[Kind.DATA_QUALITY].append(live(kit, answering, len(some.patients)))
        told(len(found.stay))
    return Replayed(
        pathway,
        np.concatenate([np.zeros(0, np.int8), *severity]),
        {kind: _joined(several) for kind, several in lives.items()},
        fired,
        endings,
        _joined(at_once),
    )


def _repeats(some: Recorded, judged: Judged, found: Findings, pathway: Pathway) -> Repeats:
    """Nobody is asked anything yet."""
    sets = repeatable(
        some.sets, some.wellness > 0, judged.composed, judged.facts, judged.verdicts, some.low,
        repeat_first=pathway.repeat_first,
    )  # fmt: skip
    return Repeats.of(found, sets, len(some.patients))


def judge_sets(some: Recorded, pathway: Pathway) -> Judged:
    """Compose, score, judge, and hold the pathway's own rules against the sets of some patients."""
    stays, n = len(some.patients), len(some.sets.stay)
    blank = np.zeros((SLOTS, stays), np.bool_)
    everyone = np.ones(n, np.bool_)
    measured = Measured(
        sets=some.sets,
        before=Known(blank.astype(np.int16), blank.astype(np.int64), blank),
        uncarried=some.uncarried,
        oxygen_flow=some.oxygen_flow,
        wellness=some.wellness,
        adult=everyone,
        watched=everyone,
        on_scale_2=some.on_scale_2,
        prescribed=some.prescribed,
        scale_1=np.array([[pathway.spo2.red_low], [pathway.spo2.amber_low]], np.int32),
        glucose_before=np.full(stays, NOT_LOW, np.int32),
        glucose_before_us=np.full(stays, LONG_AGO_US),
        usual_lines=[(pathway.limits, everyone)],
        age_limit_us=pathway.age_limit_us[:, None],
        accepted=some.accepted,
    )
    composed, facts = facts_of(measured)
    beside = Beside(None, _seen(some, pathway), _silent_us(some, pathway))
    verdicts = with_accepted(with_pathways(judge(facts), [(pathway.rules, everyone)], facts, beside), facts)
    return Judged(composed, facts, beside, verdicts)


def measured_values(some: Recorded, vital: str) -> tuple[NDArray[np.int32], Flags]:
    """(n,) each: a vital sign as the sets themselves measured it, and where they did."""
    if vital == QUALITY:
        return some.poor.astype(np.int32), np.ones(len(some.poor), np.bool_)
    if vital in PARAMETERS:
        slot = PARAMETERS.index(vital)
        return some.sets.values[slot].astype(np.int32), some.sets.known[slot]
    return some.uncarried[vital]


def _seen(some: Recorded, pathway: Pathway) -> dict[str, Seen]:
    """What was measured before each set, of what the rules look back on."""
    seen = {}
    for vital, reach in pathway.windows.items():
        values, known = measured_values(some, vital)
        here = np.flatnonzero(known)
        columns = here[values[here] > 0] if vital == QUALITY else here
        history = History(some.sets.stay[here], some.sets.taken_us[here], values[here])
        seen[vital] = Seen(columns, window(history, np.searchsorted(here, columns), reach.earlier))
    return seen


def _silent_us(some: Recorded, pathway: Pathway) -> dict[str, NDArray[np.int64]]:
    """A patient's kit is taken to give what it ever gave; they come with their first row."""
    silent = {}
    stay, taken_us = some.sets.stay, some.sets.taken_us
    for vital in pathway.missed_us:
        _, known = measured_values(some, vital)
        expected = np.zeros(len(some.patients), np.bool_)
        expected[stay[known]] = True
        silent[vital] = np.where(expected[stay], silent_us(stay, taken_us, known, some.first_us[stay]), 0)
    return silent


def _some(recorded: Recorded) -> list[slice]:
    """Patients in such groups that their sets are about so many."""
    count = np.bincount(recorded.sets.stay, minlength=len(recorded.patients))
    group = np.cumsum(count) // SETS_AT_ONCE
    edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(count)]
    return [slice(start, stop) for start, stop in pairwise(edges) if stop > start]


def _joined(several: list[Lives]) -> Lives:
    nothing = Lives(
        np.zeros(0, np.int8), np.zeros(0, np.bool_), np.zeros(0, np.int8), np.zeros(0, np.bool_), np.zeros(0, np.int64)
    )
    every = [nothing, *several]
    return Lives(
        np.concatenate([one.change for one in every]),
        np.concatenate([one.asks for one in every]),
        np.concatenate([one.severity for one in every]),
        np.concatenate([one.let_pass for one in every]),
        np.concatenate([one.at_us for one in every]),
    )
