"""`virtual-ward rules`: for those who write pathways, and for those who want to know what a ward's rules do."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitoring.clock import utc_now
from monitoring.config import PREFIX
from monitoring.parts import settings_for

rules_app = typer.Typer(no_args_is_help=True, help="What alerts, and whether a pathway's file can be used.")
VARIABLES = {"auto_envvar_prefix": PREFIX.rstrip("_")}


@rules_app.command("check", context_settings=VARIABLES)
def rules_check(
    file: Annotated[list[Path], typer.Argument(help="A pathway's TOML file; any number.", exists=True, dir_okay=False)],
) -> None:
    """Say of each file whether it can be used, and where and why not. Exit 1 where one can't."""
    from alert_rules.pathway import WrongPathway, read  # noqa: PLC0415 - the other commands do not need numpy

    wrong = 0
    for path in file:
        try:
            pathway = read(str(path.with_suffix("")), path.read_text(encoding="utf-8"))
        except (WrongPathway, UnicodeDecodeError) as error:
            wrong += 1
            sys.stderr.write(f"{error if isinstance(error, WrongPathway) else f'{path}:1: is not UTF-8'}\n")
        else:
            count = f"{len(pathway.rules)} rule{'s' * (len(pathway.rules) != 1)} of its own"
            sys.stdout.write(f"{path}: {pathway.title}, {count}, version {pathway.version}\n")
    raise typer.Exit(1 if wrong else 0)


@rules_app.command("explain", context_settings=VARIABLES)
def rules_explain(
    which: Annotated[str, typer.Argument(metavar="WARD|PATIENT", help="A ward's code, or a patient's id.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of an installation that `virtual-ward up` runs.")
    ] = None,
) -> None:
    """Print in plain English what would alert, how badly, and who would be told."""
    from monitoring.rules.explaining import explained  # noqa: PLC0415 - it needs the database, most commands do not

    sys.stdout.write(explained(settings_for(data), which, utc_now()) + "\n")
