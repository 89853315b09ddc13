"""An issuer that says what a test tells it to: whatever a real one never would."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from monitoring.clock import utc_now

CLIENT_ID = "virtual-ward"
KEYS = [RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in ("one", "two")]


@dataclass
class Hostile:
    """What it says. `claims`: None leaves one out, a timedelta is from now on. `published`: keys that it admits to.

    `raw` stands instead of an ID token that it signs; `secret` signs by HS256 instead of its key.
    """

    issuer: str = ""
    nonce: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    key: Any = field(default_factory=lambda: KEYS[0])
    published: list[RSAKey] = field(default_factory=lambda: [KEYS[0]])
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: {"sub": "s-1"})
    raw: str | None = None
    secret: bytes | None = None
    posted: list[dict[str, str]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        """What this service is told of it."""
        return {
            "oidc_issuer": self.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": "secret",
            "public_url": "http://testserver.local", "oidc_name": "the issuer",
        }  # fmt: skip

    def id_token(self) -> str:
        """Signed as it was told."""
        if self.raw is not None:
            return self.raw
        now = int(utc_now().timestamp())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "s-1", "nonce": self.nonce, "iat": now, "exp": now + 300,
            "auth_time": now, "acr": "AAL3_ANY", "amr": ["N3_SMARTCARD"],
        } | self.claims  # fmt: skip
        said = {
            name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
            for name, value in claims.items()
            if value is not None
        }
        if self.secret is not None:
            return signed_with(self.secret, said)
        return jwt.encode(self.header, said, self.key, algorithms=[self.header["alg"]])

    def answer(self, path: str) -> object:
        """What stands at a path."""
        self.fetched.append(path)
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            }
            | self.metadata,
            "/keys": KeySet(list(self.published)).as_dict(private=False),
            "/userinfo": self.userinfo,
        }[path]


def signed_with(secret: bytes, claims: dict[str, Any]) -> str:
    """HS256, by hand: joserfc does not let a public key be a secret."""
    parts = ({"alg": "HS256", "kid": "one"}, claims)
    said = b".".join(_base64(json.dumps(part).encode()) for part in parts)
    return (said + b"." + _base64(hmac.digest(secret, said, "sha256"))).decode()


def _base64(said: bytes) -> bytes:
    return urlsafe_b64encode(said).rstrip(b"=")


@contextmanager
def hostile() -> Iterator[Hostile]:
    """One that serves."""
    issuer = Hostile()

    class Serves(BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:
            """Metadata, keys, userinfo."""
            self._say(issuer.answer(self.path))

        def do_POST(self) -> None:
            """The token endpoint."""
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            issuer.posted.append({name: values[0] for name, values in form.items()})
            self._say({"access_token": "a", "token_type": "Bearer", "id_token": issuer.id_token()})

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Nobody reads it."""

        def _say(self, body: object) -> None:
            said = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

    with ThreadingHTTPServer(("127.0.0.1", 0), Serves) as server:
        issuer.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
