"""One client's connection: how long a request may take to come, and how much may stand before its body.

uvicorn waits for ever for the rest of a request, and holds a header of any length: a thousand clients that send a byte
a minute, or one that sends a header without an end, would be enough to stop a process.
"""

import asyncio
from http import HTTPStatus
from typing import Final

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from monitoring.problems import PROBLEM, Problem

COMES_WITHIN_S: Final = 60.0
"""Design's own: 1 MiB, the largest body that devices send, comes in time at 140 kbit/s."""
ADDRESS_BYTES_MAX: Final = 8_192
HEAD_BYTES_MAX: Final = 32_768
"""Address and headers together: many times what a browser with our cookies sends."""

TOO_SLOW: Final = (408, f"The request did not come whole within {COMES_WITHIN_S:.0f} s.")
LONG_ADDRESS: Final = (414, f"An address has {ADDRESS_BYTES_MAX:,} bytes at most.")
LONG_HEAD: Final = (431, f"Address and headers have {HEAD_BYTES_MAX:,} bytes at most, together.")


class _Refused(Exception):
    """The parser stops here: what is to be answered is noted."""


class Connection(HttpToolsProtocol):
    """uvicorn's, with limits. What comes in one piece costs no timer."""

    comes_within_s = COMES_WITHIN_S

    _coming = False  # a request has begun, and is not there whole
    _in_head = True
    _head_bytes = 0  # since it began; with what of the body came in the same piece
    _timer: asyncio.TimerHandle | None = None
    _refusal: tuple[int, str] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A client has connected, and has so long to send its first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or of several."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._answer(*LONG_HEAD)
        elif self._coming and self._timer is None:
            self._wait()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._coming = self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """All that stands before the body."""
        if self._head_bytes > ADDRESS_BYTES_MAX:  # seldom: only then it is worth counting
            self._refuse_long()
        self._in_head, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is there whole."""
        self._coming, self._in_head = False, True
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What the parser could not read, or was told not to."""
        self._answer(*(self._refusal or (400, msg)))

    def _refuse_long(self) -> None:
        if len(self.url) > ADDRESS_BYTES_MAX:
            self._refusal = LONG_ADDRESS
        elif len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES_MAX:
            self._refusal = LONG_HEAD
        if self._refusal is not None:
            raise _Refused

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.comes_within_s, self._end)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        """Nobody waits any longer. Where an answer has begun, or nothing ever came, there is nothing to say."""
        self._timer = None
        before = self._in_head and self.cycle is not None and self.cycle.response_complete
        if self._coming and (self.cycle is None or before or not self.cycle.response_started):
            self._answer(*TOO_SLOW)
        else:
            self.transport.close()

    def _answer(self, status: int, detail: str) -> None:
        """A problem, as every refusal, and the end of the connection."""
        problem = Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail)
        body = msgspec.json.encode(problem)
        headers = [
            *self.server_state.default_headers, (b"content-type", PROBLEM.encode()),
            (b"content-length", b"%d" % len(body)), (b"connection", b"close"),
        ]  # fmt: skip
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()
