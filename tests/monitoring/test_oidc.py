"""Signing in at a real provider in a process of its own: there and back, named or by roles, anew, and out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session

from monitoring.access.gate import COOKIE
from monitoring.access.oidc import people
from monitoring.access.oidc.claims import Proof, read_roles
from monitoring.access.roles import Role
from monitoring.access.tables import OidcIdentity, OidcSignIn, Staff
from monitoring.database import transaction
from monitoring.pages.signing_in_oidc import BROWSER
from tests.monitoring.api import Api
from tests.monitoring.steps import done, refused
from tests.oidc.running import PEOPLE, Provider, Somebody, asked, provider
from tests.ward import Ward

ROLES = """
[[role]]
code = "R8001"
role = "clinician"
registered = true

[[role]]
code = "R8000"
role = "support"
"""


@pytest.fixture(scope="module")
def there() -> Iterator[Provider]:
    """The provider."""
    with provider() as running:
        yield running


@contextmanager
def here(ward: Ward, there: Provider, **settings: Any) -> Iterator[Api]:
    """This service, where people sign in there."""
    with Api(ward, **there.settings, **settings) as api:
        yield api


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    """A table of the issuer's roles."""
    file = tmp_path / "roles.toml"
    file.write_text(ROLES)
    return file


def named(api: Api, role: Role, claim: str, **employed: Any) -> Staff:
    """A member of staff whom an admin named by that claim's value."""
    caller, _ = api.ward.employ(role, **employed)
    done(api.put(f"/v1/staff/{caller.public_id}/identity", {"named": claim}))
    with Session(api.ward.engine) as session:
        return session.get_one(Staff, caller.id)


def one_row(api: Api, table: type[Any]) -> Any:
    """The only row of a table."""
    with Session(api.ward.engine) as session:
        return session.execute(select(table)).scalar_one()


