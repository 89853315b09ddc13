"""Structured logs: ids and reasons only. No vital sign, name or NHS number ever stands in a log line.

What an exception *says* may quote any of them (SQL parameters, a value that could not be converted), so only its type
and where it came from are logged.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog

from monitoring.config import Settings

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def configure(settings: Settings) -> None:
    """Log to standard error, one JSON object a line, or for people where `log_format` is console."""
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=processors(settings),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(Places("%(message)s"))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[libraries])


def processors(settings: Settings) -> list[structlog.types.Processor]:
    """What a line passes through before it is written."""
    as_json = settings.log_format == "json"
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        place_exception,
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(),
    ]


def place_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: `exc_info` becomes `exception`, without what it says."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["exception"] = places(error)
    return event


def places(error: BaseException) -> str:
    """An exception's type and the lines it passed, and those of what caused it."""
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        chain += [type(cause).__qualname__, *traceback.format_tb(cause.__traceback__)]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n".join(line.rstrip() for line in chain)


class Places(logging.Formatter):
    """The same for what libraries log."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, whatever another handler made of the exception before."""
        record.exc_text = None
        return super().format(record)

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802
        return "" if ei[1] is None else places(ei[1])
