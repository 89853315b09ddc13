"""Somebody is there: each page that they open keeps their session going."""

from anyio import to_thread

from monitoring.access.sessions import extend
from monitoring.acts import Incoming
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.service import service_of


async def goes_on(request: Incoming) -> None:
    """Let the caller's session go on from now."""
    service, caller = service_of(request), request.user

    def write() -> None:
        with transaction(service.engine) as session:
            extend(session, caller, utc_now())

    if caller.expires_at is not None:
        await to_thread.run_sync(write)
