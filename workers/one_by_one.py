"""Many in one transaction, and where one of them fails, each by itself: so that it stands in nobody's way."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Engine, TextClause

from monitoring.database import once_more, transaction
from workers.mishaps import CULPRITS, will_pass


def together_or_each(
    engine: Engine,
    do: Callable[[int | None], int],
    who: tuple[TextClause, Mapping[str, Any]],
    put_off: Callable[[int, BaseException], None],
) -> int:
    """Do what is due, all of it (None), else each key that `who` finds. Returns how many were looked at.

    What will pass, such as a database that is away, is raised; of what will not, the key is put off.
    """
    try:
        return once_more(partial(do, None))
    except CULPRITS as error:
        if will_pass(error):
            raise
    with transaction(engine) as session:
        due = list(session.scalars(*who))
    for key in due:
        try:
            once_more(partial(do, key))
        except CULPRITS as error:
            if will_pass(error):
                raise
            put_off(key, error)
    return len(due)
