"""What `up` runs, and where a command finds it. Imports little: the supervisor should weigh next to nothing."""

import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final

from monitoring.config import PREFIX, Settings, read_settings
from monitoring.embedded import EmbeddedError
from monitoring.embedded.supervisor import Installation, Part, Service, read_installation

NO_MORE: Mapping[str, str] = {}
ANSWERS_WITHIN_S: Final = 0.9


class CannotAdd(Exception):
    """What a command was asked to add cannot be added."""


def settings_for(data: Path | None) -> Settings:
    """The environment's settings, or those of the installation that runs on `data`. Raises EmbeddedError."""
    if data is None:
        return read_settings()
    found = read_installation(data)
    return read_settings(
        database_url=found.database_url, database_owner_url=found.owner_url, queue_url=found.queue_url, port=found.port
    )


def service_on(port: int, workers: int, say: Callable[[str], None], env: Mapping[str, str] = NO_MORE) -> Service:
    """Servers that are not configured, then the API, workers and the timekeeper; `env` is added to the parts'."""
    settings = read_settings()
    configured = settings.model_fields_set
    database = settings.database_url if "database_url" in configured else None
    return Service(
        migrate=lambda found: say(_migrated(found)),
        parts=lambda found: _parts(found, port, workers, env),
        ready=lambda _: answers(port, certificate=settings.tls_certificate),
        port=port,
        database_url=database,
        owner_url=settings.database_owner_url if database else None,
        queue_url=settings.queue_url if "queue_url" in configured else None,
        scheme="http" if settings.tls_certificate is None else "https",
    )


def answers(port: int, host: str = "127.0.0.1", *, certificate: Path | None = None) -> bool:
    """Whether the API there takes readings. `certificate`: that it shows, where it speaks https."""
    if certificate is None:
        connection = HTTPConnection(host, port, timeout=ANSWERS_WITHIN_S)
    else:
        connection = HTTPSConnection(host, port, timeout=ANSWERS_WITHIN_S, context=_trusting(certificate))
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (HTTPException, OSError):
        return False
    finally:
        connection.close()


def _trusting(certificate: Path) -> ssl.SSLContext:
    """Trusts this certificate and no other; it is of the name that others use, not of this address."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _migrated(found: Installation) -> str:
    """Migrate in a process of its own, and say what it said."""
    run = subprocess.run(
        [sys.executable, "-m", "monitoring.migrating"],
        env={**os.environ, **_urls(found)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if run.returncode:
        raise EmbeddedError("the schema could not be brought up to date")
    return run.stdout.strip()


def _parts(found: Installation, port: int, workers: int, env: Mapping[str, str]) -> list[Part]:
    every = {**env, **_urls(found), f"{PREFIX}PORT": str(port)}
    named = [("api", "monitoring.serve")]
    named += [(f"worker-{number + 1}", "workers.worker") for number in range(workers)]
    named += [("timekeeper", "workers.timekeeper")]
    return [Part(name, [sys.executable, "-m", "monitoring.lean", module], every) for name, module in named]


def _urls(found: Installation) -> dict[str, str]:
    return {
        f"{PREFIX}DATABASE_URL": found.database_url,
        f"{PREFIX}DATABASE_OWNER_URL": found.owner_url,
        f"{PREFIX}QUEUE_URL": found.queue_url,
    }
