"""The provider's process, and people who sign in at it with a browser of their own."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from socket import socket
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from joserfc.jwk import RSAKey

from tests.monitoring.api import Answer, Api
from tests.monitoring.outages import until
from tests.oidc.provider import CLIENT_ID, CLIENT_SECRET, PASSWORD

OURS: Final = "http://testserver.local"
"""Where this service is in tests without a browser."""

PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "joy": {"name": "Sister Joy", "email": "joy@nhs.example", "email_verified": True},
    "ivy": {"name": "Ivy", "email": "joy@nhs.example", "email_verified": False},
    "cis2": {
        "name": "ADEYEMI Joy (Mx)",
        "given_name": "Joy",
        "nhsid_useruid": "555036632103",
        "selected_roleid": "111",
        "nhsid_nrbac_roles": [
            {"person_roleid": "111", "org_code": "RXX", "role_code": "S8000:G8000:R8001", "role_name": "Nurse"},
            {"person_roleid": "222", "org_code": "RYY", "role_code": "S8001:G8005:R8000", "role_name": "Clinical"},
        ],
    },
    "nobody": {"name": "Somebody Else"},
}


@dataclass
class Provider:
    """A provider that runs, can be stopped and started again with its people, and can change its key."""

    folder: Path
    port: int
    ours: str  # where this service is
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def issuer(self) -> str:
        """As it names itself."""
        return f"http://localhost:{self.port}/o"  # another site than ours: browsers keep the two apart

    @property
    def settings(self) -> dict[str, Any]:
        """What this service is told of it."""
        return {
            "oidc_issuer": self.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET,
            "public_url": self.ours, "oidc_name": "the provider",
        }  # fmt: skip

    def says(self, name: str, **claims: Any) -> None:
        """Of somebody from now on."""
        file = self.folder / "people.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {name: PEOPLE[name] | claims}))

    def change_key(self) -> None:
        """From its next start on it signs by another one."""
        (self.folder / "key.pem").write_bytes(RSAKey.generate_key(2048).as_pem(private=True))

    def start(self) -> None:
        """Until it answers."""
        command = [sys.executable, "-m", "tests.oidc.provider", str(self.folder), str(self.port)]
        self._process = subprocess.Popen(command, env=os.environ | {"PYTHONWARNINGS": "ignore"})
        until(self._answers, within_s=60)

    def stop(self) -> None:
        """It is away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the provider does not start"
        try:
            return httpx.get(f"{self.issuer}/.well-known/openid-configuration").status_code == 200
        except httpx.TransportError:
            return False


def free_port() -> int:
    """One that nobody listens on now."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def provider(ours: str = OURS) -> Iterator[Provider]:
    """One with its people, in a folder of its own, for this service at that address."""
    folder = Path(tempfile.mkdtemp(prefix="vw-oidc-"))
    made = Provider(folder, free_port(), ours)
    try:
        made.change_key()
        (folder / "ours").write_text(ours)
        (folder / "people.json").write_text(json.dumps(PEOPLE))
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


class Somebody:
    """Somebody at a browser: cookies of the provider in one jar, of ours in another."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.cookies: dict[str, str] = {}  # ours
        self._there = httpx.Client()

    def asks(self, path: str, method: str = "GET", **options: Any) -> Answer:
        """Something of us, redirections as they are."""
        self.api.client.cookies.clear()
        said = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": said, "Sec-Fetch-Site": "same-origin"} | options.pop("headers", {})
        answer = self.api.client.request(method, path, headers=headers, follow_redirects=False, **options)
        self.cookies |= dict(answer.cookies)
        return answer

    def leaves(self, path: str = "/sign-in/oidc") -> str:
        """The address of the provider to which we send them."""
        answer = self.asks(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def signs_in_there(self, address: str, name: str) -> str:
        """Through the provider's own pages, and the address by which it sends them back to us."""
        for _ in range(10):
            answer = self._there.get(address)
            if answer.status_code == 200:
                token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)[0]
                wanted = re.findall(r'name="next" value="([^"]*)"', answer.text)[0]
                form = {"csrfmiddlewaretoken": token, "username": name, "password": PASSWORD, "next": unescape(wanted)}
                answer = self._there.post(address, data=form)
            assert answer.status_code == 302, answer.text
            address = urljoin(address, answer.headers["location"])
            if address.startswith(OURS):
                return address.removeprefix(OURS)
        raise AssertionError("the provider sends round in circles")

    def goes_there(self, address: str) -> str:
        """Where the provider sends them on to from an address of its."""
        return self._there.get(address).headers["location"]

    def signs_in(self, name: str, path: str = "/sign-in/oidc") -> Answer:
        """The whole way there and back."""
        return self.asks(self.signs_in_there(self.leaves(path), name))


def asked(address: str) -> dict[str, str]:
    """What an address asks."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
