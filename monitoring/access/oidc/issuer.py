"""The issuer as this service speaks with it: found by discovery, its keys, codes for tokens, tokens for people.

Whatever is signed is judged by joserfc, and by algorithms with a public key only: an ID token that says `none`, or that
is signed with what everybody knows, is none.
"""

import ssl
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from monitoring.access.oidc.claims import Proof
from monitoring.access.oidc.keys import read_key
from monitoring.access.sessions import LONGEST
from monitoring.config import Settings

T = TypeVar("T")

BACK: Final = "/sign-in/oidc/back"
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
TIMEOUT_S: Final = 5.0
"""For each answer of the issuer. Somebody waits in front of a page."""
LEEWAY: Final = timedelta(seconds=60)
"""By how much the issuer's clock may differ from ours."""
FOUND_FOR: Final = timedelta(hours=1)
"""How long what was discovered holds. Keys are fetched anew whenever one is not known."""
ASSERTION_LIVES: Final = timedelta(minutes=5)  # NHS CIS2 takes none that lives longer
JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class IssuerAway(Exception):
    """The issuer does not answer, or not as one does."""


class NotProved(Exception):
    """What came back does not prove who this is."""


class Metadata(msgspec.Struct, frozen=True):
    """What discovery says, as far as it is used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(msgspec.Struct, frozen=True):
    """What a code is exchanged for."""

    access_token: str
    id_token: str


class Issuer:
    """One issuer. Holds what it discovered and the keys; asked again when they are old, or one is not known."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.oidc_issuer or ""
        self._settings = settings
        self._client_id = settings.oidc_client_id or ""
        file = settings.oidc_client_key_file
        self._key = None if file is None else read_key(file)
        self._tls = ssl.create_default_context()
        self._found: tuple[Metadata, datetime] | None = None
        self._keys: KeySet | None = None

    @property
    def back(self) -> str:
        """Where the issuer sends people back to."""
        return f"{(self._settings.public_url or '').rstrip('/')}{BACK}"

    async def where_to_sign_in(self, state: str, nonce: str, verifier: str, now: datetime, *, again: bool) -> str:
        """The address at which somebody signs in; `again`: whoever is signed in there already, too."""
        metadata = await self._discover(now)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        longest = timedelta(minutes=self._settings.step_up_minutes) if again else LONGEST
        asked = {
            "response_type": "code", "client_id": self._client_id, "redirect_uri": self.back,
            "scope": self._settings.oidc_scopes, "state": state, "nonce": nonce,
            "code_challenge": challenge, "code_challenge_method": "S256",
            "max_age": str(int(longest.total_seconds())),  # asked for, the ID token must say when somebody signed in
            **({"prompt": "login"} if again else {}),
        }  # fmt: skip
        return _with(metadata.authorization_endpoint, asked)

    async def where_to_sign_out(self, id_token: str, back: str, now: datetime) -> str | None:
        """The address that signs somebody out at the issuer too, where there is one."""
        endpoint = (await self._discover(now)).end_session_endpoint
        asked = {"id_token_hint": id_token, "client_id": self._client_id, "post_logout_redirect_uri": back}
        return None if endpoint is None else _with(endpoint, asked)

    async def who(self, code: str, nonce: str, verifier: str, now: datetime) -> Proof:
        """Who came back with that code. Raises IssuerAway, NotProved."""
        metadata = await self._discover(now)
        async with self._client() as client:
            tokens = await self._exchange(client, metadata, code, verifier, now)
            claims = await self._verified(client, metadata, tokens.id_token, nonce, now)
            more = await self._userinfo(client, metadata, tokens.access_token, claims["sub"])
        amr = claims.get("amr")
        return Proof(
            subject=claims["sub"],
            signed_in_at=datetime.fromtimestamp(claims["auth_time"], UTC),
            acr=claims["acr"] if isinstance(claims.get("acr"), str) else None,
            amr=tuple(one for one in amr if isinstance(one, str)) if isinstance(amr, list) else (),
            id_token=tokens.id_token,
            claims={**more, **claims},
        )

    async def _discover(self, now: datetime) -> Metadata:
        if self._found is not None and self._found[1] > now - FOUND_FOR:
            return self._found[0]
        async with self._client() as client:
            said = await _get(client, f"{self.name.rstrip('/')}/.well-known/openid-configuration")
        metadata = _read(said, Metadata)
        if metadata.issuer != self.name:
            raise IssuerAway(f"the issuer names itself {metadata.issuer}")
        scheme = urlsplit(self.name).scheme
        for endpoint in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
            if urlsplit(endpoint).scheme not in {scheme, "https"}:
                raise IssuerAway("the issuer names an address without TLS")
        self._found = metadata, now
        return metadata

    async def _exchange(
        self, client: httpx.AsyncClient, metadata: Metadata, code: str, verifier: str, now: datetime
    ) -> Tokens:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.back, "code_verifier": verifier}
        more, auth = self._proof_of_ours(metadata, now)
        try:
            answer = await client.post(metadata.token_endpoint, data=form | more, auth=auth)
        except httpx.HTTPError as error:
            raise IssuerAway(type(error).__name__) from None
        if 400 <= answer.status_code < 500:
            raise NotProved(f"the issuer refused the code ({_error(answer)})")
        return _read(_ok(answer), Tokens)

    def _proof_of_ours(self, metadata: Metadata, now: datetime) -> tuple[dict[str, str], httpx.Auth]:
        """How this service says to the token endpoint who it is: what goes into the form, and what before it."""
        secret = self._settings.oidc_client_secret
        if self._key is not None:
            return {
                "client_id": self._client_id,
                "client_assertion_type": JWT_BEARER,
                "client_assertion": self._assertion(metadata, now),
            }, httpx.Auth()
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            return {}, httpx.BasicAuth(quote(self._client_id, safe=""), quote(secret or "", safe=""))
        return {"client_id": self._client_id, "client_secret": secret or ""}, httpx.Auth()

    def _assertion(self, metadata: Metadata, now: datetime) -> str:
        assert self._key is not None
        algorithm, key_id = self._settings.oidc_client_key_alg, self._settings.oidc_client_key_id
        header = {"alg": algorithm} | ({"kid": key_id} if key_id else {})
        claims = {
            "iss": self._client_id, "sub": self._client_id, "aud": metadata.token_endpoint, "jti": str(uuid4()),
            "iat": int(now.timestamp()), "exp": int((now + ASSERTION_LIVES).timestamp()),
        }  # fmt: skip
        return jwt.encode(header, claims, self._key, algorithms=[algorithm])

    async def _verified(
        self, client: httpx.AsyncClient, metadata: Metadata, id_token: str, nonce: str, now: datetime
    ) -> dict[str, Any]:
        """The claims of an ID token that is this issuer's, for us, for this sign-in, and still valid."""
        token = await self._signed(client, metadata, id_token)
        essential: Any = {"essential": True}
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()), leeway=int(LEEWAY.total_seconds()),
            iss={"essential": True, "value": self.name}, aud={"essential": True, "value": self._client_id},
            nonce={"essential": True, "value": nonce}, sub=essential, exp=essential, iat=essential, auth_time=essential,
        )  # fmt: skip
        try:
            registry.validate(token.claims)
        except JoseError as error:
            raise NotProved(f"the ID token is not valid ({error.error}: {error.description})") from None
        claims = token.claims
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._client_id) != self._client_id:
            raise NotProved("the ID token is for somebody else")
        at, earliest, latest = claims["auth_time"], now - LONGEST - LEEWAY, now + LEEWAY
        if not isinstance(at, int) or not earliest.timestamp() <= at <= latest.timestamp():
            raise NotProved("the sign-in at the issuer is too old")
        return claims

    async def _signed(self, client: httpx.AsyncClient, metadata: Metadata, id_token: str) -> jwt.Token:
        """Judged by the keys that are held; where they do not fit, by those of now: issuers change theirs."""
        if self._keys is not None:
            try:
                return jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                pass
        try:
            self._keys = KeySet.import_key_set(msgspec.json.decode(await _get(client, metadata.jwks_uri)))
        except (JoseError, ValueError, KeyError, TypeError):
            raise IssuerAway("the issuer's keys cannot be read") from None
        try:
            return jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise NotProved(f"the ID token is not signed by the issuer ({type(error).__name__})") from None

    async def _userinfo(
        self, client: httpx.AsyncClient, metadata: Metadata, access_token: str, subject: str
    ) -> dict[str, Any]:
        """More claims: NHS CIS2 says roles here, and not in the ID token."""
        if metadata.userinfo_endpoint is None:
            return {}
        said = await _get(client, metadata.userinfo_endpoint, {"Authorization": f"Bearer {access_token}"})
        more = _read(said, dict[str, Any])
        if more.get("sub") != subject:
            raise NotProved("the issuer speaks of somebody else")
        return more

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=TIMEOUT_S, verify=self._tls)


async def _get(client: httpx.AsyncClient, url: str, headers: Mapping[str, str] | None = None) -> bytes:
    try:
        return _ok(await client.get(url, headers=headers))
    except httpx.HTTPError as error:
        raise IssuerAway(type(error).__name__) from None


def _ok(answer: httpx.Response) -> bytes:
    if answer.status_code != 200:
        raise IssuerAway(f"answered {answer.status_code}")
    return answer.content


def _read(said: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(said, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise IssuerAway("what it answered cannot be read") from None


def _error(answer: httpx.Response) -> str:
    """The code of an OAuth error, where it is one."""
    try:
        said = msgspec.json.decode(answer.content, type=dict[str, Any]).get("error")
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = None
    return said if isinstance(said, str) and said.isidentifier() else str(answer.status_code)


def _with(endpoint: str, asked: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
