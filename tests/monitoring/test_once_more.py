"""What the database ended for reasons that pass is done once more."""

from collections.abc import Callable

import pytest
from sqlalchemy import TextClause, text

from monitoring.database import driver, once_more, transaction
from tests.monitoring.embedded.processes import eventually
from tests.ward import Ward
from tests.workers.records import rows


@pytest.mark.parametrize("by", [text, None], ids=["over SQLAlchemy", "over the driver"])
def test_work_whose_transaction_was_ended_while_it_stood_still_is_done_once_more(
    ward: Ward, by: Callable[[str], TextClause] | None
) -> None:
    tries: list[int] = []

    def work() -> int:
        with transaction(ward.engine) as session:
            tries.append(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
            if len(tries) == 1:
                session.execute(text("SET idle_in_transaction_session_timeout = 1"))
                there = "SELECT pid FROM pg_stat_activity WHERE pid = :pid"
                eventually(lambda: not rows(ward.engine, there, pid=tries[0]))
            if by is not None:
                return int(session.execute(by("SELECT 7")).scalar_one())
            (found,) = driver(session).execute("SELECT 7").fetchone() or (0,)
            return int(found)

    assert once_more(work) == 7
    assert len(set(tries)) == 2
