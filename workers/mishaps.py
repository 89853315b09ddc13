"""What can go wrong with one set or one row, and what is nobody's fault and is simply tried again later."""

from pathlib import PurePath
from traceback import extract_tb
from typing import Final

import msgspec
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from monitoring.database import RETRIED, STALE, is_unavailable, sqlstate

CULPRITS: Final = (
    SQLAlchemyError,
    psycopg.Error,
    msgspec.MsgspecError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What one bad set or row can raise. It must not stop the others."""

HELD_UP: Final = (RETRIED - {STALE}) | {"55P03"}
"""Deadlock and serialization failure, a lock that did not come in time, a transaction ended since we stood still."""


def will_pass(error: BaseException) -> bool:
    """Whether the same work may well succeed later: the database is away, or somebody holds what we need."""
    return is_unavailable(error) or sqlstate(error) in HELD_UP


def described(error: BaseException) -> dict[str, str]:
    """An error for the log. Its message stays out: the database quotes the row that it refuses."""
    frames = extract_tb(error.__traceback__)
    said = {"error": type(error).__name__, "sqlstate": sqlstate(error) or ""}
    said["where"] = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {name: value for name, value in said.items() if value}
