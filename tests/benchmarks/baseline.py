"""The same server with nothing behind it: it decodes the same body with the same decoder and answers the same JSON.

python -m tests.benchmarks.baseline PORT
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGKILL
from typing import Any

import httpx
import uvicorn
from litestar import Litestar, Request, Response, post

from devices.formats.native import decode
from monitoring.app import BODY_BYTES_MAX
from monitoring.bodies import StrictRequest
from monitoring.embedded import children
from monitoring.intake.routes import Taken
from tests.benchmarks.figures import BenchmarkError
from tests.benchmarks.up import START_S_MAX, clean_environment, free_port
from tests.monitoring.embedded.processes import REPOSITORY


@post("/v1/readings", status_code=202)
async def answer(request: Request[Any, Any, Any]) -> Response[Taken]:
    """Take readings, and do nothing with them."""
    decoded = decode(await request.body())
    return Response(Taken(len(decoded.sets), decoded.refused), status_code=202)


@contextmanager
def serving(module: str, *words: str) -> Iterator[str]:
    """A server of ours as a process of its own; its URL. From the main thread."""
    port = free_port()
    with started(module, *words, port):
        url = f"http://127.0.0.1:{port}"
        deadline_s = time.monotonic() + START_S_MAX
        while not _listens(url):
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"{module} does not start")
            time.sleep(0.05)
        yield url


@contextmanager
def started(module: str, *words: object, env: dict[str, str] | None = None) -> Iterator[None]:
    """A module of ours as a process of its own, killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, words)],
        stdin=subprocess.DEVNULL,
        cwd=REPOSITORY,
        env=clean_environment() | (env or {}),
        **children.bound(SIGKILL),
    )
    try:
        yield
    finally:
        children.kill(process)


def serve(app: Litestar, port: int) -> None:
    """Serve as `monitoring.serve` does."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
    )


def _listens(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code > 0
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    app = Litestar(
        [answer],
        request_class=StrictRequest,
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )
    serve(app, int(sys.argv[1]))
