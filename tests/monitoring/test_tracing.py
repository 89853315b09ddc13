"""One trace from the request to the message, at a real collector; and nothing of it where none is set."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from redis import Redis

from monitoring.access.roles import Role
from monitoring.access.tokens import mint
from monitoring.clock import utc_now
from monitoring.config import Settings, WrongSetting
from monitoring.database import transaction
from monitoring.intake.stream import FIELD, stream_name
from monitoring.tracing import spans
from monitoring.tracing.spans import tracing
from tests.monitoring.live_server import serving
from tests.receivers import receiving
from tests.ward import VERY_SICK, Patient, Ward
from tests.workers.delivering import delivering, settled
from tests.workers.records import count, drain_all
from workers.ladders import fire_due


@dataclass
class Collector:
    """An OTLP/HTTP receiver, and the spans that it was sent."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)

    def named(self, name: str) -> list[Span]:
        """The spans of a name, in the order in which they began."""
        return sorted((one for one in self.spans if one.name == name), key=lambda one: one.start_time_unix_nano)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector, while it runs."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take spans."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = ExportTraceServiceRequest.FromString(body)
            collector.spans += [
                one for resource in asked.resource_spans for scope in resource.scope_spans for one in scope.spans
            ]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def posts(url: str, ward: Ward, patient: Patient, at: datetime, **headers: str) -> None:
    """A very sick set arrives by HTTP."""
    with transaction(ward.engine) as session:
        token = mint(session, at, device_id=patient.device_key)
    body = {"id": "a", "taken_at": at.isoformat(), **VERY_SICK}
    answer = httpx.post(f"{url}/v1/readings", json=body, headers={"Authorization": f"Bearer {token}", **headers})
    assert answer.status_code == 202, answer.text


def test_one_trace_leads_from_the_request_to_the_message_and_a_batch_is_linked_with_all_its_requests(
    ward: Ward, queue: Redis
) -> None:
    ward.now = utc_now()
    one, other = ward.admit(), ward.admit()
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with collecting() as collector, receiving() as pager:
        ward.reaches(Role.CLINICIAN, pager.url())
        settings = ward.settings.model_copy(update={"traces_to": collector.url})
        with tracing(settings, "test"):
            with serving(settings) as url:
                posts(url, ward, one, utc_now(), traceparent=caller)
                posts(url, ward, other, utc_now())
                httpx.get(f"{url}/health/live")
            drain_all(ward, queue)
            fire_due(ward.engine, ward.settings, utc_now())
            with delivering(ward):
                settled(ward)
        requests = collector.named("POST /v1/readings")
        scores, told = collector.named("score"), collector.named("tell")
        (batch,) = collector.named("drain")
    assert {len(requests), len(scores), len(told)} == {2}
    assert len(collector.spans) == 7  # and none of health
    traces = [span.trace_id for span in requests]
    assert traces[0].hex() == "0af7651916cd43dd8448eb211c80319c"
    assert requests[0].parent_span_id.hex() == "b7ad6b7169203331"
    assert [span.trace_id for span in scores] == traces
    assert [span.parent_span_id for span in scores] == [span.span_id for span in requests]
    assert {(span.trace_id, span.parent_span_id) for span in told} == {(one.trace_id, one.span_id) for one in scores}
    assert [link.span_id for link in batch.links] == [span.span_id for span in requests]
    assert batch.trace_id not in traces
    said = "".join(str(span) for span in collector.spans)
    assert str(one.id) not in said
    assert count(ward.engine, "alert_trace") == 2


def test_a_collector_that_is_away_keeps_nobody_from_anything(ward: Ward, queue: Redis) -> None:
    ward.now = utc_now()
    settings = ward.settings.model_copy(update={"traces_to": "http://127.0.0.1:9/v1/traces"})
    with tracing(settings, "test"):
        with serving(settings) as url:
            posts(url, ward, ward.patient, utc_now())
        assert drain_all(ward, queue).sets == 1


def test_where_none_is_set_an_entry_carries_nothing_and_nothing_is_imported(ward: Ward, queue: Redis) -> None:
    ward.now = utc_now()
    with serving(ward.settings) as url:
        posts(url, ward, ward.patient, utc_now(), traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    found = queue.xrange(stream_name(0))
    assert found is not None
    assert [list(fields or ()) for _, fields in found] == [[FIELD]]
    drain_all(ward, queue)
    assert count(ward.engine, "alert_trace") == 0
    parts = "workers.timekeeper, workers.worker, monitoring.serve"
    code = f"import sys, {parts}; print('opentelemetry.exporter' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "False"


def test_a_collector_without_the_extra_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    named = settings.model_copy(update={"traces_to": "http://127.0.0.1:9/v1/traces"})
    with pytest.raises(WrongSetting, match=r"VIRTUAL_WARD_TRACES_TO: needs the extra `tracing`"):
        tracing(named, "test").__enter__()
    assert not spans.is_on()
