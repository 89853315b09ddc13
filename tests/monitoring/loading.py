"""Loading tables over HTTP before a test's own act."""

from typing import Any

from monitoring.access.roles import Role
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import done

AS_CSV = {"Content-Type": "text/csv"}


def send_csv(
    api: Api, method: str, path: str, text: str | bytes, role: Role = Role.COORDINATOR, **options: Any
) -> Answer:
    """A body of CSV."""
    content = text.encode() if isinstance(text, str) else text
    return api.call(method, path, role, content=content, headers=AS_CSV, **options)


def load(api: Api, name: str, text: str, since: str = "2020-01-01") -> dict[str, Any]:
    """A table as it is now."""
    return done(send_csv(api, "PUT", f"/v1/tables/{name}?from={since}", text))
