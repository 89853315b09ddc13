"""The figures as a table for people and as JSON for programs."""

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from monitoring.clock import utc_now
from tests.benchmarks.figures import Figure, spoken
from tests.benchmarks.scale import Scale

QUIET_SHARE: Final = 0.05
SHOWN: Final = {
    "aim": "[green]aim[/green]",
    "must": "[yellow]must[/yellow]",
    "missed": "[bold red]missed[/bold red]",
    "": "",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What one run found, what went wrong, and what could not even be tried."""

    scale: Scale
    figures: list[Figure] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    others: dict[str, float] = field(default_factory=dict)  # by measure: share of the cores that others used


def table(found: Found) -> Table:
    """A line for each figure."""
    title = f"{_processor()}, {len(os.sched_getaffinity(0))} cores" + (
        "; quick: the numbers mean little" if found.scale.name == "quick" else ""
    )
    shown = Table(title=title, box=None, pad_edge=False, title_justify="left")
    shown.add_column("measure")
    for name in ("figure", "must", "aim"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("reached", no_wrap=True)
    shown.add_column("beside it", style="dim", overflow="fold")
    for one in found.figures:
        shown.add_row(
            one.measure,
            f"{spoken(one.value)} {one.unit}",
            *_targets(one),
            SHOWN[one.verdict],
            one.beside,
        )
    return shown


def noise_of(found: Found) -> str:
    """What to say where others used the machine as well; nothing where they hardly did."""
    noisy = {name: share for name, share in found.others.items() if share > QUIET_SHARE}
    if not noisy:
        return ""
    shares = ", ".join(f"{name} {share:.0%}" for name, share in noisy.items())
    return f"Others used the cores meanwhile, so that these figures are too low: {shares}."


def as_json(found: Found) -> dict[str, Any]:
    """The whole run."""
    return {
        "at": utc_now().isoformat(),
        "scale": found.scale.name,
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "figures": [one.as_json() for one in found.figures],
        "wrong": found.wrong,
        "skipped": found.skipped,
        "others": found.others,
    }


def _targets(figure: Figure) -> tuple[str, str]:
    if figure.target is None:
        return "", ""
    sign = "≤" if figure.target.at_most else "≥"
    return f"{sign} {spoken(figure.target.must)}", f"{sign} {spoken(figure.target.aim)}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
