"""The report: a table of faults, and what was promised and found of each kind of thing."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.table import Table

from tests.chaos.experiment import Outcome
from tests.chaos.verdict_care import Count

READINGS_MAX_S: Final = 5.0
ALERTS_MAX_S: Final = 10.0
"""After any single kill, on a machine that has nothing else to do: the design's own."""


def faults_of(outcome: Outcome) -> list[str]:
    """What is wrong, and of a single kill whatever took longer to be there again than it may."""
    return [*outcome.wrong, *_too_slow(outcome)]


def _too_slow(outcome: Outcome) -> Iterator[str]:
    readings_s, alerts_s = outcome.recovery.readings_s, outcome.recovery.alerts_s
    if outcome.fault.is_single_kill and readings_s > READINGS_MAX_S:
        yield f"readings flowed again after {readings_s:.1f} s, not {READINGS_MAX_S:g}"
    if outcome.fault.is_single_kill and alerts_s > ALERTS_MAX_S:
        yield f"alerts were raised again after {alerts_s:.1f} s, not {ALERTS_MAX_S:g}"


def told(outcome: Outcome) -> str:
    """One experiment in a line."""
    answers = ", ".join(f"{times} × {answer}" for answer, times in sorted(outcome.answers.items()))
    return f"{outcome.fault.name}: {outcome.verdict.found} of {outcome.verdict.promised} there; {answers}"


def table(outcomes: Sequence[Outcome]) -> Table:
    """A row for each fault, however often it struck: sums, and of seconds the most."""
    made = Table(
        "fault", "survived", "promised", "found", "lost", "doubled", "gap s", "readings s", "alerts s", "healthy s",
        box=None,
    )  # fmt: skip
    for column in made.columns[1:]:
        column.justify = "right"
    for name in dict.fromkeys(outcome.fault.name for outcome in outcomes):
        made.add_row(*_row(name, [outcome for outcome in outcomes if outcome.fault.name == name]))
    if outcomes:
        made.add_section()
        made.add_row(*_row("all", outcomes))
    return made


def kinds(outcomes: Sequence[Outcome]) -> Table:
    """A row for each kind of thing that was promised."""
    made = Table("kind", "promised", "found", "lost", "doubled", box=None)
    for column in made.columns[1:]:
        column.justify = "right"
    for kind in dict.fromkeys(kind for outcome in outcomes for kind in outcome.verdict.counts):
        counts = [outcome.verdict.counts.get(kind, Count(0, 0)) for outcome in outcomes]
        promised, found = sum(count.promised for count in counts), sum(count.found for count in counts)
        doubled = sum(count.doubled for count in counts)
        made.add_row(kind, *(str(number) for number in (promised, found, promised - found, doubled)))
    return made


def _row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    survived = sum(not faults_of(outcome) for outcome in outcomes)
    verdicts = [outcome.verdict for outcome in outcomes]
    sums = (
        sum(verdict.promised for verdict in verdicts),
        sum(verdict.found for verdict in verdicts),
        sum(verdict.lost for verdict in verdicts),
        sum(verdict.doubled for verdict in verdicts),
    )
    times: tuple[Callable[[Outcome], float], ...] = (
        lambda one: one.gap_s,
        lambda one: one.recovery.readings_s,
        lambda one: one.recovery.alerts_s,
        lambda one: one.recovery.healthy_s,
    )
    longest = [_seconds(max(time(outcome) for outcome in outcomes)) for time in times]
    return [name, f"{survived} of {len(outcomes)}", *(str(number) for number in sums), *longest]


def _seconds(number: float) -> str:
    return "never" if math.isinf(number) else f"{number:.1f}"
