"""PostgreSQL and Valkey out of wheels, and the supervisor behind `virtual-ward up`."""


class EmbeddedError(Exception):
    """The embedded servers, or what `up` keeps running, can't run here."""
