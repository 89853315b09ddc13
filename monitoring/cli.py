"""`virtual-ward`: the one command, and what it teaches with --help."""

import os
import sys
from enum import StrEnum
from json import dumps
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import UUID

import typer
from msgspec import to_builtins
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitoring.access.roles import Role
from monitoring.audit.commands import audit_app
from monitoring.backtest.command import backtest
from monitoring.backup.commands import backup, restore
from monitoring.clock import utc_now
from monitoring.config import PREFIX, WrongSetting, read_settings
from monitoring.embedded import EmbeddedError
from monitoring.embedded.supervisor import supervise
from monitoring.parts import CannotAdd, service_on, settings_for
from monitoring.privacy.commands import erase, extract, hold, retention, subject_access
from monitoring.refusals import Unacceptable
from monitoring.reports.choices import By, Every
from monitoring.rules.commands import rules_app

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An open virtual-ward backend: readings posted at home become alerts that a clinician acknowledges.\n\n"
    "Begin with [bold]virtual-ward demo[/bold]. On one machine: [bold]virtual-ward up --data DIR[/bold]. On many: "
    "[bold]migrate[/bold] once, then any number of [bold]serve[/bold], [bold]worker[/bold] and "
    "[bold]timekeeper[/bold], each told VIRTUAL_WARD_DATABASE_URL and VIRTUAL_WARD_QUEUE_URL.\n\n"
    "Every option can be set as a variable too: --port as VIRTUAL_WARD_PORT.\n\n"
    "Not for patient care until a clinical safety officer has signed it.",
)
staff_app = typer.Typer(no_args_is_help=True, help="Who works here.")
device_app = typer.Typer(no_args_is_help=True, help="What posts readings.")
app.add_typer(staff_app, name="staff")
app.add_typer(device_app, name="device")
report_app = typer.Typer(no_args_is_help=True, help="Figures of the wards.")
app.add_typer(report_app, name="report")
app.add_typer(rules_app, name="rules")
app.add_typer(audit_app, name="audit")

VARIABLES = {"auto_envvar_prefix": PREFIX.rstrip("_")}
"""For every command: each of its options can be set as VIRTUAL_WARD_ and the option's name."""

for command in (backtest, backup, restore, retention, erase, hold, extract):
    app.command(context_settings=VARIABLES)(command)
app.command("subject-access", context_settings=VARIABLES)(subject_access)

out = Console()
err = Console(stderr=True)


class Format(StrEnum):
    """What a device sends."""

    NATIVE = "native"
    FHIR = "fhir"
    HL7V2 = "hl7v2"
    GATT = "gatt"
    OPEN_MHEALTH = "open-mhealth"


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder of an installation that `virtual-ward up` runs; without it the URLs in the environment are used.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")]


@app.command(context_settings=VARIABLES)
def demo(
    port: Port = 8000,
    patients: Annotated[int, typer.Option(min=5, max=5000, help="How many.")] = 28,
    speed: Annotated[
        float,
        typer.Option(min=1, max=2000, help="Times real time: 300 is 5 hours a minute."),
    ] = 300.0,
) -> None:
    """Start everything in a fresh temporary folder, simulate patients, and tell what happens. Ctrl-C ends it."""
    from monitoring.demo.run import run_demo  # noqa: PLC0415 - only the demo needs the simulator

    raise typer.Exit(run_demo(port, patients, speed))


@app.command(context_settings=VARIABLES)
def up(
    data: Annotated[Path, typer.Option("--data", help="Folder that keeps everything.")],
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="RQ workers.")] = 2,
) -> None:
    """The whole service on this machine, kept in DIR: embedded PostgreSQL and Valkey, API, workers, timekeeper.

    A part that dies is started again. Started again on the same DIR, everything is as it was.
    """

    def say(message: str) -> None:
        err.print(f"[bold]up[/bold] {message}", highlight=False)

    raise typer.Exit(supervise(data, service_on(port, workers, say), say=say))


@app.command(context_settings=VARIABLES)
def serve() -> None:
    """One API process, on VIRTUAL_WARD_HOST and VIRTUAL_WARD_PORT."""
    _become("monitoring.serve")


@app.command(context_settings=VARIABLES)
def worker() -> None:
    """One RQ worker: scores what is posted. Any `rq worker` with the JSON serializer can stand beside it."""
    _become("workers.worker")


