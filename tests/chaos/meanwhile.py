"""What goes on in a thread of its own while something else is done to the servers."""

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import Self


class Meanwhile(ABC):
    """Runs while its `with` lasts, in an event loop of its own."""

    def __init__(self, name: str) -> None:
        self.wrong: list[str] = []  # answers that nobody should ever get
        self._ending = threading.Event()
        self._aborting = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name=name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Begin nothing more, and wait until what was begun is answered; after an error, don't wait for that."""
        self._aborting = kind is not None
        self._ending.set()
        self._thread.join()

    @abstractmethod
    async def _run(self) -> None:
        """Until `_ending` is set."""
