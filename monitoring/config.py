"""Settings: one frozen object, read once from the environment (`VIRTUAL_WARD_*`), passed in everywhere."""

import re
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, FilePath, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "VIRTUAL_WARD_"
SENTINELS: Final = "redis+sentinel://"
SENTINEL_URL: Final = (
    r"redis\+sentinel://(?:(?P<user>[^:@/,]*):(?P<password>[^@/,]*)@)?"
    r"(?P<hosts>[\w.-]+(?::\d+)?(?:,[\w.-]+(?::\d+)?)*)/(?P<service>[\w.-]+)(?:/(?P<database>\d+))?"
)
"""Several sentinels, the name that they know the primary by, a database; user and password are the servers' own."""
HOLDS_A_SECRET = ("_url", "_password", "_key", "_token", "_secret")
"""Settings with such names are never repeated: an URL may hold a password."""

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Where what is said to an issuer without TLS can be read by nobody else."""


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
        pattern=r"^(rediss?|unix|redis\+sentinel)://",
        description="Valkey or Redis 7.2 or later, with appendonly yes. Or "
        "redis+sentinel://HOST:PORT,HOST:PORT/NAME/0: what these call the primary.",
    )
    queue_replicas: int | None = Field(
        default=None,
        ge=0,
        le=5,
        description="A 202 waits until so many replicas have the readings too (WAIT), or a failover could lose them. "
        "1 where the queue's URL names sentinels, else 0.",
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
    rate_per_s: float = Field(
        default=100, gt=0, description="Requests a second that one token may make in the long run."
    )
    rate_burst: int = Field(default=1000, ge=1, description="Requests that one token may make at once, before that.")
    host: str = Field(default="127.0.0.1", description="Address that `serve` listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that `serve` listens on.")
    tls_certificate: FilePath | None = Field(
        default=None, description="The certificate and its chain, as PEM: `serve` then speaks https only."
    )
    tls_key: FilePath | None = Field(default=None, description="The certificate's private key, as PEM.")
    tls_client_ca: FilePath | None = Field(
        default=None,
        description="Let in only who shows a certificate of this authority (PEM): for a `serve` of hubs' own.",
    )
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
    engineers_to: str | None = Field(
        default=None,
        min_length=3,
        description="Who is told what is wrong with the system where no engineer on duty can be: an address as above. "
        "Known without the database.",
    )
    engineers_secret: str | None = Field(
        default=None,
        pattern=r"^whsec_[A-Za-z0-9+/]+=*$",
        description="The secret that a webhook to the engineers is signed with.",
    )
    heartbeat_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Called (GET) while everything works from end to end: whoever is there raises the alarm when it "
        "stays silent. A credential.",
    )
    heartbeat_every_s: int = Field(default=60, ge=1, le=3600, description="How often it is called.")
    traces_to: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where traces are sent (OTLP over HTTP, http://collector:4318/v1/traces); none without. Needs the "
        "extra `tracing`; the OTEL_* variables say how many are kept, and with which headers they are sent.",
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
    pseudonym_key: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9+/]{43}=$",
        description="Under which `virtual-ward extract` makes pseudonyms: 32 random bytes in base64.",
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
    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where staff sign in (OpenID Connect): the issuer as it names itself, found by discovery. http "
        "only on this machine.",
    )
    oidc_name: str = Field(
        default="your organisation", min_length=1, max_length=60, description="What the button to it says."
    )
    oidc_client_id: str | None = Field(
        default=None, validate_default=True, description="What the issuer knows this service as."
    )
    oidc_client_secret: str | None = Field(
        default=None, min_length=1, description="The secret agreed with the issuer, or a key instead."
    )
    oidc_client_key_file: Path | None = Field(
        default=None,
        validate_default=True,
        description="A private key (PEM), for issuers that ask for private_key_jwt, as NHS CIS2 does.",
    )
    oidc_client_key_id: str | None = Field(default=None, description="By which `kid` the issuer knows that key.")
    oidc_client_key_alg: Literal["RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "ES512"] = Field(
        default="RS512", description="How it signs."
    )
    oidc_scopes: str = Field(
        default="openid profile email", pattern=r"(^| )openid( |$)", description="What is asked for of a person."
    )
    oidc_named_by: str = Field(
        default="sub",
        pattern=r"^[A-Za-z0-9_:./-]+$",
        description="The claim by which an admin names a member of staff before their first sign-in: sub, email, "
        "nhsid_useruid.",
    )
    oidc_roles_file: Path | None = Field(
        default=None,
        description="A TOML file of which of the issuer's roles is which of ours; without one only people who were "
        "named come in.",
    )
    oidc_help: str = Field(
        default="your line manager or IT service desk",
        min_length=1,
        max_length=200,
        description="Whom to ask, for people who are not let in.",
    )
    step_up_minutes: int = Field(
        default=15,
        ge=1,
        le=720,
        description="A plan is changed, and a critical alert resolved, by who signed in no longer ago.",
    )
    step_up_tokens: bool = Field(
        default=False, description="Ask that of issued tokens too: from then on they can't do either, but by a session."
    )
    break_glass_minutes: int = Field(
        default=60, ge=1, le=720, description="How long access lasts that is opened in an emergency."
    )

    @field_validator("queue_url")
    @classmethod
    def _names_a_primary(cls, url: str) -> str:
        if url.startswith(SENTINELS) and not re.fullmatch(SENTINEL_URL, url):
            raise ValueError("must be redis+sentinel://HOST:PORT,HOST:PORT/NAME or .../NAME/DATABASE")
        return url

    @field_validator("oidc_issuer")
    @classmethod
    def _encrypted(cls, issuer: str | None) -> str | None:
        if issuer and issuer.startswith("http://") and urlsplit(issuer).hostname not in LOOPBACK:
            raise ValueError("http only on this machine: what is said there is a sign-in")
        return issuer

    @field_validator("oidc_client_id")
    @classmethod
    def _whole(cls, client: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("oidc_issuer") and not client:
            raise ValueError("needed with VIRTUAL_WARD_OIDC_ISSUER")
        if info.data.get("oidc_issuer") and not info.data.get("public_url"):
            raise ValueError("needs VIRTUAL_WARD_PUBLIC_URL too: the issuer sends people back there")
        return client

    @field_validator("oidc_client_key_file")
    @classmethod
    def _one_proof(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if info.data.get("oidc_issuer") and (file is None) == (info.data.get("oidc_client_secret") is None):
            raise ValueError("give this or VIRTUAL_WARD_OIDC_CLIENT_SECRET, and not both")
        if file is not None:
            from monitoring.access.oidc.keys import read_key  # noqa: PLC0415 - for who has an issuer alone

            read_key(file)
        return file

    @field_validator("oidc_roles_file")
    @classmethod
    def _readable(cls, file: Path | None) -> Path | None:
        if file is not None:
            from monitoring.access.oidc.claims import read_roles  # noqa: PLC0415 - likewise

            read_roles(file)
        return file

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) is not (self.tls_key is None):
            raise ValueError(f"{PREFIX}TLS_CERTIFICATE and {PREFIX}TLS_KEY go together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError(f"{PREFIX}TLS_CLIENT_CA needs {PREFIX}TLS_CERTIFICATE")
        return self

    @property
    def replicas(self) -> int:
        """How many replicas of the queue have a reading before it is promised."""
        return int(self.queue_url.startswith(SENTINELS)) if self.queue_replicas is None else self.queue_replicas

    @property
    def is_https(self) -> bool:
        """Whether people reach us by https: here, or before us."""
        return self.tls_certificate is not None or (self.public_url or "").startswith("https://")


class WrongSetting(Exception):
    """A setting from the environment cannot be used."""


def read_settings(**overrides: Any) -> Settings:
    """Settings from the environment, `overrides` first. Raises WrongSetting naming each wrong variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise WrongSetting("\n".join(_wrong(fault) for fault in error.errors())) from None


def _wrong(fault: ErrorDetails) -> str:
    if not fault["loc"]:  # of several together
        return str(fault["ctx"]["error"])
    name = str(fault["loc"][0])
    is_said = fault["input"] is not None and not name.endswith(HOLDS_A_SECRET)
    given = f", got {fault['input']!r}" if is_said else ""
    return f"{PREFIX}{name.upper()}: {fault['msg'].removeprefix('Value error, ')}{given}"
