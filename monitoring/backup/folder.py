"""A backup's folder: the database's dump, what waited in the queue, and a manifest that is written last."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

from monitoring.embedded import EmbeddedError

DATABASE: Final = "database.dump"
QUEUE: Final = "queue.jsonl"
MANIFEST: Final = "manifest.json"


class BackupError(EmbeddedError):
    """A backup cannot be made, or used."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is. `entries`: requests with readings that were promised and not scored yet."""

    made_at: str
    schema: str
    entries: int
    sha256: Mapping[str, str]  # by file


def new_folder(folder: Path) -> None:
    """Make it, for its owner only. Raises BackupError where something is there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupError(f"{folder} is not empty: name a folder that is not there yet")
    except OSError as error:
        raise BackupError(f"{folder} can't be used: {error.strerror}") from error


def seal(folder: Path, made_at: str, schema: str, entries: int) -> Manifest:
    """Write the manifest once the files are whole and on disk: a folder without one is no backup."""
    manifest = Manifest(made_at, schema, entries, {name: _digest(folder / name) for name in (DATABASE, QUEUE)})
    for name in (DATABASE, QUEUE):
        _sync(folder / name)
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n")
    _sync(folder / MANIFEST)
    _sync(folder)
    return manifest


def opened(folder: Path) -> Manifest:
    """The manifest of a backup that is whole. Raises BackupError naming what is missing or changed."""
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text()))
        for name, digest in manifest.sha256.items():
            if _digest(folder / name) != digest:
                raise BackupError(f"{folder / name} is not what was backed up: it was changed or cut short")
    except FileNotFoundError as error:
        raise BackupError(f"{folder} is no whole backup: {error.filename} is missing") from error
    except (OSError, TypeError, ValueError) as error:
        raise BackupError(f"{folder} can't be read as a backup: {error}") from error
    return manifest


def waiting(folder: Path) -> Iterator[tuple[int, bytes]]:
    """What waited in the queue, oldest first by stream: the stream's number and the entry."""
    with (folder / QUEUE).open(encoding="ascii") as lines:
        for line in lines:
            number, payload = json.loads(line)
            yield number, bytes.fromhex(payload)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
