"""Settings: one frozen object, read once from the environment (`VIRTUAL_WARD_*`), passed in everywhere."""

from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "VIRTUAL_WARD_"


class Settings(BaseSettings):
    """What an installation can be told. A wrong value is refused by name at start."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: str = Field(
        default="postgresql:///virtual_ward",
        pattern=r"^postgresql://",
        description="PostgreSQL 16 or later, as the role the parts run as.",
    )
    database_owner_url: str | None = Field(
        default=None,
        pattern=r"^postgresql://",
        description="The same database as the role that owns the schema; `migrate` uses it where it is given.",
    )
    queue_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        pattern=r"^(rediss?|unix)://",
        description="Valkey or Redis 7.2 or later, with appendonly yes.",
    )
    queue_durability: Literal["auto", "stated"] = Field(
        default="auto",
        description="auto: read the server's configuration, and wait for its disk (WAITAOF) where it does not "
        "write before it answers. stated: the operator states that it does; for servers that forbid CONFIG.",
    )
    streams: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Streams that readings are spread over, by device; one drain each.",
    )
    backlog_max_mb: int = Field(
        default=256,
        ge=1,
        description="Undrained readings beyond this size are refused with 503: the queue lives in memory.",
    )
    backlog_max_age_s: int = Field(
        default=1800,
        ge=1,
        description="With the oldest undrained reading older than this, 503: a 202 would promise too much.",
    )
    webhook_allow_private: bool = Field(
        default=False,
        description="Whether people and teams may be told at addresses in private networks.",
    )
    host: str = Field(default="127.0.0.1", description="Address that `serve` listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that `serve` listens on.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info")
    log_format: Literal["json", "console"] = Field(default="json", description="console: for people.")
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Where `worker` and `timekeeper` serve their own Prometheus metrics; `serve` has /metrics. "
        "Under `up` all parts share one folder and /metrics shows them together.",
    )


class WrongSetting(Exception):
    """A setting from the environment cannot be used."""


def read_settings(**overrides: Any) -> Settings:
    """Settings from the environment, `overrides` first. Raises WrongSetting naming each wrong variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise WrongSetting("\n".join(_wrong(fault) for fault in error.errors())) from None


def _wrong(fault: ErrorDetails) -> str:
    name = str(fault["loc"][0])
    given = "" if name.endswith("_url") else f", got {fault['input']!r}"  # an URL may hold a password
    return f"{PREFIX}{name.upper()}: {fault['msg']}{given}"
