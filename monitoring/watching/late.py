"""How late the oldest of what the timekeeper owes is: a ladder's step, a message. Each is one look at an index."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

STEP_LATE: Final = timedelta(seconds=30)
"""Steps are taken within half a second, and one that cannot be taken is put off. The design's own."""

MESSAGE_LATE: Final = timedelta(seconds=60)
"""Messages to one address go one by one, five seconds each where it hangs. The design's own."""

_LATE: Final = text(
    """
    SELECT (SELECT min(due_at) FROM escalation WHERE due_at IS NOT NULL) AS step,
           least((SELECT min(next_at) FROM message WHERE state = 'pending'),
                 (SELECT min(lease_until) FROM message WHERE state = 'sending')) AS message
    """
)


def late(session: Session, now: datetime) -> tuple[timedelta, timedelta]:
    """How late the oldest step and the oldest message are; nothing where none is."""
    step, message = session.execute(_LATE).one()
    nothing = timedelta(0)
    return (
        nothing if step is None else max(nothing, now - step),
        nothing if message is None else max(nothing, now - message),
    )
