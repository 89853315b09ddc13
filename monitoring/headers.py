"""A request's headers as they came. The framework's own view of them decodes them all, for each request."""

from litestar.types import Scope


def header(scope: Scope, wanted: bytes) -> str:
    """The value of a header, by its name in lower case; "" where the request has none."""
    for name, value in scope["headers"]:
        if name == wanted:
            return value.decode("latin-1")
    return ""
