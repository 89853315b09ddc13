"""Somebody at a browser, as far as a test needs none: signed in, opening pages and sending forms."""

import re
from html import unescape

from monitoring.access.gate import COOKIE
from tests.monitoring.api import Answer, Api

FROM_ELSEWHERE = re.compile(r"(?:src|href|action)=\"(?!/|#|\?|tel:)[^\"]*\"")
INLINE = re.compile(r"<script(?![^>]*src=)|\son[a-z]+=\"|\sstyle=\"|<style")


class Visitor:
    """Somebody who has signed in."""

    def __init__(self, api: Api, token: str) -> None:
        self.api = api
        api.client.cookies.clear()
        answer = api.client.post("/sign-in", data={"token": token}, follow_redirects=False)
        self.session = answer.cookies[COOKIE]

    def opens(self, path: str, status: int = 200) -> str:
        """A page's text: no script and no style in it, and nothing from another site."""
        return self._said(self.asks("GET", path), status)

    def sends(self, path: str, form: dict[str, str], status: int = 200) -> str:
        """The text of the page that answers a form."""
        return self._said(self.asks("POST", path, form), status)

    def asks(self, method: str, path: str, form: dict[str, str] | None = None, accept: str = "*/*") -> Answer:
        """What a browser is answered, redirections as they are."""
        self.api.client.cookies.clear()
        headers = {"Cookie": f"{COOKIE}={self.session}", "Sec-Fetch-Site": "same-origin", "Accept": accept}
        return self.api.client.request(method, path, headers=headers, data=form, follow_redirects=False)

    def _said(self, answer: Answer, status: int) -> str:
        assert answer.status_code == status, answer.text
        if status < 300 or status >= 400:
            assert answer.headers["content-security-policy"].startswith("default-src 'self'")
            assert answer.headers["cache-control"] == "no-store"
            assert INLINE.findall(answer.text) == []
            assert FROM_ELSEWHERE.findall(answer.text) == []
        return re.sub(r"\s+", " ", unescape(answer.text))
