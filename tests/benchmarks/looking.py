"""The API as it is, or but for this: that it leaves no event of what it shows. For as long as the two are compared.

Each answer says how much CPU time the process has used so far. Whom it shows is looked for by both.

python -m tests.benchmarks.looking audited|unaudited DATABASE_URL QUEUE_URL PORT
"""

import sys
import time
from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from monitoring.app import make_app
from monitoring.audit.events import Event
from monitoring.audit.recording import Recorder
from monitoring.config import read_settings
from monitoring.logs import configure
from tests.benchmarks.baseline import serve

CPU_MS: Final = "x-cpu-ms"


class Silent(Recorder):
    """Writes nothing down."""

    def record(self, *events: Event) -> None:
        """Let them go."""


def counted(app: ASGIApp) -> ASGIApp:
    """Say what was used."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_cpu(message: Message) -> None:
            if message["type"] == "http.response.start":
                used = f"{1000 * time.process_time():.3f}".encode()
                message["headers"] = [*message["headers"], (CPU_MS.encode(), used)]
            await send(message)

        await app(scope, receive, with_cpu)

    return counting


if __name__ == "__main__":
    which, database, queue, port = sys.argv[1:]
    settings = read_settings(database_url=database, queue_url=queue, rate_per_s=1_000_000)
    configure(settings)
    real = make_app(settings)
    if which == "unaudited":
        real.state.service.recorder = Silent(database)
    real.asgi_handler = counted(real.asgi_handler)
    serve(real, int(port))
