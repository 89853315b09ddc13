"""What the database ended for reasons that pass is done once more."""

from sqlalchemy import text

from monitoring.database import once_more, transaction
from tests.monitoring.embedded.processes import eventually
from tests.ward import Ward
from tests.workers.records import rows


def test_work_whose_transaction_was_ended_while_it_stood_still_is_done_once_more(ward: Ward) -> None:
    tries: list[int] = []

    def work() -> int:
        with transaction(ward.engine) as session:
            tries.append(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
            if len(tries) == 1:
                session.execute(text("SET idle_in_transaction_session_timeout = 1"))
                there = "SELECT pid FROM pg_stat_activity WHERE pid = :pid"
                eventually(lambda: not rows(ward.engine, there, pid=tries[0]))
            return int(session.execute(text("SELECT 7")).scalar_one())

    assert once_more(work) == 7
    assert len(set(tries)) == 2
