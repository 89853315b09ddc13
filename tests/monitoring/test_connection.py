"""What a connection may cost: requests that do not come whole, heads without an end, and what is no HTTP."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from monitoring.access.roles import Role
from monitoring.connection import ADDRESS_BYTES_MAX, HEAD_BYTES_MAX, Connection
from tests.monitoring.api import Api
from tests.monitoring.live_server import serving, watching
from tests.monitoring.outages import until
from tests.monitoring.steps import has_alert
from tests.ward import SICK, Ward

READ_S = 10.0


class Hurried(Connection):
    """A server that waits for a request no longer than a test."""

    comes_within_s = 0.3


@pytest.fixture
def url(ward: Ward) -> Iterator[str]:
    """A server on a port."""
    with serving(ward.settings, connection=Hurried) as url:
        yield url


def connected(url: str) -> socket.socket:
    """A connection to it."""
    at = urlsplit(url)
    return socket.create_connection((at.hostname, at.port), timeout=READ_S)


def said(client: socket.socket) -> bytes:
    """All that is answered until the server ends the connection."""
    pieces = []
    while piece := client.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


def problem(answer: bytes) -> dict[str, Any]:
    """The problem that an answer holds, once its status is found to be the same."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    found: dict[str, Any] = msgspec.json.decode(body)
    assert head.startswith(b"HTTP/1.1 %d " % found["status"])
    return found


def begun(ward: Ward, token: str = "") -> bytes:
    """The head of a request that says it has a body of 100 bytes."""
    token = token or ward.tokens[Role.COORDINATOR]
    return (
        b"POST /v1/patients HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: 100\r\n\r\n" % token.encode()
    )


@pytest.mark.parametrize("parts", [[b"GET /v1/wards HT"], [b"GET /v1/wards HTTP/1.1\r\n", b"X: "], None])
def test_a_request_that_does_not_come_whole_is_ended(ward: Ward, url: str, parts: list[bytes] | None) -> None:
    with closing(connected(url)) as client:
        for part in parts or [begun(ward), b'{"given']:
            client.sendall(part)
        assert problem(said(client))["status"] == 408


def test_a_body_that_comes_byte_by_byte_is_ended_though_a_byte_comes_in_time(ward: Ward, url: str) -> None:
    started = time.monotonic()
    with closing(connected(url)) as client:
        client.sendall(begun(ward))
        client.settimeout(0.05)
        for _ in range(200):
            try:
                client.sendall(b" ")
                if answer := client.recv(65_536):
                    break
            except TimeoutError:
                continue
    assert problem(answer)["status"] == 408
    assert time.monotonic() - started < READ_S / 2


def test_who_connects_and_says_nothing_is_let_go_without_a_word(url: str) -> None:
    with closing(connected(url)) as client:
        assert said(client) == b""


def test_what_was_answered_before_its_body_came_is_not_answered_twice(ward: Ward, url: str) -> None:
    with closing(connected(url)) as client:
        client.sendall(begun(ward, "nobodys"))
        answer = said(client)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_live_stream_and_a_connection_that_is_kept_live_on(api: Api, url: str) -> None:
    token = api.ward.tokens[Role.ADMIN]
    headers, began = {"Authorization": f"Bearer {token}"}, time.monotonic()
    with watching(url, token) as stream, httpx.Client(base_url=url, headers=headers, timeout=READ_S) as client:
        while time.monotonic() - began < 2 * Hurried.comes_within_s:
            assert client.get("/v1/wards").status_code == 200
        has_alert(api, **SICK)
        assert stream.next("alert").data["ward"] == api.ward.code


def test_a_client_that_is_gone_before_its_body_came_is_no_defect_of_ours(ward: Ward, url: str) -> None:
    with capture_logs() as logged:
        with closing(connected(url)) as client:
            client.sendall(begun(ward) + b'{"given')
        until(lambda: any(line["event"] == "request" for line in logged))
    assert [(line["event"], line.get("status")) for line in logged] == [("request", 400)]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /v1/wards?cursor=" + b"a" * ADDRESS_BYTES_MAX + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /" + b"a" * HEAD_BYTES_MAX * 2, 431),
        (b"GET /v1/wards HTTP/1.1\r\nX: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n", 431),
        (b"GET /v1/wards HTTP/1.1\r\nX: " + b"a" * HEAD_BYTES_MAX * 2, 431),
        (b"GET /v1/wards HTTP/1.1\r\n" + b"X: y\r\n" * 6_000 + b"\r\n", 431),
        (b"GET /v1/wards HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_a_head_that_is_too_long_or_none_gets_a_problem(url: str, request_: bytes, status: int) -> None:
    with closing(connected(url)) as client:
        client.sendall(request_)
        assert problem(said(client))["status"] == status


def test_a_head_as_long_as_is_allowed_passes(ward: Ward, url: str) -> None:
    token = ward.tokens[Role.ADMIN]
    headers = {"Authorization": f"Bearer {token}", "X": "a" * (HEAD_BYTES_MAX - 1_000)}
    assert httpx.get(f"{url}/v1/wards", headers=headers).status_code == 200
