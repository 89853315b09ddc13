"""Whether anybody hears what is wrong with the system, for `virtual-ward check`."""

from datetime import datetime

from sqlalchemy import Engine

from monitoring.config import Settings
from monitoring.database import DATABASE_ERRORS
from monitoring.health import Part
from monitoring.watching.engineers import Engineers, ways_to


def engineers_part(engine: Engine, settings: Settings, now: datetime) -> Part:
    """Degraded where wards are open and neither an engineer on duty nor the settings' address could be told."""
    engineers = Engineers()
    try:
        engineers.read(engine, now)
    except DATABASE_ERRORS as error:
        return Part("degraded", f"not known ({type(error).__name__})")
    count, has_address = len(engineers.on_duty(now)), bool(ways_to(settings))
    on_duty = f"{count} on duty can be told"
    if has_address:
        return Part("ok", f"{on_duty}, else the address of the settings")
    if count:
        return Part("ok", f"{on_duty}; no address is set for when none is, or for a start without the database")
    if not engineers.roster.wards:
        return Part("ok", "no ward is open")
    return Part("degraded", "nobody would be told what is wrong with the system: no engineer is on duty who can be")
