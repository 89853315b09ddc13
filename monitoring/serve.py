"""`python -m monitoring.serve`: one API process."""

import ssl
from socket import socket

import uvicorn

from monitoring.app import make_app
from monitoring.config import Settings, read_settings
from monitoring.connection import Connection
from monitoring.lean import resume_collecting
from monitoring.live import Hub
from monitoring.logs import configure
from monitoring.tracing.spans import tracing
from monitoring.watching.watcher import watching


def main() -> None:
    """Serve until told to stop."""
    serve(read_settings())


def serve(settings: Settings) -> None:
    """Serve the API on the host and port of the settings."""
    configure(settings)
    app = make_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Connection,  # on httptools
        ws="none",
        access_log=False,  # our own log line has the route, not the path with its ids
        log_level="warning",
        timeout_graceful_shutdown=5,
        server_header=False,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        ssl_ca_certs=None if settings.tls_client_ca is None else str(settings.tls_client_ca),
        ssl_cert_reqs=ssl.CERT_NONE if settings.tls_client_ca is None else ssl.CERT_REQUIRED,
    )
    resume_collecting()
    with tracing(settings, "api"), watching(settings, "api", beats=True):
        _Server(config, app.state.service.hub).run()


class _Server(uvicorn.Server):
    """Ends the live streams when it is told to stop: they would keep it waiting for ever."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let clients go, so that they resume elsewhere, and then stop."""
        self._hub.close()
        await super().shutdown(sockets)


if __name__ == "__main__":
    main()
