"""`virtual-ward retention`, `erase`, `hold`, `subject-access` and `extract`: what people are owed of their data."""

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from monitoring.clock import utc_now
from monitoring.parts import settings_for

Data = Annotated[Path | None, typer.Option("--data", help="Folder of an installation that `virtual-ward up` runs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Apply = Annotated[
    bool, typer.Option("--apply", help="Do it. Without this nothing is changed.", allow_from_autoenv=False)
]
Who = Annotated[str, typer.Argument(metavar="PATIENT", help="An NHS number, or the id of a patient.")]
DAY = ["%Y-%m-%d"]
TEXT_LENGTH_MAX = 500


def retention(apply: Apply = False, data: Data = None, json: Json = False) -> None:
    """Say, table by table, what has been kept as long as it may be; with --apply let it go, a little at a time.

    Nothing goes of a patient with an open stay, alert or referral, or with a hold. Interrupted, it goes on when it is
    run again. The audit stays, and so does what was done about alerts, without names, words and readings.
    """
    from monitoring.privacy import retention as run  # noqa: PLC0415 - it needs the database, most commands do not

    settings, now = settings_for(data), utc_now()
    report = run.apply(settings, now, _say) if apply else run.look(settings, now, _say)
    _say("")
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    verb = "went" if report.applied else "would go"
    out = Console()
    table = Table("table", "policy", f"rows that {verb}", "", "oldest kept", box=None)
    for one in report.tables:
        kept = "" if one.oldest_kept is None else f"{one.oldest_kept:%Y-%m-%d}"
        table.add_row(one.table, one.policy, f"{one.rows:,}", "emptied" if one.stays and one.rows else "", kept)
    out.print(table)
    total = sum(one.rows for one in report.tables)
    months = ", ".join(f"{month:%Y-%m}" for month in report.months) or "none"
    out.print(
        f"{report.records:,} records and {total:,} rows {verb}; whole months of readings: {months}", highlight=False
    )
    for why, number in sorted(report.kept_though_over.items()):
        out.print(f"{number:,} records are kept for {why} though their time is over", highlight=False)
    if report.left:
        out.print(f"{report.left:,} were in use and are left for the next run", highlight=False)
    if not report.applied:
        out.print("Nothing was changed: run it with --apply.", highlight=False)


def erase(
    patient: Who,
    because: Annotated[
        str | None,
        typer.Option(
            help="Why, and who decided it, where the record's time is not over: it should never have been made, or is "
            "not of a patient."
        ),
    ] = None,
    apply: Apply = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Erase one patient's record as retention would. Says what would go; does it with --apply."""
    from monitoring.privacy.one_record import erase_one  # noqa: PLC0415 - likewise

    gone = erase_one(settings_for(data), patient, _reason(because), utc_now(), apply=apply)
    _print_counts(gone, "went" if apply else "would go", json)


def hold(
    patient: Who,
    because: Annotated[str | None, typer.Option(help="Which inquiry or claim, and who asked for it.")] = None,
    end: Annotated[bool, typer.Option("--end", help="The hold is over.", allow_from_autoenv=False)] = False,
    data: Data = None,
) -> None:
    """Keep a patient's record whatever its age, until the hold is ended."""
    from monitoring.privacy.one_record import hold_one  # noqa: PLC0415 - likewise

    if end is (because is not None):
        raise typer.BadParameter("say --because TEXT, or --end")
    hold_one(settings_for(data), patient, _reason(because), utc_now())
    sys.stdout.write("not held any more\n" if end else "held\n")


def subject_access(
    patient: Who,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The FHIR Bundle; it is not there yet.")],
    data: Data = None,
) -> None:
    """Write all that is kept of one person into a file, for them: a FHIR R4 Bundle. This is recorded.

    What is somebody else's is left out. Somebody who knows the patient reads it before it is handed over.
    """
    from monitoring.privacy.subject_access import export  # noqa: PLC0415 - likewise

    number = export(settings_for(data), patient, file, utc_now(), _say)
    _say("")
    sys.stdout.write(
        f"{number:,} resources in {file}: to be read by somebody who knows the patient, then handed over\n"
    )


def extract(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    from_: Annotated[str, typer.Option("--from", help="A date, or an instant.")],
    to: Annotated[str | None, typer.Option("--to", help="Likewise; now where nothing is said.")] = None,
    data: Data = None,
) -> None:
    """Export readings and alerts under pseudonyms, with shifted times and ages in bands: no name, no place, no text.

    Needs VIRTUAL_WARD_PSEUDONYM_KEY (`openssl rand -base64 32`). `virtual-ward backtest` reads readings.csv.
    """
    from monitoring.privacy import extracting  # noqa: PLC0415 - likewise
    from monitoring.reports.periods import span  # noqa: PLC0415 - likewise

    now = utc_now()
    number = extracting.extract(settings_for(data), span(from_, to, now, timedelta()), folder, now, _say)
    _say("")
    sys.stdout.write(f"{number:,} people in {folder}\n")


def _reason(because: str | None) -> str | None:
    if because is not None and not 0 < len(because.strip()) <= TEXT_LENGTH_MAX:
        raise typer.BadParameter(f"--because has 1 to {TEXT_LENGTH_MAX} characters")
    return because


def _print_counts(gone: Mapping[str, int], verb: str, json: bool) -> None:
    if json:
        sys.stdout.write(msgspec.json.encode(gone).decode() + "\n")
        return
    table = Table("table", f"rows that {verb}", box=None)
    for name, number in sorted(gone.items()):
        if number:
            table.add_row(name, f"{number:,}")
    Console().print(table)


def _say(line: str) -> None:
    """How far it is, for whoever waits; not for a program."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}\x1b[K")
