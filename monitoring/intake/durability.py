"""Whether what the queue has answered is on its disk."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from redis import Redis
from redis.exceptions import ResponseError


class Durability(StrEnum):
    """What a server promises when it answers an XADD."""

    ALWAYS = "always"  # on disk before it answers
    WAITED_FOR = "waited for"  # an append-only file, written later: each POST waits for it (up to 1 s)
    STATED = "stated by configuration"
    UNKNOWN = "unknown: CONFIG is forbidden"
    NONE = "none: appendonly is off"
    NEVER = "none: appendfsync is no"  # written whenever the operating system likes, and WAITAOF waits for ever

    @property
    def promises(self) -> bool:
        """Whether a 202 can be given at all."""
        return self is not Durability.NONE and self is not Durability.NEVER

    @property
    def must_wait(self) -> bool:
        """Whether an answer is not enough, and WAITAOF has to follow."""
        return self is Durability.WAITED_FOR or self is Durability.UNKNOWN


_BY_FSYNC: Final[dict[str | None, Durability]] = {"always": Durability.ALWAYS, "everysec": Durability.WAITED_FOR}


def read_durability(client: Redis, *, stated: bool) -> Durability:
    """Ask the server how it is set. Raises redis errors where it is away."""
    if stated:
        return Durability.STATED
    try:
        return durability_of(client.config_get("append*"))
    except ResponseError:
        return Durability.UNKNOWN


def durability_of(settings: Mapping[str | None, str | None]) -> Durability:
    """What a server promises that is set like this."""
    if "appendonly" not in settings:
        return Durability.UNKNOWN
    if settings["appendonly"] != "yes":
        return Durability.NONE
    return _BY_FSYNC.get(settings.get("appendfsync"), Durability.NEVER)
