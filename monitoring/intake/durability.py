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
    ALONE = "none: too few replicas are connected"  # a failover would lose what is answered
    NEVER = "none: appendfsync is no"  # written whenever the operating system likes, and WAITAOF waits for ever

    @property
    def promises(self) -> bool:
        """Whether a 202 can be given at all."""
        return self not in {Durability.NONE, Durability.NEVER, Durability.ALONE}

    @property
    def must_wait(self) -> bool:
        """Whether an answer is not enough, and WAITAOF has to follow."""
        return self is Durability.WAITED_FOR or self is Durability.UNKNOWN


_BY_FSYNC: Final[dict[str | None, Durability]] = {"always": Durability.ALWAYS, "everysec": Durability.WAITED_FOR}


def read_durability(client: Redis, *, stated: bool, replicas: int = 0) -> Durability:
    """Ask the server how it is set, and who copies it. Raises redis errors where it is away."""
    if replicas and not has_replicas(client.info("replication"), replicas):
        return Durability.ALONE
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


def has_replicas(replication: Mapping[str, object], replicas: int) -> bool:
    """Whether so many are connected and follow, by INFO replication."""
    followers = (value for name, value in replication.items() if name.startswith("slave"))
    online: int = sum(isinstance(one, dict) and one.get("state") == "online" for one in followers)
    return online >= replicas
