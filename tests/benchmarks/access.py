"""What it costs to know who is calling and what they may: as a share of all that the API does for a single set."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any, Final

from monitoring.access.gate import admit, authenticate
from monitoring.access.rates import Rates
from monitoring.access.tokens import Tokens
from monitoring.clock import utc_now
from monitoring.database import make_engine
from tests.benchmarks.figures import Figure, Target, middle
from tests.benchmarks.measure import Bench
from tests.benchmarks.posting import durable_rate
from tests.benchmarks.seeding import token_of
from tests.benchmarks.up import Up

SHARE: Final = Target(must=0.05, aim=0.02)
RUNS: Final = 5
CALLS: Final = 100_000


def take(bench: Bench) -> list[Figure]:
    """Processor time of the API for each post, and of the gate alone, with as many tokens held."""
    with bench.house.open() as up:
        up.hold_bell()
        before = up.cpu_s()["API"]
        durable_rate(up, bench.house.singles(up, bench.scale.posts), bench.scale.posts)
        post_us = (up.cpu_s()["API"] - before) / bench.scale.posts * 1e6
        bench.say("the gate alone")
        gate_us, beside = middle(asyncio.run(_gate_us(up, len(bench.house.patients))))
        up.ring_bell()
    return [
        Figure("way in: the API's processor time", post_us, "µs/post", beside="single sets, durable 202"),
        Figure("way in: of it, who calls and what they may", gate_us, "µs/post", beside=beside),
        Figure("way in: the share of that", gate_us / post_us, "×", SHARE),
    ]


async def _gate_us(up: Up, people: int) -> list[float]:
    """For one request, run by run, each of another device."""
    engine = make_engine(up.installation.database_url)
    tokens = Tokens(engine)
    tokens.refresh(utc_now())
    service = SimpleNamespace(tokens=tokens, rates=Rates.of(1e6, 1_000_000))
    scopes = [_scope(service, token_of(number)) for number in range(people)]
    took = []
    for _ in range(RUNS):
        began_s = time.process_time()
        for number in range(CALLS):
            admit(await authenticate(scopes[number % len(scopes)]), "post readings")
        took.append((time.process_time() - began_s) / CALLS * 1e6)
    engine.dispose()
    return took


def _scope(service: Any, token: str) -> Any:
    """As wrk's requests arrive."""
    headers = [
        (b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json"), (b"content-length", b"230"),
        (b"authorization", f"Bearer {token}".encode()),
    ]  # fmt: skip
    app = SimpleNamespace(state=SimpleNamespace(service=service))
    return {"type": "http", "method": "POST", "headers": headers, "litestar_app": app, "client": ("127.0.0.1", 1)}
