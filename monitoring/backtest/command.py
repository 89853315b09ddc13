"""`virtual-ward backtest`: recorded readings through pathways' rules, without a server."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitoring.clock import utc_now
from monitoring.config import PREFIX, read_settings
from monitoring.embedded import EmbeddedError
from monitoring.parts import settings_for

if TYPE_CHECKING:
    from alert_rules.pathway import Pathway
    from monitoring.backtest.reading import LeftOut
    from monitoring.backtest.recorded import Recorded
    from monitoring.backtest.replay import Replayed

VARIABLES: Final = {"auto_envvar_prefix": PREFIX.rstrip("_")}
USUAL: Final = "general"

out = Console()
err = Console(stderr=True)


class CannotBacktest(Exception):
    """Something that a backtest was asked for cannot be had."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one backtest is to do."""

    files: list[Path]
    pathways: list[str]
    against: str | None
    lead_window: timedelta
    resolved_after: timedelta | None
    data: Path | None = None  # of an installation, by whose pathways names go

    @property
    def assumed(self) -> dict[str, Any]:
        """What nobody recorded."""
        return {
            "acknowledged_within": "the policy's target of each severity",
            "resolved_after_h": self.resolved_after and self.resolved_after / timedelta(hours=1),
            "lead_window_h": self.lead_window / timedelta(hours=1),
            "adults": True,
            "plans": "the pathway's defaults; SpO2 scale, home oxygen and accepted values where the file names them",
            "usual_values": "none known",
            "outcomes": "advice: the same amber is let pass as long as the pathway says",
            "kit": "what a patient ever measured",
            "arrival": "each set as it was taken",
            "repeats": "whatever set comes next while one is waited for; no further one is sent because of it",
        }


