"""`make pictures`: the pictures of the README, taken of the demo in a real browser: docs/pictures/*.png.

python -m tests.pictures [--port 8391]
"""

import io
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER: Final = Path(__file__).parents[1] / "docs" / "pictures"
PORT: Final = 8391
DESK: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}
COLOURS: Final = 128
"""A page has few: the pictures are a third as large, and look the same."""
BEGINS_WITHIN_S: Final = 180.0
HAPPENS_WITHIN_S: Final = 300.0
TOKEN: Final = re.compile(r"^  (\w+) +(vws_\S+)", re.MULTILINE)


class Demo:
    """A demo that runs, as its printed tokens let one look at it."""

    def __init__(self, url: str, tokens: dict[str, str]) -> None:
        self.url, self.tokens = url, tokens

    def first(self, path: str, role: str, **filters: str) -> dict[str, Any]:
        """The newest of a list, as soon as there is one."""
        found: list[dict[str, Any]] = []

        def there_is() -> bool:
            headers = {"Authorization": f"Bearer {self.tokens[role]}"}
            found[:] = httpx.get(self.url + path, params=filters, headers=headers).json()["items"]
            return bool(found)

        wait(there_is, HAPPENS_WITHIN_S)
        return found[0]


@contextmanager
def demo(port: int) -> Iterator[Demo]:
    """A demo of 14 patients, once its staff have their tokens."""
    command = [str(Path(sys.executable).parent / "virtual-ward"), "demo", "--port", str(port), "--patients", "14"]
    said = FOLDER.parent / "pictures.log"
    with said.open("w+") as log, subprocess.Popen([*command, "--speed", "200"], stdout=log, stderr=log) as running:
        try:
            wait(lambda: len(TOKEN.findall(said.read_text())) >= 5, BEGINS_WITHIN_S)
            yield Demo(f"http://127.0.0.1:{port}", dict(TOKEN.findall(said.read_text())))
        finally:
            running.send_signal(signal.SIGINT)
            running.wait()
            said.unlink()


def wait(condition: Callable[[], bool], within_s: float) -> None:
    """Until it holds; a demo where it never does is no demo."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise SystemExit("The demo does not come to what is to be shown.")
        time.sleep(0.5)


def take_all(shown: Demo, browser: Browser) -> None:
    """Every picture."""
    nurse, wide = "clinician", DESK
    alert = shown.first("/v1/alerts", nurse, state="open", severity="red")
    with looking(shown, browser, nurse, f"/alerts/{alert['id']}", wide) as page:
        take(page, "alert")
    with looking(shown, browser, nurse, f"/wards/{alert['ward']}", PHONE) as page:
        take(page, "board-phone")
    shown.first("/v1/ucr/referrals", "ucr", state="dispatched")
    with looking(shown, browser, "ucr", "/ucr", PHONE) as page:
        take(page, "ucr-phone")
    with looking(shown, browser, "coordinator", "/beds", wide) as page:
        take(page, "beds")
    with looking(shown, browser, nurse, f"/wards/{alert['ward']}", wide) as page:
        take(page, "board")
        page.emulate_media(color_scheme="dark")
        take(page, "board-dark")


@contextmanager
def looking(shown: Demo, browser: Browser, role: str, path: str, size: dict[str, int]) -> Iterator[Page]:
    """Somebody has signed in and looks at a page that is live."""
    context = browser.new_context(viewport=size, base_url=shown.url)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"/sign-in?next={path}")
    page.fill("#token", shown.tokens[role])
    page.click("text=Sign in >> visible=true >> nth=-1")
    page.wait_for_url(f"**{path}")
    page.wait_for_selector("#link.on")
    page.wait_for_load_state("load")
    yield page
    context.close()


def take(page: Page, name: str) -> None:
    """A small picture of what is in the window."""
    with Image.open(io.BytesIO(page.screenshot())) as taken:
        taken.convert("RGB").quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)
    print(f"{name}.png: {(FOLDER / f'{name}.png').stat().st_size / 1000:.0f} kB")


def main() -> None:
    """A demo of our own on a port of its own, looked at in the Chromium of this machine."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium is on the PATH.")
    FOLDER.mkdir(exist_ok=True)
    port = int(sys.argv[sys.argv.index("--port") + 1]) if "--port" in sys.argv else PORT
    with sync_playwright() as playwright, demo(port) as shown:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take_all(shown, browser)
        browser.close()


if __name__ == "__main__":
    main()
