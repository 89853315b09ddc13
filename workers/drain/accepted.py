"""What was accepted of the patients of a batch, and when: looked up only of stays that ever had such a value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from alert_rules.accepted import Accepted
from monitoring.accepted.views import as_rule
from monitoring.bulk import as_array


@dataclass(frozen=True, slots=True)
class AcceptedFor:
    """A value that was accepted of a patient, and from when until when it held."""

    since: datetime
    until: datetime
    what: Accepted


_ACCEPTED: Final = """
SELECT episode_id, from_at, least(until_at, withdrawn_at), vital, up, value, staff.name, until_at
FROM accepted_value JOIN staff ON staff.id = accepted_value.by
WHERE episode_id = ANY(%s::bigint[]) ORDER BY episode_id, accepted_value.id
"""
"""Of stays that ever had one. One holds at a time; a late set is held against the one of its own time."""


def accepted_by_stay(connection: psycopg.Connection, episodes: Sequence[int]) -> Iterator[tuple[int, AcceptedFor]]:
    """Each value that was ever accepted in these stays, with its stay. One query, and none where there are none."""
    if not episodes:
        return
    for episode_id, since, until, *what in connection.execute(_ACCEPTED, (as_array(episodes),)).fetchall():
        yield episode_id, AcceptedFor(since, until, as_rule(*what))
