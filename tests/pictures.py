"""`make pictures`: the pictures of the README, taken of the demo in a real browser: docs/pictures/*.png.

python -m tests.pictures [--port 8391] [--into FOLDER]

Beside them is written what they were taken of: a test fails where the pages look otherwise since. CI takes them into a
folder of its own, so that the script works when somebody needs it.
"""

import argparse
import io
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from monitoring.pages.rendering import ASSETS, TEMPLATES
from tests.browser.conftest import found_chromium

FOLDER: Final = Path(__file__).parents[1] / "docs" / "pictures"
TAKEN_OF: Final = "taken-of.txt"
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


def looks() -> str:
    """What the pages look like, in one number: of every template, style and script."""
    found = sha256()
    for path in sorted((*TEMPLATES.iterdir(), *ASSETS.iterdir())):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


@contextmanager
def demo(port: int) -> Iterator[Demo]:
    """A demo of 14 patients, once its staff have their tokens."""
    command = [str(Path(sys.executable).parent / "virtual-ward"), "demo", "--port", str(port), "--patients", "14"]
    with tempfile.NamedTemporaryFile() as log:
        running = subprocess.Popen([*command, "--speed", "200"], stdout=log, stderr=log)

        def tokens() -> dict[str, str]:
            return dict(TOKEN.findall(Path(log.name).read_text()))

        try:
            wait(lambda: len(tokens()) >= 5, BEGINS_WITHIN_S)
            yield Demo(f"http://127.0.0.1:{port}", tokens())
        finally:
            running.send_signal(signal.SIGINT)
            running.wait()


def wait(condition: Callable[[], bool], within_s: float) -> None:
    """Until it holds; a demo where it never does is no demo."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise SystemExit("The demo does not come to what is to be shown.")
        time.sleep(0.5)


def take_all(shown: Demo, browser: Browser, into: Path) -> None:
    """Every picture."""
    nurse, wide = "clinician", DESK
    alert = shown.first("/v1/alerts", nurse, state="open", severity="red")
    with looking(shown, browser, nurse, f"/alerts/{alert['id']}", wide) as page:
        take(page, into / "alert.png")
    with looking(shown, browser, nurse, f"/wards/{alert['ward']}", PHONE) as page:
        take(page, into / "board-phone.png")
    shown.first("/v1/ucr/referrals", "ucr", state="dispatched")
    with looking(shown, browser, "ucr", "/ucr", PHONE) as page:
        take(page, into / "ucr-phone.png")
        page.emulate_media(color_scheme="dark")
        take(page, into / "ucr-phone-dark.png")
    with looking(shown, browser, "engineer", "/kit", wide) as page:
        take(page, into / "kit.png")
    with looking(shown, browser, "coordinator", "/beds", wide) as page:
        take(page, into / "beds.png")
    with looking(shown, browser, nurse, f"/wards/{alert['ward']}", wide) as page:
        take(page, into / "board.png")
        page.emulate_media(color_scheme="dark")
        take(page, into / "board-dark.png")


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


def take(page: Page, file: Path) -> None:
    """A small picture of what is in the window."""
    with Image.open(io.BytesIO(page.screenshot())) as taken:
        taken.convert("RGB").quantize(COLOURS).save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """A demo of our own on a port of its own, looked at in the Chromium of this machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=take_all.__doc__)
    parser.add_argument("--port", type=int, default=PORT, help="of the demo")
    parser.add_argument("--into", type=Path, default=FOLDER, metavar="FOLDER", help="where the pictures go")
    asked = parser.parse_args()
    chromium = found_chromium()
    if chromium is None:
        raise SystemExit("No Chromium is on the PATH.")
    asked.into.mkdir(exist_ok=True)
    seen = looks()
    with sync_playwright() as playwright, demo(asked.port) as shown:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take_all(shown, browser, asked.into)
        browser.close()
    (asked.into / TAKEN_OF).write_text(f"{seen}\n")


if __name__ == "__main__":
    main()
