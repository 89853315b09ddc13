"""What `virtual-ward check` says of the audit: whether it is sealed, and whether anybody signs."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, text

from monitoring.database import snapshot
from monitoring.health import Part

SEALED_WITHIN: Final = timedelta(minutes=1)
"""What waits longer is not sealed at all: a timekeeper seals once a second."""

_LOOK: Final = text("""
SELECT count(event.id) AS waiting, min(event.at) AS oldest, bool_or(newest.signature IS NOT NULL) AS signed
FROM (SELECT 1) AS one
LEFT JOIN (SELECT to_id, signature FROM audit_seal ORDER BY number DESC LIMIT 1) AS newest ON true
LEFT JOIN LATERAL (
    SELECT id, at FROM audit_event WHERE id > coalesce(newest.to_id, 0) ORDER BY id LIMIT :most
) AS event ON true
""")
_MOST: Final = 100_000


def audit_part(engine: Engine, now: datetime) -> Part:
    """Degraded where events wait for their seal: until then they can be altered without a trace."""
    with snapshot(engine) as session:
        row = session.execute(_LOOK, {"most": _MOST}).one()
    if row.oldest is not None and row.oldest < now - SEALED_WITHIN:
        return Part("degraded", f"{row.waiting} events wait to be sealed, since {row.oldest:%Y-%m-%d %H:%M:%S}Z")
    if row.signed:
        return Part("ok", "sealed and signed")
    return Part("ok", "sealed, not signed: VIRTUAL_WARD_AUDIT_SIGNING_KEY is not set, or nothing was sealed yet")
