"""A run of the benchmarks: measures one after the other, what they found printed and written."""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import httpx
import psycopg
from redis.exceptions import RedisError
from rich.console import Console

from tests.benchmarks import wrk
from tests.benchmarks.figures import BenchmarkError
from tests.benchmarks.house import temporary
from tests.benchmarks.measure import Bench, Measure
from tests.benchmarks.others import CpuUsed
from tests.benchmarks.report import Found, as_json, noise_of, table
from tests.benchmarks.scale import FULL, QUICK

WIDTH: Final = 170  # where the output is no terminal
NOT_TAKEN: Final = (BenchmarkError, httpx.HTTPError, psycopg.Error, RedisError, subprocess.SubprocessError, OSError)
NO_WRK: Final = "wrk is not on PATH: skipped. It posts the load; Debian and Ubuntu have it as package `wrk`."


def run(measures: Sequence[Measure], prog: str) -> int:
    """Take measures until done or Ctrl-C, and print what was found. Exit status 1 where one could not be taken."""
    arguments = _arguments(measures, prog)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    began_s = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began_s:6.1f} s  {text}[/dim]", soft_wrap=True)

    scale = QUICK if arguments.quick else FULL
    found = Found(scale)
    _stop_on_signals()
    try:
        with temporary(scale, say) as house:
            bench = Bench(scale, house, say)
            for measure in measures:
                if arguments.only in {None, measure.name}:
                    _take(measure, bench, found)
    except KeyboardInterrupt:
        found.wrong.append("interrupted")
    console.print(table(found))
    if noise := noise_of(found):
        console.print(f"[yellow]{noise}[/yellow]", soft_wrap=True)
    for text in (*found.skipped, *found.wrong):
        console.print(f"[red]{text}[/red]", soft_wrap=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(found), indent=2) + "\n")
    say("done")
    return 1 if found.wrong else 0


def _take(measure: Measure, bench: Bench, found: Found) -> None:
    """Take one measure; where it can't be taken, why is kept, and the others go on."""
    bench.say(f"[bold]{measure.name}[/bold]: {measure.what}")
    if measure.needs_wrk and not wrk.is_there():
        found.skipped.append(f"{measure.name}: {NO_WRK}")
        return
    before = CpuUsed.now()
    try:
        found.figures.extend(measure.take(bench))
    except NOT_TAKEN as error:
        found.wrong.append(f"{measure.name}: {type(error).__name__}: {error}")
    found.others[measure.name] = CpuUsed.now().others_since(before)


def _arguments(measures: Sequence[Measure], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=prog, description="How fast it is on this machine.")
    parser.add_argument("--only", choices=[measure.name for measure in measures], help="take only this measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--quick", action="store_true", help="small counts: whether it works, not how fast it is")
    return parser.parse_args()


def _stop_on_signals() -> None:
    """The first Ctrl-C or SIGTERM ends the run; while everything is being stopped, others are ignored."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
