"""`make chaos`: kill at random under load for some minutes, and count what was promised.

python -m tests.chaos [--minutes 5] [--seed N] [--only FAULT]

Everything is on this machine's loopback, in a temporary folder. Exit status 1 on any loss,
doubling or other fault, named below the table.
"""

import argparse
import math
import signal
import sys
import time
from collections.abc import Sequence
from random import Random

from rich.console import Console
from rich.table import Table

from tests.chaos.experiment import Outcome, experiment, verdict_on
from tests.chaos.faults import FAULTS
from tests.chaos.homes import Admissions
from tests.chaos.up import Up, running

INTERRUPTED = 130  # as shells have it for Ctrl-C

out = Console(highlight=False, width=140)


def main() -> int:
    """Run until the time is up or Ctrl-C. Returns the exit status."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = arguments.seed if arguments.seed is not None else Random().randrange(10**6)
    out.print(f"chaos for {arguments.minutes:g} min, seed {seed}")
    outcomes: list[Outcome] = []
    wrong: list[str] = []
    interrupted = False
    try:
        with running() as up:
            wrong = _strike(up, Random(seed), time.monotonic() + 60 * arguments.minutes, arguments.only, outcomes)
    except KeyboardInterrupt:
        interrupted = True
        out.print("interrupted")
    out.print(_table(outcomes))
    wrong += [fault for outcome in outcomes for fault in outcome.wrong]
    for fault in wrong:
        out.print(f"[red]wrong:[/red] {fault}")
    return 1 if wrong else INTERRUPTED if interrupted else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long (default: 5)")
    parser.add_argument("--seed", type=int, help="the order of faults and their moments; printed")
    parser.add_argument("--only", choices=list(FAULTS), help="only this fault")
    return parser.parse_args()


def _strike(up: Up, rng: Random, deadline_s: float, only: str | None, outcomes: list[Outcome]) -> list[str]:
    """Every fault in random order, again and again until the time is up. Returns what is wrong in the end."""
    admissions = Admissions(up)
    faults = list(FAULTS.values()) if only is None else [FAULTS[only]]
    try:
        while time.monotonic() < deadline_s:
            for fault in rng.sample(faults, len(faults)):
                if time.monotonic() < deadline_s:
                    outcomes.append(experiment(up, admissions, fault, rng, homes=rng.choice((12, 24, 36))))
                    _tell(outcomes[-1])
        return [f"at the end: {wrong}" for wrong in _still_there(up, outcomes)]
    except AssertionError as error:  # it never recovered: what was promised can't be looked at
        out.print(up.said)
        return [f"gave up: {error}"]
    finally:
        admissions.close()


def _still_there(up: Up, outcomes: Sequence[Outcome]) -> list[str]:
    """What every experiment left, looked at once more: a later fault must not have touched it."""
    return verdict_on(up, [one for outcome in outcomes for one in outcome.sent]).wrong


def _tell(outcome: Outcome) -> None:
    answers = ", ".join(f"{times} × {answer}" for answer, times in sorted(outcome.answers.items()))
    out.print(f"{outcome.fault}: {outcome.verdict.found} of {outcome.verdict.promised} sets; {answers}")
    for fault in outcome.wrong:
        out.print(f"  [red]wrong:[/red] {fault}")


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(
        "fault", "promised", "found", "lost", "doubled", "alerts", "gap s", "readings s", "alerts s", "healthy s",
        box=None,
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for outcome in outcomes:
        verdict, recovery = outcome.verdict, outcome.recovery
        table.add_row(
            outcome.fault,
            *(str(number) for number in (verdict.promised, verdict.found, verdict.lost, verdict.doubled)),
            f"{verdict.alerts_found}/{verdict.alerts_expected}",
            *(_seconds(one) for one in (outcome.gap_s, recovery.readings_s, recovery.alerts_s, recovery.healthy_s)),
        )
    return table


def _seconds(number: float) -> str:
    return "never" if math.isinf(number) else f"{number:.1f}"


if __name__ == "__main__":
    sys.exit(main())
