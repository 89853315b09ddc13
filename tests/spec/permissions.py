"""The page on who may do what: the one table that the gate goes by, and which routes ask for which permission."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from litestar import Litestar
from litestar.routes import HTTPRoute

from monitoring.access.permissions import DEVICE_MAY, MAY, OPENED_MAY, PROVIDED, PROVIDER_MAY, WATCHED_BY
from monitoring.access.roles import Role
from monitoring.app import make_app
from monitoring.config import Settings
from tests.spec.markdown import table

_PAGE: Final = """\
# Who may do what

Written by `python -m tests.spec.render` from `monitoring/access/permissions.py: MAY` and from the routes themselves. A
test walks every route with every role, and with nobody (`tests/monitoring/test_access.py`); another every route that
names something of a ward, with every role of another ward (`tests/monitoring/test_other_wards.py`).

Nothing is allowed that does not stand here: a route names the permission that it asks for, and one that names none is
closed. Who may is judged before what was sent is looked at.

* No token, or none that is valid: 401. The role may not: 403, also for a ward that the address names and that is not
  the caller's. An object of a ward that is not theirs: 404, as if it were not there.
* Every permission is one on the caller's own wards; staff of whom no ward is named work on all of them. UCR teams see
  the referrals to their teams.
* Whoever opened a ward in an emergency may there, for an hour, whatever their role: {opened}.
* A provider of text messages may, with the token from the settings: {provider}.
* Live, everybody who may watch hears only what they may read: {watched}.

## Roles

{may}

## What else is asked

{provided}

## Routes

{routes}
"""

STAFF: Final = [role for role in Role if role is not Role.INTERFACE]
"""Who can have a token: a hospital's system comes as a device."""


def permissions() -> str:
    """The page on who may do what."""
    return _PAGE.format(
        opened=", ".join(sorted(OPENED_MAY)),
        provider=", ".join(sorted(PROVIDER_MAY)),
        watched=", ".join(f"{kind} by *{asked}*" for kind, asked in WATCHED_BY.items()),
        may=table(("", *STAFF, "device"), [(what, *_marks(what)) for what in sorted({*MAY, *DEVICE_MAY})]),
        provided=table(
            ("", "Besides", "Judged by"), [(what, said, f"`{at}`") for what, (said, at) in PROVIDED.items()]
        ),
        routes=table(("", "Routes"), [(what, " ".join(sorted(routes))) for what, routes in sorted(_routes().items())]),
    )


def _marks(what: str) -> Iterator[str]:
    for role in STAFF:
        yield "●" if role in MAY.get(what, ()) else ""
    yield "●" if what in DEVICE_MAY else ""


def _routes() -> dict[str, list[str]]:
    """By permission, the routes that ask for it."""
    asking = defaultdict(list)
    app: Litestar = make_app(Settings(database_url="postgresql://nowhere/x", queue_url="redis://nowhere"))
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods - {"OPTIONS"}:
                    asking[handler.opt["allows"]].append(f"`{method} {route.path_format}`")
    return asking
