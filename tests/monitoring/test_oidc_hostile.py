"""An issuer that lies, or somebody who speaks for it: nobody comes in by an ID token that proves nothing."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select
from sqlmodel import Session

from monitoring.access.gate import COOKIE
from monitoring.access.roles import Role
from monitoring.access.tables import OidcSignIn
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import done
from tests.oidc.hostile import CLIENT_ID, KEYS, Hostile, hostile
from tests.oidc.running import Somebody, asked
from tests.ward import Ward

HOUR = timedelta(hours=1)


@pytest.fixture
def issuer() -> Iterator[Hostile]:
    """The issuer."""
    with hostile() as serving:
        yield serving


@pytest.fixture
def here(ward: Ward, issuer: Hostile) -> Iterator[Api]:
    """This service; the issuer's `s-1` is one of its clinicians."""
    with Api(ward, **issuer.settings) as api:
        knows(api)
        yield api


def knows(api: Api) -> None:
    """An admin has named somebody."""
    staff = api.ward.staff[Role.CLINICIAN].public_id
    done(api.put(f"/v1/staff/{staff}/identity", {"named": "s-1"}))


def comes_back(api: Api, issuer: Hostile, **more: str) -> Answer:
    """A whole sign-in, the issuer saying what it was told to."""
    somebody = Somebody(api)
    said = asked(somebody.leaves())
    issuer.nonce = said["nonce"]
    return somebody.asks("/sign-in/oidc/back", params={"state": said["state"], "code": "c", **more})


def is_in(answer: Answer) -> bool:
    """Whether somebody was let in; if not, with a page that says so."""
    let_in = COOKIE in answer.cookies
    assert answer.status_code == 200 if let_in else answer.status_code in {400, 403, 503}, answer.text
    return let_in


def test_an_honest_issuer_is_believed_and_how_surely_it_knew_is_kept(here: Api, issuer: Hostile) -> None:
    assert is_in(comes_back(here, issuer, iss=issuer.issuer))
    with Session(here.ward.engine) as session:
        kept = session.execute(select(OidcSignIn)).scalar_one()
    assert (kept.subject, kept.acr, kept.amr) == ("s-1", "AAL3_ANY", ["N3_SMARTCARD"])
    sent = issuer.posted[0]
    assert (sent["grant_type"], sent["code"], len(sent["code_verifier"]) >= 43) == ("authorization_code", "c", True)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"}, {"nonce": None}, {"iss": "https://evil.example"}, {"iss": None},
        {"aud": "somebody-else"}, {"aud": [CLIENT_ID, "somebody-else"]}, {"aud": None},
        {"aud": [CLIENT_ID, "x"], "azp": "x"}, {"azp": "somebody-else"},
        {"exp": -HOUR}, {"exp": None}, {"iat": HOUR}, {"nbf": HOUR}, {"sub": None}, {"sub": 7},
        {"auth_time": None}, {"auth_time": -13 * HOUR}, {"auth_time": HOUR}, {"auth_time": "now"},
        {"sub": "s-2"},
    ],
    ids=str,
)  # fmt: skip
def test_claims_that_do_not_prove_it_let_nobody_in(here: Api, issuer: Hostile, claims: dict[str, Any]) -> None:
    issuer.claims = claims
    issuer.userinfo["sub"] = claims.get("sub", "s-1")
    assert not is_in(comes_back(here, issuer))


def _by_a_stranger(issuer: Hostile) -> None:
    issuer.key = RSAKey.generate_key(2048, {"kid": "one"})


def _by_a_key_that_is_not_published(issuer: Hostile) -> None:
    issuer.key, issuer.header = KEYS[1], {"alg": "RS256", "kid": "two"}


def _without_naming_a_key_of_several(issuer: Hostile) -> None:
    issuer.key, issuer.header, issuer.published = RSAKey.generate_key(2048), {"alg": "RS256"}, list(KEYS)


def _by_what_everybody_knows(issuer: Hostile) -> None:
    """What libraries fell for that let the token choose how it is judged."""
    issuer.secret = KEYS[0].as_pem(private=False)


