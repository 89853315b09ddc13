"""Settings: one frozen object, read once from the environment (`VIRTUAL_WARD_*`), passed in everywhere."""

from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "VIRTUAL_WARD_"
HOLDS_A_SECRET = ("_url", "_password", "_key", "_token")
"""Settings with such names are never repeated: an URL may hold a password."""


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
    host: str = Field(default="127.0.0.1", description="Address that `serve` listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that `serve` listens on.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info")
    log_format: Literal["json", "console"] = Field(default="json", description="console: for people.")
    fallback_to: str | None = Field(
        default=None,
        min_length=3,
        description="Where the last step of a ladder is told, for wards that name nobody themselves: a webhook's "
        "https:// address, an e-mail address, a phone number, or what Apprise takes. It must always be answered.",
    )
    fallback_secret: str | None = Field(
        default=None,
        pattern=r"^whsec_[A-Za-z0-9+/]+=*$",
        description="The secret that the fallback's webhook is signed with (Standard Webhooks).",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Where `worker` and `timekeeper` serve their own Prometheus metrics; `serve` has /metrics. "
        "Under `up` all parts share one folder and /metrics shows them together.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where people open our pages: the link in SMS and e-mail.",
    )
    webhook_allow_private: bool = Field(
        default=False,
        description="Let webhooks and Apprise call private networks, and webhooks plain http.",
    )
    audit_signing_key: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9+/]{43}=$",
        description="Signs the audit's seals (Ed25519), as `virtual-ward audit key` made it. For the timekeeper alone.",
    )
    audit_public_keys: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9+/]{43}=(,[A-Za-z0-9+/]{43}=)*$",
        description="Whose signatures `audit verify` trusts: public keys, older ones too, with commas between.",
    )
    smtp_host: str | None = Field(default=None, description="The mail server; without one, e-mail goes by Notify.")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    smtp_starttls: bool = Field(
        default=True, description="Encrypt before anything is said; its certificate is checked."
    )
    smtp_user: str | None = Field(default=None, description="Sign in to the mail server as this user.")
    smtp_password: str | None = Field(default=None, description="That user's password.")
    smtp_from: str | None = Field(default=None, description="The address that e-mail is from.")
    notify_api_key: str | None = Field(default=None, description="GOV.UK Notify's key of this service.")
    notify_sms_template: str | None = Field(default=None, description="A template of Notify that is ((message)).")
    notify_email_template: str | None = Field(
        default=None, description="A template of Notify with the subject ((subject)) and the text ((message))."
    )
    notify_callback_token: str | None = Field(
        default=None, min_length=10, description="What Notify sends as bearer token with its delivery receipts."
    )
    notify_url: str = Field(
        default="https://api.notifications.service.gov.uk", pattern=r"^https?://", description="Where Notify is."
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
    given = "" if name.endswith(HOLDS_A_SECRET) else f", got {fault['input']!r}"
    return f"{PREFIX}{name.upper()}: {fault['msg']}{given}"
