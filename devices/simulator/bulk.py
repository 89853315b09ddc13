"""The same sets in bulk, for load: no schedule, nothing missed, nothing late, already encoded."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from devices.simulator.patients import Patient
from devices.simulator.wire import Hubs, SentSet


class Post(NamedTuple):
    """One POST to /v1/readings."""

    patient: Patient  # whose hub sends it
    body: bytes  # JSON: one set as an object, more as an array


def bulk(
    patients: Sequence[Patient], start: datetime, every: timedelta, seed: int, per_post: int = 1
) -> Iterator[Post]:
    """Posts of `per_post` sets each, for ever, each hub in its turn.

    Every patient takes a set each `every`, at a moment of their own, from `start` on: after `n` sets in all,
    `taken_at` has come to `start + every * n / len(patients)`. With one set to a post it rises from post to
    post, but for clocks that are wrong. Holds `len(patients) * per_post` sets in memory.

    Raises ValueError for no patients, `every` under 1 s, `per_post` outside 1 to 1,000, a naive start.
    """
    if not patients or every < timedelta(seconds=1) or not 1 <= per_post <= 1000 or start.tzinfo is None:
        raise ValueError("needs patients, sets 1 s apart or more, 1 to 1,000 to a post, a start with an offset")
    encode = msgspec.json.Encoder().encode
    hubs = Hubs(patients, seed)
    moment_s = np.floor(hubs.dice.uniform(1)[:, 0] * every.total_seconds())
    turn = np.argsort(moment_s, kind="stable")
    round_s = start.timestamp()
    while True:
        rounds: list[list[SentSet]] = []
        for _ in range(per_post):
            seconds = np.rint(round_s + moment_s)
            rounds.append(hubs.sets(turn, seconds, hubs.bodies.at(seconds)))
            round_s += every.total_seconds()
        for row, sets in zip(turn, zip(*rounds, strict=True), strict=True):
            yield Post(patients[row], encode(sets[0] if per_post == 1 else sets))
