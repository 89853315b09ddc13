"""Pagers: a small receiver of signed webhooks in the demo's own process, one address for each who is told."""

import json
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

BODY_BYTES_MAX: Final = 100_000
SECRET_BYTES: Final = 32


@dataclass(slots=True)
class Pagers:
    """Who carries one, by path; `ring` hears who is paged, and what the message says."""

    port: int
    secret: str
    owners: dict[str, str] = field(default_factory=dict)
    ring: Callable[[str, dict[str, Any]], None] = lambda *_: None

    def give(self, path: str, owner: str) -> dict[str, str]:
        """A pager for somebody: where it is reached, and the secret that signs what is sent there."""
        self.owners[path] = owner
        return {"to": f"http://127.0.0.1:{self.port}/{path}", "secret": self.secret}

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """A message comes; the HTTP status to answer."""
        owner = self.owners.get(path)
        if owner is None:
            return 404
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            return 401
        self.ring(owner, json.loads(body))
        return 204


@contextmanager
def paging() -> Iterator[Pagers]:
    """Pagers, while they are switched on."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take a message."""
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            fits = 0 <= length <= BODY_BYTES_MAX
            self.send_response(pagers.take(self.path.lstrip("/"), headers, self.rfile.read(length)) if fits else 413)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the story tells what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pagers = Pagers(server.server_port, f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}")
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="pagers", daemon=True)
    thread.start()
    try:
        yield pagers
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