def backtest(  # noqa: PLR0913 - an option each
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="CSV, plain or .gz: docs/backtest.md.", exists=True)
    ],
    pathway: Annotated[
        list[str] | None, typer.Option(help="Name of a pathway or its TOML file; any number. general, unless said.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="Another one, to hold the first against.")] = None,
    lead_window: Annotated[float, typer.Option(min=0.1, help="Hours before a deterioration that count.")] = 12,
    resolved_after: Annotated[
        float, typer.Option(min=0, help="Hours from a call until a clinician resolves it; 0: nobody does.")
    ] = 4,
    patient: Annotated[str | None, typer.Option(help="With --plot: one patient's chart.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw alarms against sensitivity, .png or .svg.")] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Names mean the pathways as they hold in this installation, which runs."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a line for each patient.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """What pathways' rules would have made of recorded readings: alarms per patient-day, what they foretold, and when.

    Nothing is stored, no server is needed. Hospital data compare versions of the rules only.
    """
    from monitoring.backtest.reading import CannotRead

    asked = Asked(
        files,
        pathway or [USUAL],
        against,
        timedelta(hours=lead_window),
        timedelta(hours=resolved_after) if resolved_after else None,
        data,
    )
    try:
        document = run(asked, plot=plot, patient=patient, csv=csv, quiet=json)
    except (CannotRead, CannotBacktest, EmbeddedError, OSError) as error:
        err.print(f"[red]virtual-ward:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    if json:
        sys.stdout.write(dumps(document) + "\n")
    else:
        show(document)


def run(
    asked: Asked, *, plot: Path | None = None, patient: str | None = None, csv: Path | None = None, quiet: bool = True
) -> dict[str, Any]:
    """Read, replay, and count. Raises CannotRead, CannotBacktest and OSError."""
    from monitoring.backtest import differences, report
    from monitoring.backtest.reading import LeftOut

    if patient is not None and plot is None:
        raise CannotBacktest("--patient names whose chart is drawn: say into which file, with --plot")
    held = _held(asked.data)
    pathways = [_pathway(name, held) for name in dict.fromkeys([*asked.pathways, *filter(None, [asked.against])])]
    left_out = LeftOut()
    recorded, replayed = _replayed(asked, pathways, left_out, quiet=quiet)
    document = report.whole(recorded, replayed, asked.assumed, asked.lead_window)
    document["left_out"] = _left_out(left_out)
    each = list(replayed.values())
    if asked.against is not None:
        if len(each) == 1:
            raise CannotBacktest(f"--against is {each[0].pathway.name} itself: name another pathway, or file")
        document["difference"] = differences.summary(recorded, each[0], each[-1], asked.lead_window)
    if csv is not None:
        pair = [each[0], each[-1]] if asked.against is not None else each
        differences.write(csv, recorded, pair, asked.lead_window)
    if plot is not None:
        _plot(plot, patient, recorded, each, asked)
    return document


def _replayed(
    asked: Asked, pathways: "list[Pathway]", left_out: "LeftOut", *, quiet: bool
) -> "tuple[Recorded, dict[str, Replayed]]":
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from alert_rules.alarm_arrays import Answering
    from monitoring.backtest.reading import read
    from monitoring.backtest.recorded import recorded
    from monitoring.backtest.replay import replay

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal, transient=True) as progress:
        reading = progress.add_task("rows read", total=None)
        parts = read(asked.files, left_out, lambda rows: progress.advance(reading, rows))
        found = recorded(parts, left_out)
        progress.update(reading, total=1, completed=1, visible=False)
        if not len(found.sets.stay):
            raise CannotBacktest(
                "no set of readings is left: " + "; ".join(left_out.named[:3] or ["the files are empty"])
            )
        replayed = {}
        for one in pathways:
            judging = progress.add_task(f"sets judged by {one.name}", total=len(found.sets.stay))

            def told(sets: int, task: Any = judging) -> None:
                progress.advance(task, sets)

            replayed[f"{one.name}@{one.version}"] = replay(
                found, one, Answering(resolved_after=asked.resolved_after), told
            )
    return found, replayed


def _held(data: Path | None) -> "dict[str, Pathway]":
    """The pathways by name: as an installation that is named has them now, or as packaged. Raises EmbeddedError."""
    from alert_rules.pathway import pathways

    if data is None and "database_url" not in read_settings().model_fields_set:
        return pathways()
    from monitoring.database import connected, snapshot
    from monitoring.rules.holding import pathways_at

    with connected(settings_for(data).database_url) as engine, snapshot(engine) as session:
        return pathways_at(session, utc_now())


def _pathway(name: str, held: "dict[str, Pathway]") -> "Pathway":
    """By name, or from a file of rules."""
    from alert_rules.pathway import WrongPathway, read

    if not name.endswith(".toml"):
        if name not in held:
            raise CannotBacktest(f"no pathway is called {name}: {', '.join(held)}, or a .toml file")
        return held[name]
    path = Path(name)
    try:
        return read(str(path.with_suffix("")), path.read_text(encoding="utf-8"))
    except (WrongPathway, UnicodeDecodeError) as error:
        raise CannotBacktest(str(error)) from error


def _left_out(left_out: "LeftOut") -> dict[str, Any]:
    return {
        "refused": dict(sorted(left_out.refused.items())),
        "refused_lines": left_out.named,
        "without_a_measurement": left_out.empty,
        "tests": left_out.tests,
        "repeated": left_out.repeated,
    }


def _plot(path: Path, patient: str | None, recorded: "Recorded", each: "list[Replayed]", asked: Asked) -> None:
    from monitoring.backtest import plots

    form = path.suffix.removeprefix(".")
    if form not in {"png", "svg"}:
        raise CannotBacktest(f"--plot {path}: a chart is a .png or a .svg")
    if patient is not None:
        if patient not in recorded.patients:
            raise CannotBacktest(f"--patient {patient}: nobody of that name is in these files")
        path.write_bytes(plots.chart(recorded, each[0], patient, form))
    elif recorded.labels is None:
        raise CannotBacktest("--plot: without labelled deteriorations there is no sensitivity; draw one --patient")
    else:
        path.write_bytes(plots.burden(recorded, each, asked.lead_window, form))


def show(document: dict[str, Any]) -> None:
    """The figures as tables for people."""
    left_out = document["left_out"]
    out.print(
        f"{document['sets']:,} sets of {document['patients']:,} patients in "
        f"{document['patient_days']:,.1f} patient-days, by rules {document['rules_version']}",
        highlight=False,
    )
    for line in _said_of_left_out(left_out):
        err.print(line, highlight=False, soft_wrap=True)
    out.print(_burden(document))
    if document["labelled"] is not None:
        out.print(_detection(document))
    for one in document["pathways"]:
        out.print(_grouped(one), highlight=False)
        if one["asked_first"]["asked"]:
            out.print(_asked_first(one), highlight=False)
    if difference := document.get("difference"):
        said = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in list(difference.items())[2:])
        out.print(f"{difference['from']} → {difference['to']}: {said}", highlight=False)
    out.print(f"[yellow]{document['caution']}[/yellow]", highlight=False)


def _said_of_left_out(left_out: dict[str, Any]) -> Iterable[str]:
    if left_out["refused"]:
        said = ", ".join(f"{name or 'row'} {count:,}" for name, count in left_out["refused"].items())
        yield f"[yellow]refused, as at the door:[/yellow] {escape(said)}"
        yield from (f"  {escape(line)}" for line in left_out["refused_lines"])
    if any(left_out[name] for name in ("without_a_measurement", "tests", "repeated")):
        yield (
            f"left out: {left_out['without_a_measurement']:,} rows without a measurement, "
            f"{left_out['repeated']:,} repeated, {left_out['tests']:,} tests"
        )


def _burden(document: dict[str, Any]) -> Table:
    table = Table(title="Alarms per patient-day", box=None, title_justify="left", pad_edge=False)
    table.add_column("pathway", no_wrap=True)
    table.add_column("kind")
    for severity in (*_WORST_FIRST, "all"):
        table.add_column(severity.replace("_", " "), justify="right")
    for one in document["pathways"]:
        for kind, found in one["alarms"].items():
            counts = [found[severity]["count"] for severity in _WORST_FIRST]
            rates = [count / document["patient_days"] for count in (*counts, sum(counts))]
            table.add_row(_named(one), kind, *(f"{rate:.3f}" for rate in rates))
    return table


def _detection(document: dict[str, Any]) -> Table:
    hours = document["assumed"]["lead_window_h"]
    labelled = document["labelled"]
    title = f"{labelled['deteriorations']:,} labelled deteriorations, called for in the {hours:g} h before"
    if labelled["begun_before_the_first_row"]:
        title += f" (and {labelled['begun_before_the_first_row']:,} that had begun at the first row: not counted)"
    table = Table(title=title, box=None, title_justify="left", pad_edge=False)
    table.add_column("pathway", no_wrap=True)
    table.add_column("alarms of", no_wrap=True)
    for name in ("a day", "sensitivity", "PPV", "lead, h"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in document["pathways"]:
        for severity, found in one["at_least"].items():
            lead = found["lead_h"]
            table.add_row(
                _named(one),
                f"{'' if severity == 'critical' else '≥ '}{severity.replace('_', ' ')}",
                f"{found['alarms_per_patient_day']:.3f}",
                *("-" if found[of] is None else f"{found[of]:.1%}" for of in _SHARES),
                "-" if lead is None else f"{lead['median']:g} ({lead['quartile_1']:g}-{lead['quartile_3']:g})",
            )
    return table


def _named(one: dict[str, Any]) -> str:
    return escape(Path(one["pathway"]).name)


_WORST_FIRST: Final = ("critical", "red", "amber_plus", "amber")
_SHARES: Final = ("sensitivity", "positive_predictive_value")


def _asked_first(one: dict[str, Any]) -> str:
    found = one["asked_first"]
    said = (
        f"{_named(one)}: {found['asked']:,} sets are asked for again first, "
        f"{found['of_low_quality']:,} of low quality: "
        f"{found['repeated_and_not_raised']:,} repeats were normal and nothing is raised, "
        f"{found['repeated_and_raised']:,} were not, {found['not_repeated_and_raised']:,} did not come in time. "
        f"{found['alarms']:,} alarms instead of {found['alarms_had_nobody_been_asked']:,}"
    )
    if found["raised_later_by_min_mean"] is not None:
        said += f", those asked about {found['raised_later_by_min_mean']:g} min later on average"
    if found.get("deteriorations_no_longer_told"):
        said += f"; {found['deteriorations_no_longer_told']:,} labelled deteriorations have no call for it"
    return said


def _grouped(one: dict[str, Any]) -> str:
    grouping, alerts = one["grouping"], one["alerts"]
    said = (
        f"{_named(one)}, version {one['pathway_version']}: {grouping['sets_that_alert_alone']:,} sets alert by "
        f"themselves, {grouping['alarms']:,} alarms "
        f"({alerts['raised']:,} raised, {alerts['stepped_up']:,} stepped up, {alerts['reopened']:,} opened again): "
        f"one open alert a patient spares {grouping['removed'] or 0:.1%}"
    )
    if alerts["let_pass_as_resolved"]:
        said += f"; {alerts['let_pass_as_resolved']:,} were let pass, for the same was resolved shortly before"
    if "deteriorations_no_longer_told" in grouping:
        said += f", and leaves {grouping['deteriorations_no_longer_told']:,} labelled deteriorations without a call"
        if grouping["told_later_by_h_mean"] is not None:
            said += f", the others called for {grouping['told_later_by_h_mean']:g} h later on average"
    return said
