"""`virtual-ward audit`: whether anybody tampered with it, what a patient is owed of it, and the key that signs it."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from monitoring.clock import utc_now
from monitoring.config import PREFIX
from monitoring.parts import settings_for

audit_app = typer.Typer(no_args_is_help=True, help="Who looked at or changed what of which patient.")
VARIABLES = {"auto_envvar_prefix": PREFIX.rstrip("_")}

Data = Annotated[Path | None, typer.Option("--data", help="Folder of an installation that `virtual-ward up` runs.")]
DAY = ["%Y-%m-%d"]
From = Annotated[datetime | None, typer.Option("--from", formats=DAY, help="A day, in UTC.")]
To = Annotated[datetime | None, typer.Option("--to", formats=DAY, help="The last day, in UTC.")]


@audit_app.command("verify", context_settings=VARIABLES)
def audit_verify(
    from_: From = None,
    to: To = None,
    head: Annotated[
        str | None, typer.Option(help="NUMBER:HASH as an earlier run said it: whether that seal still stands.")
    ] = None,
    data: Data = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Walk along the chain and tell what was altered, taken out, put in or moved. Exit 1 where anything was."""
    from monitoring.audit import verification  # noqa: PLC0415 - it needs the database, most commands do not

    period = verification.period(from_, to)
    found = verification.run(settings_for(data), period, head, utc_now(), say=_say)
    sys.stdout.write(verification.as_json(found) if json else verification.as_text(found))
    raise typer.Exit(1 if found.wrong_count else 0)


@audit_app.command("export", context_settings=VARIABLES)
def audit_export(
    subject: Annotated[UUID, typer.Option(help="The patient's id.")],
    from_: From = None,
    to: To = None,
    data: Data = None,
) -> None:
    """Print all that is recorded of who looked at a patient's record, as CSV. This is recorded too."""
    from monitoring.audit import verification  # noqa: PLC0415 - likewise

    period = verification.period(from_, to)
    for part in verification.export(settings_for(data), subject, period, utc_now()):
        sys.stdout.write(part)


@audit_app.command("key", context_settings=VARIABLES)
def audit_key() -> None:
    """Make a key that signs the seals: what the timekeeper is told, and what whoever verifies is told."""
    from monitoring.audit.chain import new_key  # noqa: PLC0415 - no other command signs

    secret, public = new_key()
    sys.stdout.write(f"{PREFIX}AUDIT_SIGNING_KEY={secret}\n{PREFIX}AUDIT_PUBLIC_KEYS={public}\n")


def _say(line: str) -> None:
    """How far it is, for whoever waits; not for a program."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}\x1b[K")
