"""The pages as the application mounts them, with what is refused said as a page."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response, Router
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from monitoring import problems
from monitoring.access.gate import EVERYBODY
from monitoring.pages import (
    alert,
    aside,
    beds,
    board,
    break_glass,
    equity,
    kit,
    news,
    patient,
    plan,
    rules,
    signing_in,
    signing_in_oidc,
    ucr,
)
from monitoring.pages.rendering import ASSETS, page
from monitoring.problems import Problem
from monitoring.refusals import NotAuthenticated

PARTS: Final = (
    signing_in, signing_in_oidc, news, board, alert, patient, plan, ucr, beds, equity, kit, aside, break_glass, rules,
)  # fmt: skip
TITLES: Final = {
    403: "You may not see this",
    404: "There is no such page",
    503: "The service is not available now",
}


def pages() -> list[Router]:
    """Routers for the application: the pages, and what they are made with."""
    told = {kind: _told(handler) for kind, handler in problems.handlers().items()}
    handlers: dict[type[Exception] | int, Any] = told | {NotAuthenticated: _to_sign_in}
    assets = create_static_files_router(
        path="/assets", directories=[ASSETS], opt={"allows": EVERYBODY}, include_in_schema=False
    )
    return [
        Router(
            "/",
            route_handlers=[handler for part in PARTS for handler in part.ROUTES],
            exception_handlers=handlers,
        ),
        assets,
    ]


def _to_sign_in(request: Any, _: Exception) -> Response[Any]:
    """Nobody is signed in here, or not any more: they come back to where they wanted to go."""
    path = request.scope["path"] if request.scope["method"] == "GET" else "/"
    return Redirect(f"/sign-in?next={quote(path)}", status_code=303)


def _told(handler: Callable[[Any, Any], Response[bytes]]) -> Callable[[Any, Exception], Response[str]]:
    def tell(request: Any, error: Exception) -> Response[str]:
        said = handler(request, error)
        problem = msgspec.json.decode(said.content, type=Problem)
        detail = problem.detail or "; ".join(f"{one.field}: {one.reason}" for one in problem.errors) or problem.title
        title = TITLES.get(problem.status, problem.title)
        return page("refused.html", status=problem.status, headers=dict(said.headers), title=title, detail=detail)

    return tell
