"""What a page that is open hears: that there is news and of what kind, and nothing of anybody.

It asks for what it shows by itself, so that the news needs neither its content nor a place to resume from: two hundred
screens of a ward would be sent every patient's every reading, to look at none of them.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from litestar import get
from litestar.response import Stream

from monitoring.access.gate import see_ward
from monitoring.acts import Incoming
from monitoring.events import NEWS_CHANNEL
from monitoring.live import RETRY, Hub, Watcher, streamed
from monitoring.queries import WardFilter
from monitoring.replay import frame
from monitoring.service import service_of

SAID: Final = b"{}"
"""A browser overlooks an event without data."""


class Screen(Watcher):
    """One page. Of transient news it hears once for all patients."""

    channel = NEWS_CHANNEL

    def tell(self, event_id: int, kind: str, told: bytes) -> None:  # noqa: ARG002 - not what it says
        """Durable news of a kind."""
        super().tell(event_id, kind, frame(kind, SAID, None))

    def tell_latest(self, kind: str, patient: str, told: bytes) -> None:  # noqa: ARG002 - neither who nor what
        """Transient news of a kind."""
        super().tell_latest(kind, "", frame(kind, SAID, None))


@get("/news", opt={"allows": "watch live"}, include_in_schema=False)
async def get_news(request: Incoming, ward: WardFilter = None) -> Stream:
    """That there is news, of a ward or of all that the caller may see, from now on."""
    if ward is not None:
        see_ward(request.user, ward)
    return streamed(told(service_of(request).hub, Screen(request.user, ward)))


async def told(hub: Hub, screen: Screen) -> AsyncIterator[bytes]:
    """Frames for a page. It asks for what it shows as soon as it is open, and hears of what comes after."""
    hub.add(screen)
    has_begun = hub.begun.is_set()
    try:
        yield RETRY + b"\n"
        if not has_begun:  # an API that has just started: of what happens until it has nobody is told
            if not await hub.begins():
                return
            yield frame("system", SAID, None)
        async for said in screen.frames(after=0):
            yield said
    finally:
        hub.remove(screen)


ROUTES: list[Any] = [get_news]
