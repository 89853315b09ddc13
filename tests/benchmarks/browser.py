"""A real Chromium that is signed in, to measure what only a browser can tell."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.figures import BenchmarkError
from tests.browser.conftest import found_chromium


@contextmanager
def opened(url: str, token: str) -> Iterator[Page]:
    """A page of it. Raises BenchmarkError where no Chromium is on the PATH."""
    if (chromium := found_chromium()) is None:
        raise BenchmarkError("no Chromium is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page(base_url=url, extra_http_headers={"Authorization": f"Bearer {token}"})
        browser.close()
