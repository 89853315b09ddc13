"""Several alerts of one ward that wait at the last step of their ladders are told in one message, not one by one.

Put together when they are first sent, of whatever waits for that address then: each alert keeps a step, a history and a
message of its own, and who answers one takes back that one alone. Tried again, those that are left go under the same id
as before. What is critical is never put together with others.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from monitoring.delivery.claiming import Claimed

TOGETHER_MAX: Final = 50
"""In one message, whose body is bounded: the next ones go with the next. The design's own."""
SHOWN: Final = ("alert", "kind", "severity", "state", "escalation", "repeat")


def together(claimed: Sequence[Claimed]) -> list[Claimed]:
    """The gravest first, then the oldest; each of those that go out together in `also` of the first of them."""
    first: dict[object, Claimed] = {}
    for message in sorted(claimed, key=lambda one: (-one.severity, one.id)):
        key: object = message.sent_as or message.id
        before = first.get(key)
        first[key] = message if before is None else replace(before, also=(*before.also, message))
    return list(first.values())


def body_of(message: Claimed) -> dict[str, Any]:
    """What is sent: the first one's own body, and how many wait and which."""
    if not message.also:
        return message.body
    also = [{name: one.body["data"].get(name) for name in SHOWN} for one in message.also]
    data = message.body["data"]
    return {**message.body, "data": {**data, "waiting": 1 + len(also), "also": also}}
