"""`virtual-ward backup` and `virtual-ward restore`."""

import sys
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from monitoring.clock import utc_now
from monitoring.config import read_settings
from monitoring.parts import settings_for


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet, or is empty.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of an installation that `virtual-ward up` runs.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Back up a running installation: the database, and the readings that were promised and wait to be scored."""
    from monitoring.backup.saving import save  # noqa: PLC0415 - it needs the database, most commands do not

    made = save(settings_for(data), folder, utc_now(), _tell)
    sys.stdout.write(dumps(asdict(made)) + "\n" if json else f"backed up into {folder}, as of {made.made_at}\n")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `virtual-ward backup` made.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder for a new installation, on which `up` does not run; else the URLs count."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Restore a backup into an installation that is empty. Nothing else may run on it meanwhile."""
    from monitoring.backup.restoring import installation, load  # noqa: PLC0415 - likewise

    with installation(read_settings(), data, _tell) as settings:
        made = load(settings, folder, _tell)
    go_on = f"virtual-ward up --data {data}" if data else "virtual-ward migrate, then start its parts"
    said = f"restored as of {made.made_at}; go on with: {go_on}\n"
    sys.stdout.write(dumps(asdict(made)) + "\n" if json else said)


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")
