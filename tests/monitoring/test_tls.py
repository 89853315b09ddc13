"""`serve` over https, as a process of its own: who is let in, and what every answer carries."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import httpx
import pytest
import trustme

from monitoring.config import PREFIX, Settings, WrongSetting, read_settings
from monitoring.parts import answers
from tests.monitoring.api import Api, for_tests
from tests.monitoring.outages import until
from tests.ward import Ward

HSTS = "max-age=63072000"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs certificates."""
    return trustme.CA()


@pytest.fixture
def certified(ward: Ward, authority: trustme.CA, tmp_path: Path) -> Settings:
    """Settings with a certificate."""
    certificate, key = tmp_path / "ward.pem", tmp_path / "ward.key"
    shown = authority.issue_cert("ward.example", "127.0.0.1")
    certificate.write_bytes(b"".join(one.bytes() for one in shown.cert_chain_pems))
    shown.private_key_pem.write_to_path(key)
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return for_tests(ward.settings, port=port, tls_certificate=certificate, tls_key=key)


@contextmanager
def serving(settings: Settings, *, trusting: trustme.CA) -> Iterator[httpx.Client]:
    """`serve` in a process of its own, and a client that trusts an authority and shows no certificate."""
    env = {f"{PREFIX}{name.upper()}": str(value) for name, value in settings if value is not None}
    process = subprocess.Popen([sys.executable, "-m", "monitoring.serve"], env=os.environ | env)
    try:
        until(lambda: process.poll() is not None or _listens(settings.port), within_s=60)
        context = ssl.create_default_context()
        trusting.configure_trust(context)
        with httpx.Client(base_url=f"https://127.0.0.1:{settings.port}", verify=context) as client:
            yield client
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_serve_speaks_https_and_tells_browsers_to_stay_there(certified: Settings, authority: trustme.CA) -> None:
    with serving(certified, trusting=authority) as client:
        answer = client.get("/health/live")
        assert (answer.status_code, answer.headers["strict-transport-security"]) == (200, HSTS)
        until(lambda: answers(certified.port, certificate=certified.tls_certificate))
        assert not answers(certified.port)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{certified.port}/health/live")


def test_where_hubs_show_certificates_nobody_else_is_let_in(
    certified: Settings, authority: trustme.CA, tmp_path: Path
) -> None:
    hubs, strangers = trustme.CA(), trustme.CA()
    hubs.cert_pem.write_to_path(str(tmp_path / "hubs.pem"))
    theirs = certified.model_copy(update={"tls_client_ca": tmp_path / "hubs.pem"})
    with serving(theirs, trusting=authority) as client:
        for shown in (None, strangers, hubs):
            context = ssl.create_default_context()
            authority.configure_trust(context)
            if shown is not None:
                shown.issue_cert("hub-1.example").configure_cert(context)
            if shown is hubs:
                assert httpx.get(f"{client.base_url}/health/live", verify=context).status_code == 200
            else:
                with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                    httpx.get(f"{client.base_url}/health/live", verify=context)


def test_every_answer_of_the_api_is_kept_nowhere_and_taken_for_nothing_else(api: Api) -> None:
    for path, token in (("/v1/wards", None), ("/v1/wards", ""), ("/v1/no-such-thing", None)):
        headers = api.get(path, token=token).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert "strict-transport-security" not in headers


def test_no_other_site_is_let_in_by_its_origin(api: Api) -> None:
    elsewhere = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for answer in (api.call("OPTIONS", "/v1/wards", headers=elsewhere), api.get("/v1/wards", headers=elsewhere)):
        assert [name for name in answer.headers if name.startswith("access-control-")] == []


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"TLS_CERTIFICATE": __file__}, "TLS_CERTIFICATE and VIRTUAL_WARD_TLS_KEY go together"),
        ({"TLS_CLIENT_CA": __file__}, "TLS_CLIENT_CA needs VIRTUAL_WARD_TLS_CERTIFICATE"),
        ({"TLS_CERTIFICATE": "/no/such.pem"}, "TLS_CERTIFICATE: Path does not point to a file"),
    ],
)
def test_half_a_setting_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], refused: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(WrongSetting, match=refused):
        read_settings()
