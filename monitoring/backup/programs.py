"""PostgreSQL's own programs that dump and load: the embedded ones, else those on the machine."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from monitoring.backup.folder import BackupError
from monitoring.embedded.binaries import ServerNotInstalledError, postgres_program

MAJOR: Final = 18
TELL_EVERY_S: Final = 1.0


def run(name: str, *arguments: str, meanwhile: Callable[[], None]) -> None:
    """Run one to its end, calling `meanwhile` every second. Raises BackupError with what it said where it fails."""
    with subprocess.Popen([_program(name), *arguments], stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                _, said = process.communicate(timeout=TELL_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                meanwhile()
    if process.returncode:
        raise BackupError(f"{name} failed: {' '.join(said.splitlines()[-3:])}")


def _program(name: str) -> Path | str:
    try:
        return postgres_program(name, MAJOR)
    except ServerNotInstalledError as error:
        if (found := shutil.which(name)) is None:
            raise BackupError(f"{name} is not on this machine: install PostgreSQL's client programs") from error
        return found
