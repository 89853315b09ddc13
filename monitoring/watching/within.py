"""Work that may hang, on a thread of its own: a server that stands still lets a driver wait for ever."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Within:
    """Does one thing at a time. While one hangs, nothing else is begun, so that threads do not pile up."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None

    def do(self, work: Callable[[], T], within_s: float) -> T:
        """What `work` returns, or raises. Raises TimeoutError where it, or an earlier one, does not end in time."""
        if self._thread is not None and self._thread.is_alive():
            raise TimeoutError
        came: SimpleQueue[T | BaseException] = SimpleQueue()
        self._thread = threading.Thread(target=_put, args=(work, came), name=self._name, daemon=True)
        self._thread.start()
        try:
            result = came.get(timeout=within_s)
        except Empty:
            raise TimeoutError from None
        self._thread.join()
        if isinstance(result, BaseException):
            raise result
        return result


def _put(work: Callable[[], T], came: "SimpleQueue[T | BaseException]") -> None:
    try:
        came.put(work())
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        came.put(error)
