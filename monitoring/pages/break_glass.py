"""Emergency access as a page: a form for who may open a ward, and who opened which, why, and who was told."""

from typing import Any, Final

from litestar import Response, get

from monitoring.access.break_glass import accesses
from monitoring.access.permissions import MAY
from monitoring.access.roles import Role
from monitoring.acts import Incoming, look
from monitoring.clock import utc_now
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.service import service_of

SHOWN_MAX: Final = 50


@get("/break-glass", opt={"allows": "read break-glass"}, include_in_schema=False)
async def get_break_glass_page(request: Incoming) -> Response[str]:
    """The whole page."""
    who = request.user
    found = (await look(request, lambda act: accesses(act, None, SHOWN_MAX, None))).items
    await goes_on(request)
    is_unregistered = who.role is Role.CLINICIAN and not who.registered
    may_read = who.role in MAY["read patients"]
    return page(
        "break_glass.html", me=who, at=utc_now(), accesses=found,
        seen={one.ward for one in found if may_read and who.may_see(one.ward)} | who.opened,
        may_open=who.role in MAY["break glass"] and not is_unregistered,
        minutes=service_of(request).settings.break_glass_minutes,
    )  # fmt: skip


ROUTES: list[Any] = [get_break_glass_page]
