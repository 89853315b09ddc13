"""One Chromium for all tests of a run, a server of the ward's own, and people who sign in at it."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from tests.browser.people import House
from tests.monitoring.api import Api
from tests.monitoring.live_server import serving
from tests.ward import Ward

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def found_chromium() -> str | None:
    """Where this machine has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")  # and no longer: while it runs, nothing else in the process can run an event loop
def chromium() -> Iterator[Browser]:
    """The browser's one process."""
    found = found_chromium()
    if found is None:
        pytest.skip(f"no Chromium is on the PATH ({', '.join(NAMES)}): install one to test the pages in it")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"{found} does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def house(ward: Ward, chromium: Browser) -> Iterator[House]:
    """The ward, served; whatever its pages threw fails the test."""
    with Api(ward) as api, serving(ward.settings) as url:
        house = House(api, chromium, url)
        yield house
        house.close()
    assert house.thrown == []
