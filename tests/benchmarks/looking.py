"""The API as it is, but for this: of a look whose request asks for that it leaves no event. For who compares the two.

Each answer says how much CPU time the process has used so far. Whom it shows is looked for either way.

python -m tests.benchmarks.looking DATABASE_URL QUEUE_URL PORT
"""

import sys
import time
from typing import Final

import psycopg
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from monitoring.app import make_app
from monitoring.audit.events import Event
from monitoring.audit.recording import Recorder
from monitoring.config import read_settings
from monitoring.logs import configure
from tests.benchmarks.baseline import serve

CPU_MS: Final = "x-cpu-ms"
UNAUDITED: Final = "x-unaudited"


class Silent(Recorder):
    """Writes nothing down."""

    def write(self, cursor: psycopg.Cursor, *events: Event) -> set[bytes]:
        """Let them go."""
        return set()


def compared(app: Litestar) -> ASGIApp:
    """Take each request with the audit or without, as it asks, and say what was used."""
    asgi, service = app.asgi_handler, app.state.service
    recorders = {False: service.recorder, True: Silent(service.settings.database_url)}

    async def comparing(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_cpu(message: Message) -> None:
            if message["type"] == "http.response.start":
                used = f"{1000 * time.process_time():.3f}".encode()
                message["headers"] = [*message["headers"], (CPU_MS.encode(), used)]
            await send(message)

        if scope["type"] == ScopeType.HTTP:
            service.recorder = recorders[any(name == UNAUDITED.encode() for name, _ in scope["headers"])]
        await asgi(scope, receive, with_cpu)

    return comparing


if __name__ == "__main__":
    database, queue, port = sys.argv[1:]
    settings = read_settings(database_url=database, queue_url=queue, rate_per_s=1_000_000)
    configure(settings)
    real = make_app(settings)
    real.asgi_handler = compared(real)
    serve(real, int(port))