def test_somebody_whom_an_admin_named_signs_in_and_comes_where_they_wanted(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        staff = named(api, Role.CLINICIAN, "joy@nhs.example", name="Sister Joy")
        joy = Somebody(api)
        assert "Sign in with the provider" in joy.asks("/sign-in").text
        arrived = joy.signs_in("joy", "/sign-in/oidc?next=/wards/WARD1")
        assert arrived.status_code == 200
        assert 'content="0;url=/wards/WARD1"' in arrived.text
        said = [one for one in arrived.headers.get_list("set-cookie") if one.startswith(COOKIE)]
        assert len(said) == 1
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(said[0].split("; "))
        board = joy.asks("/wards/WARD1")
        assert "Sister Joy" in board.text
        record = one_row(api, OidcSignIn)
        assert (record.staff_id, record.issuer) == (staff.id, there.issuer)
        identity = one_row(api, OidcIdentity)
        assert (identity.subject, identity.named) == (record.subject, "joy@nhs.example")


def test_what_is_asked_of_the_provider_is_a_code_with_pkce_state_and_nonce(ward: Ward, there: Provider) -> None:
    with here(ward, there) as api:
        address = Somebody(api).leaves()
        said = asked(address)
        assert address.startswith(f"{there.issuer}/authorize/")
        assert (said["response_type"], said["code_challenge_method"]) == ("code", "S256")
        assert min(len(said[name]) for name in ("state", "nonce", "code_challenge")) >= 43
        assert said["redirect_uri"] == "http://testserver.local/sign-in/oidc/back"
        assert "secret" not in address


def test_after_the_first_sign_in_only_the_subject_counts(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        named(api, Role.CLINICIAN, "joy@nhs.example")
        assert COOKIE in Somebody(api).signs_in("joy").cookies
        there.says("nobody", email="joy@nhs.example", email_verified=True)  # the address is somebody else's now
        refused_page = Somebody(api).signs_in("nobody")
        assert (refused_page.status_code, COOKIE in refused_page.cookies) == (403, False)
        there.says("joy", email="joy.married@nhs.example")
        assert COOKIE in Somebody(api).signs_in("joy").cookies
        there.says("joy")
        there.says("nobody")


def test_an_address_that_the_provider_has_not_verified_names_nobody(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        named(api, Role.CLINICIAN, "joy@nhs.example")
        assert Somebody(api).signs_in("ivy").status_code == 403


def test_whom_nothing_lets_in_is_told_whom_to_ask(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_help="the digital team, 0116 000 0000") as api:
        answer = Somebody(api).signs_in("nobody")
        assert (answer.status_code, COOKIE in answer.cookies) == (403, False)
        assert "Ask the digital team, 0116 000 0000" in answer.text


def test_a_role_of_nhs_cis2_is_one_of_ours_on_the_wards_of_its_organisation(
    ward: Ward, there: Provider, roles: Path
) -> None:
    ward.opens("OTHER", provider="RYY")
    with here(ward, there, oidc_roles_file=roles) as api:
        joy = Somebody(api)
        assert COOKIE in joy.signs_in("cis2").cookies
        assert joy.asks("/wards/WARD1").status_code == 200
        assert joy.asks("/wards/OTHER").status_code == 403
        with Session(ward.engine) as session:
            staff = session.get_one(Staff, one_row(api, OidcIdentity).staff_id)
        assert (staff.name, staff.role, staff.registered, staff.wards) == (
            "ADEYEMI Joy (Mx)", "clinician", True, ["WARD1"],
        )  # fmt: skip


def test_another_role_is_another_at_the_next_sign_in_and_ends_the_sessions_of_the_one_before(
    ward: Ward, there: Provider, roles: Path
) -> None:
    ward.opens("OTHER", provider="RYY")
    with here(ward, there, oidc_roles_file=roles) as api:
        before, after = Somebody(api), Somebody(api)
        before.signs_in("cis2")
        there.says("cis2", selected_roleid="222")
        after.signs_in("cis2")
        assert after.asks("/wards/OTHER").status_code == 200
        assert after.asks("/wards/WARD1").status_code == 403
        api.app.state.service.tokens.refresh(api.ward.now)
        with Api(ward) as elsewhere:
            before.api = elsewhere
            assert before.asks("/v1/wards").status_code == 401
        there.says("cis2", nhsid_nrbac_roles=[])  # no role any more
        assert Somebody(api).signs_in("cis2").status_code == 403
        with Api(ward) as elsewhere:
            after.api = elsewhere
            assert after.asks("/v1/wards").status_code == 401
        there.says("cis2")


def test_an_organisation_without_a_ward_here_opens_nothing(ward: Ward, there: Provider, roles: Path) -> None:
    with here(ward, there, oidc_roles_file=roles) as api:
        there.says("cis2", selected_roleid="222")  # RYY
        assert "no ward here is one of the organisation RYY" in Somebody(api).signs_in("cis2").text
        there.says("cis2")


def test_a_sign_in_that_came_back_once_does_not_come_back_again(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        named(api, Role.CLINICIAN, "joy@nhs.example")
        joy = Somebody(api)
        back = joy.signs_in_there(joy.leaves(), "joy")
        browser = joy.cookies[BROWSER]
        assert COOKIE in joy.asks(back).cookies
        again = Somebody(api)
        again.cookies[BROWSER] = browser
        answer = again.asks(back)
        assert (answer.status_code, COOKIE in answer.cookies) == (400, False)


def test_who_is_sent_a_sign_in_by_somebody_else_does_not_become_them(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        named(api, Role.CLINICIAN, "joy@nhs.example")
        attacker, victim = Somebody(api), Somebody(api)
        back = attacker.signs_in_there(attacker.leaves(), "joy")
        victim.leaves()  # has begun one, too
        for cookie in (victim.cookies[BROWSER], "", "x"):
            victim.cookies[BROWSER] = cookie
            answer = victim.asks(back)
            assert (answer.status_code, COOKIE in answer.cookies) == (400, False)


def test_a_session_that_somebody_planted_is_not_the_one_that_begins(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        named(api, Role.CLINICIAN, "joy@nhs.example")
        joy = Somebody(api)
        joy.cookies[COOKIE] = planted = "vwb_" + "x" * 43
        joy.signs_in("joy")
        assert joy.cookies[COOKIE] != planted
        joy.cookies[COOKIE] = planted
        assert joy.asks("/v1/wards").status_code == 401


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1"])
def test_nobody_is_sent_on_to_another_site(ward: Ward, there: Provider, wanted: str) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        named(api, Role.CLINICIAN, "joy@nhs.example")
        joy = Somebody(api)
        answer = joy.asks("/sign-in/oidc", params={"next": wanted})
        arrived = joy.asks(joy.signs_in_there(answer.headers["location"], "joy"))
        assert 'content="0;url=/"' in arrived.text


def test_a_provider_that_changed_its_key_is_believed_and_one_that_is_away_is_said_kindly(
    ward: Ward, there: Provider
) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        named(api, Role.CLINICIAN, "joy@nhs.example")
        assert COOKIE in Somebody(api).signs_in("joy").cookies  # its key is held now
        there.stop()
        there.change_key()
        with here(ward, there) as another:
            answer = Somebody(another).asks("/sign-in/oidc")
            assert (answer.status_code, "the provider does not answer" in answer.text) == (503, True)
            assert another.get("/v1/wards", Role.CLINICIAN).status_code == 200
            assert "Or with a token" in Somebody(another).asks("/sign-in").text
        there.start()
        assert COOKIE in Somebody(api).signs_in("joy").cookies


def test_signing_out_here_leads_on_to_signing_out_there(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        named(api, Role.CLINICIAN, "joy@nhs.example")
        joy = Somebody(api)
        joy.signs_in("joy")
        session = joy.cookies[COOKIE]
        out = joy.asks("/sign-out", "POST")
        there_too = out.text.partition('content="0;url=')[2].partition('"')[0].replace("&amp;", "&")
        assert there_too.startswith(f"{there.issuer}/logout/?id_token_hint=")
        assert joy.goes_there(there_too) == "http://testserver.local/sign-in"
        with Api(ward) as elsewhere:
            joy.api, joy.cookies[COOKIE] = elsewhere, session
            assert joy.asks("/v1/wards").status_code == 401


def test_whom_an_admin_forgets_signs_in_no_more_and_their_session_ends(ward: Ward, there: Provider) -> None:
    with here(ward, there, oidc_named_by="email") as api:
        staff = named(api, Role.CLINICIAN, "joy@nhs.example")
        joy = Somebody(api)
        joy.signs_in("joy")
        refused(api.delete(f"/v1/staff/{staff.public_id}/identity", Role.COORDINATOR), 403)
        assert done(api.delete(f"/v1/staff/{staff.public_id}/identity"))["named"] is None
        with Api(ward) as elsewhere:
            joy.api = elsewhere
            assert joy.asks("/v1/wards").status_code == 401
        assert Somebody(api).signs_in("joy").status_code == 403


def test_two_people_are_not_named_the_same(ward: Ward, there: Provider) -> None:
    with here(ward, there) as api:
        named(api, Role.CLINICIAN, "1")
        other, _ = ward.employ(Role.SUPPORT)
        refused(api.put(f"/v1/staff/{other.public_id}/identity", {"named": "1"}), 409)


def test_without_an_issuer_nobody_is_offered_one(api: Api) -> None:
    somebody = Somebody(api)
    assert "Or with a token" not in somebody.asks("/sign-in").text
    assert somebody.asks("/sign-in/oidc").headers["location"] == "/sign-in"
    assert somebody.asks("/sign-in/oidc/back?state=x&code=y").status_code == 404
    staff = api.ward.staff[Role.SUPPORT].public_id
    refused(api.put(f"/v1/staff/{staff}/identity", {"named": "x"}), 409)


def test_somebody_who_signs_in_for_the_first_time_twice_at_once_is_one_person(
    ward: Ward, there: Provider, roles: Path
) -> None:
    proof = Proof("s-1", ward.now, None, (), "t", {"sub": "s-1", "name": "Joy"} | {
        name: PEOPLE["cis2"][name] for name in ("selected_roleid", "nhsid_nrbac_roles")
    })  # fmt: skip

    def signs_in() -> int:
        with transaction(ward.engine) as session:
            return people.person(session, there.issuer, proof, "sub", read_roles(roles), ward.now).id

    with ThreadPoolExecutor(4) as pool:
        assert len({one.result() for one in [pool.submit(signs_in) for _ in range(4)]}) == 1
