"""`make chaos`: kill at random under load for some minutes, and count what was promised.

python -m tests.chaos [--minutes 15] [--seed N] [--only FAULT|GROUND]

Everything is on this machine's loopback, in a temporary folder. Exit status 1 on any loss, doubling or other fault, and
on a single kill that took too long to recover from: named below the table.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from random import Random

from rich.console import Console

from tests.chaos.every import FAULTS
from tests.chaos.experiment import Outcome, experiment, faults_at_the_end
from tests.chaos.faults import Fault
from tests.chaos.grounds import GROUNDS, CannotMountError, Ground
from tests.chaos.homes import Admissions
from tests.chaos.report import faults_of, kinds, table, told
from tests.receivers import receiving

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
    chosen = [fault for name, fault in FAULTS.items() if arguments.only in {None, name, fault.ground}]
    try:
        for name, ground in GROUNDS.items():
            if faults := [fault for fault in chosen if fault.ground == name]:
                wrong += _on(ground, Random(seed), arguments.minutes * len(faults) / len(chosen), faults, outcomes)
    except KeyboardInterrupt:
        interrupted = True
        out.print("interrupted")
    out.print(table(outcomes))
    out.print(kinds(outcomes))
    wrong += [f"{outcome.fault.name}: {fault}" for outcome in outcomes for fault in faults_of(outcome)]
    for fault in wrong:
        out.print(f"[red]wrong:[/red] {fault}")
    return 1 if wrong else INTERRUPTED if interrupted else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long (default: 15)")
    parser.add_argument("--seed", type=int, help="the order of faults and their moments; printed")
    parser.add_argument("--only", choices=[*FAULTS, *GROUNDS], help="only this fault, or those of this ground")
    return parser.parse_args()


def _on(
    ground: Callable[[], AbstractContextManager[Ground]], rng: Random, minutes: float, faults: Sequence[Fault],
    outcomes: list[Outcome],
) -> list[str]:  # fmt: skip
    """Strike one installation for so long. Returns what is wrong in the end."""
    try:
        with ground() as here:
            return _strike(here, rng, time.monotonic() + 60 * minutes, faults, outcomes)
    except CannotMountError as error:
        out.print(f"left out, for small disks need root: {', '.join(fault.name for fault in faults)} ({error})")
        return []


def _strike(
    ground: Ground, rng: Random, deadline_s: float, faults: Sequence[Fault], outcomes: list[Outcome]
) -> list[str]:
    """Every fault in random order, again and again until the time is up. Returns what is wrong in the end."""
    here: list[Outcome] = []
    with receiving() as pager:
        admissions = Admissions(ground.up, pager)
        try:
            while time.monotonic() < deadline_s:
                for fault in rng.sample(faults, len(faults)):
                    if time.monotonic() < deadline_s:
                        here.append(experiment(ground, admissions, fault, rng, homes=rng.choice((12, 24, 36))))
                        _tell(here[-1])
            return [f"at the end: {wrong}" for wrong in faults_at_the_end(ground.up, admissions, here)]
        except AssertionError as error:  # it never recovered: what was promised can't be looked at
            out.print(ground.up.said)
            return [f"gave up: {error}"]
        finally:
            outcomes += here
            admissions.close()


def _tell(outcome: Outcome) -> None:
    out.print(told(outcome))
    for fault in faults_of(outcome):
        out.print(f"  [red]wrong:[/red] {fault}")


if __name__ == "__main__":
    sys.exit(main())
