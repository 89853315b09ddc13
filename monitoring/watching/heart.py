"""The dead man's heartbeat: a URL that is called only while everything works, so that silence means trouble.

Each time an empty entry goes the way that readings go, and the URL is called once a worker has taken it off the queue
and committed. Of several processes that watch, one does it each time.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

import httpx
import msgspec
import structlog
from redis import Redis
from redis.exceptions import RedisError

from devices.reading import Arrival
from monitoring.config import Settings
from monitoring.intake.stream import AWAY, FIELD, ring_once, stream_name
from monitoring.metrics import HEARTBEATS
from monitoring.watching.telling import in_background

log = structlog.get_logger()

TURN: Final = "watching:heartbeat"
NOBODY: Final = 0
"""As the source of an entry: no device has this key, and an entry without sets is of nobody."""
CALL_S: Final = 5.0


@dataclass(slots=True)
class Heart:
    """What one process does for the heartbeat. `calling`: the URL is being called."""

    queue: Redis
    settings: Settings
    probes: dict[int, bytes] = field(default_factory=dict)  # by stream, the entry that is on its way
    until_s: float = 0.0
    calling: threading.Event = field(default_factory=threading.Event)

    def tick(self, now: datetime, now_s: float, *, all_well: bool) -> None:
        """Send what has to be sent; call the URL once it came through."""
        if self.settings.heartbeat_url is None:
            return
        try:
            if not all_well or (self.probes and now_s > self.until_s):
                self._withhold()
            elif self.probes:
                self._follow()
            elif self._is_our_turn():
                self._send(now, now_s)
        except (RedisError, *AWAY) as error:
            log.warning("heartbeat_not_sent", error=type(error).__name__)
            self._withhold()

    def _is_our_turn(self) -> bool:
        return bool(self.queue.set(TURN, 1, nx=True, px=self.settings.heartbeat_every_s * 1000 - 100))

    def _send(self, now: datetime, now_s: float) -> None:
        payload = msgspec.json.encode(Arrival(source=NOBODY, received_at=now))
        for number in range(self.settings.streams):
            added = self.queue.xadd(stream_name(number), {FIELD: payload})
            assert isinstance(added, bytes)
            self.probes[number] = added
            ring_once(self.queue, number)
        self.until_s = now_s + self.settings.heartbeat_every_s

    def _follow(self) -> None:
        waiting = {
            one: entry for one, entry in self.probes.items() if self.queue.xrange(stream_name(one), entry, entry)
        }
        if not waiting and not self.calling.is_set():
            self.calling.set()
            in_background(partial(self._call, str(self.settings.heartbeat_url)))
        self.probes = waiting

    def _withhold(self) -> None:
        if self.probes:
            HEARTBEATS.labels("withheld").inc()
            log.warning("heartbeat_withheld")
        self.probes = {}

    def _call(self, url: str) -> None:
        """The address is a credential: it stands in no log."""
        try:
            status = httpx.get(url, timeout=CALL_S, follow_redirects=True).status_code
            outcome = "sent" if status < 400 else "failed"
            reason = "" if status < 400 else str(status)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            outcome, reason = "failed", type(error).__name__
        finally:
            self.calling.clear()
        HEARTBEATS.labels(outcome).inc()
        if outcome == "failed":
            log.warning("heartbeat_not_taken", reason=reason)
