"""What does not work, on every page that is looked at all day: a stopped worker must never look like a quiet ward."""

from anyio import to_thread

from monitoring.acts import Incoming
from monitoring.clock import utc_now
from monitoring.health import Part, database_parts, queue_part, unscored_part
from monitoring.service import Service, service_of


async def every_part(request: Incoming) -> dict[str, Part]:
    """How each part of the installation is, as this process sees it."""
    return await to_thread.run_sync(_parts, service_of(request))


async def what_is_unwell(request: Incoming) -> dict[str, Part]:
    """The parts that are not well."""
    return {name: part for name, part in (await every_part(request)).items() if part.status != "ok"}


def _parts(service: Service) -> dict[str, Part]:
    now = utc_now()
    parts = database_parts(service.engine, now)
    parts["queue"], parts["unscored"] = queue_part(service.durability), unscored_part(service.backlog, now)
    return parts
