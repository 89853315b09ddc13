"""Whom the servers run as, and folders that only they may open.

PostgreSQL refuses to run as root, so under root both servers run as `postgres` or `nobody`. Their folders are
0700, which is also what guards the sockets: whoever can reach one is trusted by the server behind it.
"""

import os
import pwd
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from monitoring.embedded import EmbeddedError

# Prints the first path that can't be entered or executed. `test` knows of access lists, mode bits do not.
FIRST_BARRED = 'for path; do [ -x "$path" ] || { printf %s "$path"; exit; }; done'


class CannotCrossError(EmbeddedError):
    """A folder on the way can't be entered by the account the servers run as."""


class NotOursError(EmbeddedError):
    """A folder of the name we need is there already, and it isn't ours."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the operating system other than our own."""

    name: str
    uid: int
    gid: int


class RunAs(TypedDict, total=False):
    """The arguments of Popen that make a child run as another account."""

    user: int
    group: int
    extra_groups: list[int]


def run_as(account: Account | None) -> RunAs:
    """Nothing where the child runs as ourselves."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def server_account(*folders: Path) -> Account | None:
    """Whom a server of these folders runs as. None means as ourselves: we aren't root.

    Who owns one of the folders already stays its owner, whatever accounts were added to the machine since.
    """
    if os.geteuid() != 0:
        return None
    for folder in folders:
        if folder.exists() and (owner := folder.stat()).st_uid != 0:
            return Account(f"the owner of {folder}", owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody`")


def open_way(folder: Path, account: Account | None, *others: Path) -> None:
    """Make the data directory where it isn't there, and see to it that `account` can reach it and `others`.

    The directory itself becomes crossable (0711 where we make it). Its parents are never changed.
    Raises CannotCrossError naming the first that bars the way.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is None:
        return
    folder.chmod(folder.stat().st_mode & 0o7777 | 0o111)
    _refuse_barred([folder, *others], account)


def make_private(folder: Path, account: Account | None) -> None:
    """Make a folder that only `account` may open (0700).

    One that is there already is never changed, so that `--data /var` can't take /var/run away from its owner.
    Raises NotOursError where it belongs to somebody else or is open to others.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    uid = os.geteuid() if account is None else account.uid
    if found.st_mode & 0o077 or found.st_uid not in {uid, os.geteuid()}:
        raise NotOursError(f"{folder} isn't ours (its mode or owner differs): choose another --data folder")
    if account is not None and found.st_uid != uid:
        os.chown(folder, account.uid, account.gid)


def _refuse_barred(paths: Iterable[Path], account: Account) -> None:
    ways = [str(way) for path in paths for way in [*reversed(path.parents), path]]
    barred = subprocess.run(
        ["/bin/sh", "-c", FIRST_BARRED, "sh", *ways],
        stdout=subprocess.PIPE,
        check=True,
        cwd="/",
        **run_as(account),
    ).stdout
    if barred:
        raise CannotCrossError(
            f"{os.fsdecode(barred)} can't be entered by {account.name}, as whom the embedded servers run "
            "under root: choose another folder, or run as an ordinary user"
        )
