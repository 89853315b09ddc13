"""How a page is made: a template, who is looking, and headers that let nothing in from elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response
from markupsafe import Markup

from monitoring.access import sessions
from monitoring.access.permissions import MAY
from monitoring.pages import words

FOLDER: Final = Path(__file__).parent
ASSETS: Final = FOLDER / "assets"
TEMPLATES: Final = FOLDER / "templates"

_pages: Final = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_pages.filters |= words.FILTERS
_pages.globals |= {
    "idle_s": int(sessions.IDLE.total_seconds()),
    "may": lambda who, what: who.role in MAY[what],
}

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # a page names patients: the next person at this browser finds none of it
}


def part(template: str, **shown: Any) -> Markup:
    """A part of a page, from a template and what it shows: to be sent by itself, or put into another."""
    return Markup(_pages.get_template(template).render(shown))  # noqa: S704 - the template escapes what it shows


def macro(template: str, name: str) -> Callable[..., Markup]:
    """What a template draws again and again."""
    found: Callable[..., Markup] = getattr(_pages.get_template(template).module, name)
    return found


def page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **shown: Any) -> Response[str]:
    """A page, or a part of one, from a template and what it shows."""
    made = _pages.get_template(template).render(shown)
    return Response(made, status_code=status, media_type=MediaType.HTML, headers=HEADERS | (headers or {}))
