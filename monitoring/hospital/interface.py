"""In whose name a hospital's messages are worked off: a member of staff of role `interface`, one per device.

It has no token and is on no duty; what the device does stands in every history under its name.
"""

from sqlalchemy import select
from sqlmodel import col

from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.access.tokens import Caller
from monitoring.acts import Act
from monitoring.kit.tables import Device


def acting_for(act: Act, device: Device) -> Act:
    """The same act, done by the device's own member of staff. Whoever comes here has locked out other messages."""
    found: Staff | None = act.session.execute(
        select(Staff).where(col(Staff.device_id) == device.id)
    ).scalar_one_or_none()
    if found is None:
        found = Staff(
            name=f"{device.kind} {device.serial}", role=Role.INTERFACE, created_at=act.now, device_id=device.id
        )
        act.session.add(found)
        act.session.flush()
    who = Caller(act.who.token, found.id, found.public_id, found.name, Role.INTERFACE)
    return Act(act.session, who, act.now)
