"""Those who are told, as real servers on this machine: an HTTP receiver that can misbehave, a mailbox, a Notify."""

import json
import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.monitoring.embedded.processes import eventually

CLOSE, STALL, DRIP = "close", "stall", "drip"
Answer = int | str


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float  # on the monotonic clock

    @property
    def id(self) -> str:
        """Which message it is."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """An HTTP server that answers as it is told: by path a list of statuses or tricks, the last one for ever."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    gate: Event = field(default_factory=Event)  # closed, nobody is answered
    at_once: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # the most by path
    _now: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _lock: Any = field(default_factory=Lock)

    def url(self, path: str = "a") -> str:
        """Where that path is."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def paths(self) -> list[str]:
        """Where it was called, in order."""
        return [call.path for call in self.calls]

    def waits_for(self, count: int) -> list[Call]:
        """So many calls, once they came."""
        eventually(lambda: len(self.calls) >= count)
        return self.calls

    def come(self, call: Call) -> Answer:
        """A call comes; how it is answered."""
        with self._lock:
            self.calls.append(call)
            self._now[call.path] += 1
            self.at_once[call.path] = max(self.at_once[call.path], self._now[call.path])
            answers = self.answers.get(call.path, [200])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.gate.wait(20)
        return answer

    def gone(self, path: str) -> None:
        """It is answered now."""
        with self._lock:
            self._now[path] -= 1


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver, while it runs."""
    receiver = Receiver()
    receiver.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take what comes, and answer as told."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.path.lstrip("/")
            call = Call(path, {name.lower(): value for name, value in self.headers.items()}, body, time.monotonic())
            answer = receiver.come(call)
            receiver.gone(path)
            if answer == CLOSE:
                return
            if answer == STALL:
                receiver.gate.clear()
                receiver.gate.wait(20)
                return
            if answer == DRIP:
                self._drip()
                return
            self.send_response(int(answer))
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self) -> None:
            """A byte now and then: no single wait is long."""
            try:
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 400:
                    self.wfile.write(bytes([byte]))
                    if receiver.gate.is_set() and self.connection.fileno() < 0:
                        return
                    time.sleep(0.05)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _serving(Handler) as port:
        receiver.port = port
        yield receiver
        receiver.gate.set()


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """Whoever called has gone."""

    server = Server(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Mailbox:
    """A mail server, and what it took. `says` by recipient: what it answers instead of taking one."""

    port: int
    taken: list[EmailMessage] = field(default_factory=list)
    says: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Somebody is named."""
        if refusal := self.says.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """A message comes."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        return "250 OK"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server, while it runs."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        box = Mailbox(found.getsockname()[1])
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Notify:
    """A GOV.UK Notify: takes messages, tells what it has, and can lose an answer after it took the message."""

    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    lose: int = 0  # so many answers
    refuse: int | None = None


@contextmanager
def notifying() -> Iterator[Notify]:
    """A Notify, while it runs."""
    notify = Notify()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take a message."""
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers["Authorization"].startswith("Bearer ")
            if notify.refuse is not None:
                self._answer(notify.refuse, {"errors": [{"error": "BadRequestError", "message": str(asked)}]})
                return
            kind = self.path.rpartition("/")[2]
            notify.taken.append(asked | {"id": str(uuid4()), "type": kind, "status": "sending"})
            if notify.lose:
                notify.lose -= 1
                return
            self._answer(201, notify.taken[-1])

        def do_GET(self) -> None:
            """Tell what is known by a reference."""
            query = parse_qs(urlsplit(self.path).query)
            (reference,), (kind,) = query["reference"], query["template_type"]
            found = [one for one in notify.taken if (one["reference"], one["type"]) == (reference, kind)]
            self._answer(200, {"notifications": found, "links": {}})

        def _answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _serving(Handler) as port:
        notify.url = f"http://127.0.0.1:{port}"
        yield notify