def _by_our_own_secret(issuer: Hostile) -> None:
    issuer.secret = issuer.settings["oidc_client_secret"].encode()


@pytest.mark.parametrize(
    "lie",
    [
        _by_what_everybody_knows, _by_our_own_secret, _by_a_stranger, _by_a_key_that_is_not_published,
        _without_naming_a_key_of_several, lambda issuer: setattr(issuer, "raw", "not.a.token"),
        lambda issuer: setattr(issuer, "raw", ""),
    ],
)  # fmt: skip
def test_what_the_issuer_did_not_sign_lets_nobody_in(
    here: Api, issuer: Hostile, lie: Callable[[Hostile], None]
) -> None:
    lie(issuer)
    assert not is_in(comes_back(here, issuer))


def test_an_id_token_that_says_it_needs_no_signature_lets_nobody_in(here: Api, issuer: Hostile) -> None:
    somebody = Somebody(here)
    said = asked(somebody.leaves())
    issuer.nonce = said["nonce"]
    payload = issuer.id_token().split(".")[1]
    issuer.raw = f"eyJhbGciOiJub25lIn0.{payload}."  # {"alg":"none"}
    assert not is_in(somebody.asks("/sign-in/oidc/back", params={"state": said["state"], "code": "c"}))


def test_a_key_that_is_new_is_fetched_once_and_one_that_is_held_is_not(here: Api, issuer: Hostile) -> None:
    assert is_in(comes_back(here, issuer))
    assert is_in(comes_back(here, issuer))
    assert issuer.fetched.count("/keys") == 1
    issuer.key, issuer.header, issuer.published = KEYS[1], {"alg": "RS256", "kid": "two"}, [KEYS[1]]
    assert is_in(comes_back(here, issuer))
    assert issuer.fetched.count("/keys") == 2
    issuer.key, issuer.header = KEYS[0], {"alg": "RS256", "kid": "one"}  # the old one, withdrawn
    assert not is_in(comes_back(here, issuer))


def test_userinfo_of_somebody_else_lets_nobody_in(here: Api, issuer: Hostile) -> None:
    issuer.userinfo = {"sub": "s-2"}
    assert not is_in(comes_back(here, issuer))


def test_an_answer_that_names_another_issuer_lets_nobody_in(here: Api, issuer: Hostile) -> None:
    assert not is_in(comes_back(here, issuer, iss="https://evil.example"))
    assert issuer.posted == []


def test_a_refusal_at_the_issuer_is_a_page(here: Api, issuer: Hostile) -> None:
    somebody = Somebody(here)
    said = asked(somebody.leaves())
    answer = somebody.asks("/sign-in/oidc/back", params={"state": said["state"], "error": "access_denied"})
    assert (answer.status_code, "You are not signed in" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "ftp://127.0.0.1/t"}, {"jwks_uri": None}],
    ids=str,
)
def test_an_issuer_that_is_not_who_it_says_is_as_good_as_away(
    here: Api, issuer: Hostile, metadata: dict[str, Any]
) -> None:
    issuer.metadata = metadata
    answer = Somebody(here).asks("/sign-in/oidc")
    assert (answer.status_code, answer.headers.get("location")) == (503, None)


def test_this_service_proves_itself_by_its_key_where_the_issuer_wants_that(
    ward: Ward, issuer: Hostile, tmp_path: Path
) -> None:
    ours, file = RSAKey.generate_key(2048), tmp_path / "ours.pem"
    file.write_bytes(ours.as_pem(private=True))
    proof = {"oidc_client_secret": None, "oidc_client_key_file": file, "oidc_client_key_id": "k1"}
    with Api(ward, **issuer.settings | proof) as api:
        knows(api)
        assert is_in(comes_back(api, issuer))
    assert "client_secret" not in issuer.posted[0]
    assertion = jwt.decode(issuer.posted[0]["client_assertion"], ours, algorithms=["RS512"])
    said = assertion.claims
    assert (said["iss"], said["sub"], said["aud"]) == (CLIENT_ID, CLIENT_ID, f"{issuer.issuer}/token")
    assert (assertion.header["kid"], 0 < said["exp"] - said["iat"] <= 300) == ("k1", True)
