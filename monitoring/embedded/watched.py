"""A child process that is started again whenever it dies, soon at first and then at growing intervals."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from monitoring.embedded import EmbeddedError, children

# How long after its n-th death in a row a child is started again: at once the first time.
BACKOFF_S: Final = (0.0, 0.1, 0.3, 1.0, 2.0, 5.0)
STEADY_S: Final = 5.0  # a child that ran this long starts again with its first death


class Watched:
    """One child, its deaths in a row, and when it is next due. Times are of the monotonic clock, in s."""

    def __init__(
        self,
        name: str,
        spawn: Callable[[], subprocess.Popen[bytes]],
        say: Callable[[str], None],
        log: Path | None = None,
    ) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.log = log
        self._spawn = spawn
        self._say = say
        self._deaths = 0
        self._started_s = 0.0
        self._due_s = 0.0

    def tick(self, now_s: float) -> int | None:
        """Start the child where it is due. Returns the pid of one that was found dead."""
        died = None
        if self.process is not None and self.process.poll() is not None:
            died = self.process.pid
            self._ended(now_s, children.ending(self.process.returncode))
        if self.process is None and now_s >= self._due_s:
            self._start(now_s)
        return died

    def _start(self, now_s: float) -> None:
        self._started_s = now_s
        try:
            self.process = self._spawn()
        except (EmbeddedError, OSError) as error:  # an earlier one lingers, no memory to fork, …: it may pass
            self._ended(now_s, str(error))

    def _ended(self, now_s: float, how: str) -> None:
        if now_s - self._started_s >= STEADY_S:
            self._deaths = 0
        delay_s = BACKOFF_S[min(self._deaths, len(BACKOFF_S) - 1)]
        self._deaths += 1
        self._due_s = now_s + delay_s
        self.process = None
        said = f": {children.last_words(self.log)}" if self.log else ""
        when = f"in {delay_s:g} s" if delay_s else "now"
        self._say(f"{self.name} ended ({how}{said}); starting it again {when}")
