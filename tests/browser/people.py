"""People who look at the pages of a ward, each at a browser of their own."""

from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from monitoring.access.gate import COOKIE
from monitoring.access.roles import Role
from tests.monitoring.api import Api
from tests.monitoring.visitor import Visitor

DESK = {"width": 1400, "height": 1000}
PHONE = {"width": 390, "height": 844}
ZOOMED = {"width": 320, "height": 250}
"""A desk's window as the page sees it when somebody has zoomed to 400 %."""
A4 = {"width": 718, "height": 1047}
"""A page of paper between margins of a centimetre, at 96 px to an inch."""
PATIENCE_MS = 15_000
"""For what comes live: a second on a quiet machine."""


@dataclass
class House:
    """Where the pages are served, and who has one open."""

    api: Api
    browser: Browser
    url: str
    thrown: list[str] = field(default_factory=list)  # by scripts, and what the browser refused to run or load
    _open: list[BrowserContext] = field(default_factory=list)

    def sits_down(self, role: Role, path: str, *, at: dict[str, int] | None = None, clock: bool = False) -> Page:
        """Somebody of a role has signed in and opened a page. `clock`: the browser's can be turned."""
        context = self.browser.new_context(viewport=at or DESK, base_url=self.url)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        session = Visitor(self.api, self.api.ward.tokens[role]).session
        context.add_cookies([{"name": COOKIE, "value": session, "url": self.url, "sameSite": "Strict"}])
        self._open.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.thrown.append(str(error)))
        page.on("console", lambda said: self.thrown.append(said.text) if "Content Security" in said.text else None)
        if clock:
            page.clock.install()
        page.goto(path)
        return page

    def close(self) -> None:
        """Everybody goes."""
        for context in self._open:
            context.close()


def violations(page: Page) -> list[tuple[str, Any]]:
    """What axe-core finds against a page as it is shown now: the rule, and where."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]


def overflows(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


def reached_by_keyboard(page: Page, name: str, presses_max: int = 40) -> bool:
    """Press Tab until what has that name for a screen reader has the focus."""
    for _ in range(presses_max):
        page.keyboard.press("Tab")
        if (
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
            == name
        ):
            return True
    return False