@app.command(context_settings=VARIABLES)
def timekeeper() -> None:
    """One timekeeper: overdue readings, lost bells, housekeeping."""
    _become("workers.timekeeper")


@app.command(context_settings=VARIABLES)
def migrate() -> None:
    """Bring the database's schema up to date, as VIRTUAL_WARD_DATABASE_OWNER_URL where that is set."""
    _become("monitoring.migrating")


@staff_app.command("add", context_settings=VARIABLES)
def staff_add(  # noqa: PLR0913 - an option each
    name: Annotated[str, typer.Option(help="As colleagues know them.")],
    role: Annotated[Role, typer.Option(help="What they are here for.")],
    ward: Annotated[list[str] | None, typer.Option(help="Code of a ward, once per ward; none: every ward.")] = None,
    team: Annotated[
        list[str] | None, typer.Option(help="Code of a UCR team, for the role ucr; none: every team.")
    ] = None,
    registered: Annotated[
        bool | None, typer.Option("--registered/--unregistered", help="Clinicians are, unless said otherwise.")
    ] = None,
    senior: Annotated[bool, typer.Option(help="A senior clinician.")] = False,
    oidc_subject: Annotated[
        str | None,
        typer.Option(help="Who they are to the OIDC issuer: the value of the claim VIRTUAL_WARD_OIDC_NAMED_BY."),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a member of staff and print `id` and, once, `token`."""
    from monitoring import installing  # noqa: PLC0415 - it needs the database, most commands do not

    is_registered = role is Role.CLINICIAN if registered is None else registered
    staff = installing.new_staff(
        role, name, ward or [], registered=is_registered, senior=senior, now=utc_now(), teams=team or []
    )
    _print_made(installing.add_staff(settings_for(data), staff, oidc_subject), json)


Whom = Annotated[UUID, typer.Argument(metavar="ID", help="As `staff add` printed it; the audit names it too.")]


@staff_app.command("token", context_settings=VARIABLES)
def staff_token(staff: Whom, data: Data = None, json: Json = False) -> None:
    """Print a new token of somebody. Their old ones and their sessions end within a second, everywhere."""
    from monitoring import installing  # noqa: PLC0415 - likewise

    _print_made(installing.renew_staff(settings_for(data), staff, utc_now()), json)


@staff_app.command("revoke", context_settings=VARIABLES)
def staff_revoke(staff: Whom, data: Data = None, json: Json = False) -> None:
    """End every token and session of somebody within a second, everywhere: a token was lost, or they leave.

    Who signs in at an issuer still can: DELETE /v1/staff/{id}/identity ends that.
    """
    from monitoring import installing  # noqa: PLC0415 - likewise

    ended = installing.revoke_staff(settings_for(data), staff, utc_now())
    if json:
        _print_json({"id": str(staff), "ended": ended})
    else:
        out.print(f"{ended} tokens and sessions ended")


@device_app.command("add", context_settings=VARIABLES)
def device_add(
    kind: Annotated[str | None, typer.Option(help="hub, oximeter, scale, …")] = None,
    serial: Annotated[str | None, typer.Option(help="As printed on it.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Many, from CSV: kind, serial and, if any, identifiers, shared.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Register a device and print `id` and, once, `token`; or many, line by line: exit 1 where one is refused."""
    from monitoring import installing  # noqa: PLC0415 - it needs the database, most commands do not

    if file is not None:
        if kind is not None or serial is not None:
            raise CannotAdd("--file names the devices: leave --kind and --serial out")
        _print_many(installing.add_devices(settings_for(data), file, utc_now()), json)
        return
    if kind is None or serial is None:
        raise CannotAdd("--kind and --serial, or --file: say what to register")
    _print_made(installing.add_device(settings_for(data), kind, serial, utc_now()), json)


@report_app.command("occupancy", context_settings=VARIABLES)
def report_occupancy(  # noqa: PLR0913 - an option each
    from_: Annotated[str | None, typer.Option("--from", help="An instant, or a date in London; a week ago.")] = None,
    to: Annotated[str | None, typer.Option(help="Likewise; now.")] = None,
    step: Annotated[Every, typer.Option(help="How far apart.")] = Every.HOUR,
    by: Annotated[By, typer.Option(help="A series for each of these.")] = By.ALL,
    ward: Annotated[str | None, typer.Option(help="Only this ward.")] = None,
    pathway: Annotated[str | None, typer.Option(help="Only wards of this pathway.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only wards of this provider.")] = None,
    icb: Annotated[str | None, typer.Option(help="Only wards of this ICB.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw a chart into this file, .png or .svg.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """How full the wards were, over time: a table, JSON, or a chart."""
    from monitoring.reports import commands  # noqa: PLC0415 - likewise

    only = {"ward": ward, "pathway": pathway, "provider": provider, "icb": icb}
    record = commands.occupancy_record(settings_for(data), from_, to, step, by, only, utc_now())
    if plot:
        commands.plot(record, plot)
    if json:
        sys.stdout.write(commands.as_text(record) + "\n")
    elif not plot:
        table = Table("", "at the end", "mean occupancy", "most patients", "over capacity", box=None)
        for line in commands.summary(record):
            table.add_row(*line)
        out.print(table)


@app.command(context_settings=VARIABLES)
def decode(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Documents as a hub sends them.")],
    format_: Annotated[
        Format | None,
        typer.Option("--format", envvar="VIRTUAL_WARD_FORMAT", help="What they are; seen from each, unless said."),
    ] = None,
    json: Json = False,
) -> None:
    """What is understood of documents: the sets, what is refused and where. Nothing is stored, no server is needed."""
    from monitoring import decoding  # noqa: PLC0415 - only this command needs every decoder

    try:
        understood = [decoding.understand(file, format_ and format_.value, utc_now()) for file in files]
    except decoding.CannotRead as error:
        _complain(str(error))
        raise typer.Exit(2) from error
    if json:
        sys.stdout.write(dumps([decoding.as_json(one) for one in understood]) + "\n")
    else:
        decoding.show(out, understood)


@app.command(context_settings=VARIABLES)
def check(data: Data = None, json: Json = False) -> None:
    """Say part by part whether this installation is healthy. Exit 1 where it is not."""
    from monitoring import installing  # noqa: PLC0415 - it needs the database, most commands do not

    parts = installing.examine(settings_for(data), utc_now())
    healthy = all(part.status == "ok" for part in parts.values())
    if json:
        _print_json({"status": "ok" if healthy else "degraded", "parts": installing.as_json(parts)})
    else:
        table = Table("part", "status", "detail", box=None)
        for name, part in parts.items():
            colour = {"ok": "green", "degraded": "yellow", "failed": "red"}[part.status]
            table.add_row(name, f"[{colour}]{part.status}[/{colour}]", part.detail)
        out.print(table)
    raise typer.Exit(0 if healthy else 1)


def main() -> None:
    """The console command. What a person can mend is one line, not a traceback."""
    try:
        app()
    except (WrongSetting, EmbeddedError, CannotAdd, Unacceptable) as error:
        _complain(str(error))
        sys.exit(2)
    except Exception as error:
        from monitoring.database import DATABASE_ERRORS, in_one_line  # noqa: PLC0415 - most commands need no database

        if not isinstance(error, DATABASE_ERRORS):
            raise
        _complain(in_one_line(error))
        sys.exit(1)


def _complain(what: str) -> None:
    err.print(f"[red]virtual-ward:[/red] {escape(what)}", highlight=False, soft_wrap=True)


def _become(module: str) -> NoReturn:
    """Run a part as this very process."""
    read_settings()
    os.execv(sys.executable, [sys.executable, "-m", "monitoring.lean", module])  # noqa: S606 - our own module


def _print_made(made: Any, json: bool) -> None:
    if json:
        _print_json({"id": made.id, "token": made.token})
        return
    out.print(f"id     {made.id}", highlight=False)
    out.print(f"token  {made.token}   [dim](shown this once)[/dim]", highlight=False, soft_wrap=True)


def _print_many(found: Any, json: bool) -> None:
    if json:
        _print_json(to_builtins(found))
    else:
        for one in found.registered:
            out.print(
                f"line {one.line}  {one.kind} {one.serial}  id {one.id}  token {one.token}",
                highlight=False,
                soft_wrap=True,
            )
        for line in found.refused:
            said = "; ".join(f"{fault.field}: {fault.reason}" if fault.field else fault.reason for fault in line.errors)
            err.print(f"[red]line {line.line}[/red]  {escape(said)}", highlight=False, soft_wrap=True)
    if found.refused:
        raise typer.Exit(1)


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(dumps(document) + "\n")


if __name__ == "__main__":
    main()
