"""A watcher with a clock that can be turned, what it watches, and an engineer who can be told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from monitoring.access.roles import Role
from monitoring.database import transaction
from monitoring.escalation.tables import By, Contact
from monitoring.heartbeat import Pulse
from monitoring.watching.watcher import Watcher
from tests.monitoring.embedded.processes import eventually
from tests.receivers import Receiver
from tests.ward import Ward

PARTS = ("worker", "timekeeper", "api")


@dataclass
class Post:
    """Several watchers of one installation that look at the same instants. `silent`: parts that beat no more."""

    ward: Ward
    watchers: list[Watcher]
    began: datetime
    seconds: float = 0.0
    silent: set[str] = field(default_factory=set)
    pulses: dict[str, Pulse] = field(init=False)

    def __post_init__(self) -> None:
        self.pulses = {part: Pulse(self.ward.engine, f"{part}-1", part) for part in PARTS}

    @property
    def now(self) -> datetime:
        """The wall's clock."""
        return self.began + timedelta(seconds=self.seconds)

    def look(self, for_s: float = 0.0) -> None:
        """Let so much time pass, with a look each two seconds."""
        until_s = self.seconds + for_s
        while True:
            for part in set(PARTS) - self.silent:
                self.pulses[part].beat(self.now)
            for watcher in self.watchers:
                watcher.tick(self.now, self.seconds)
            if self.seconds >= until_s:
                return
            self.seconds += 2


@contextmanager
def posted(ward: Ward, number: int = 1, **settings: Any) -> Iterator[Post]:
    """Watchers, of which each has looked once and found all well."""
    those = ward.settings.model_copy(update={"webhook_allow_private": True, "queue_durability": "stated"} | settings)
    watchers = [Watcher(those, f"part-{one}", beats=False) for one in range(number)]
    post = Post(ward, watchers, ward.now)
    try:
        post.look()
        yield post
    finally:
        for watcher in watchers:
            watcher.stop()


def reachable(ward: Ward, *urls: str) -> None:
    """The ward's engineer can be told there, in this order."""
    with transaction(ward.engine) as session:
        session.add_all(
            Contact(staff_id=ward.staff[Role.ENGINEER].id, place=place, by=By.WEBHOOK, to=url, recorded_at=ward.now)
            for place, url in enumerate(urls)
        )


def told(receiver: Receiver, path: str | None = None) -> list[tuple[str, str]]:
    """What engineers heard, in order: problem and state."""
    bodies = [msgspec.json.decode(call.body) for call in receiver.calls if path in {None, call.path}]
    return [(body["data"]["problem"], body["data"]["state"]) for body in bodies]


def hears(receiver: Receiver, *expected: tuple[str, str]) -> None:
    """Wait until exactly this was told, in any order."""
    eventually(lambda: len(receiver.calls) >= len(expected))
    assert sorted(told(receiver)) == sorted(expected)
